/** Ends what a worker is at: by telling its guest to stop, and by ending the thread only where that does not help. */

import { type Clock, startTimer } from '../options/clock.ts';
import type { PolicyFailure } from '../policy/model/failure.ts';
import type { PolicyThread } from './policy-thread.ts';

/** A guest looks every few milliseconds at most; the rest is for a machine on which the worker does not get its turn. */
const GRACE_MS = 50;

/** Whoever waits for the request has been answered. A thread that is lost answers with the failure, to those who still ask. */
export function endRequest(thread: PolicyThread, clock: Clock, failure: PolicyFailure): void {
  const told = thread.tellToStop();
  if (told === undefined) {
    thread.lose(failure);
    return;
  }
  startTimer(
    clock,
    () => {
      if (thread.isAt(told)) thread.lose(failure);
    },
    GRACE_MS,
  );
}
