/** How the options of usage events limit their queue. */

import type { QueueLimits } from '../internal/event-queue.ts';
import type { ResolvedOptions } from '../options/resolve.ts';

export type QueueOptions = Pick<
  ResolvedOptions,
  'maxPendingEvents' | 'maxPendingBytes' | 'maxBatchEvents' | 'maxBatchBytes' | 'overflow' | 'eventMode'
>;

/** The threshold of a flush is half of what may wait. */
export function queueLimits(options: QueueOptions): QueueLimits {
  const { maxPendingEvents, maxPendingBytes, maxBatchEvents, maxBatchBytes, overflow, eventMode } = options;
  return {
    maxEvents: 2 * maxPendingEvents,
    // With counts the other half belongs to these, waiting and in flight.
    maxBytes: eventMode === 'summary' ? Math.floor(maxPendingBytes / 2) : maxPendingBytes,
    maxBatchEvents,
    maxBatchBytes,
    overflow,
  };
}
