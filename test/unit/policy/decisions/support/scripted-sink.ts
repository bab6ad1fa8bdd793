/** A sink that answers as a test tells it to, and remembers what it was given. */

import type { DecisionFacts } from '../../../../../src/policy/decisions/decision-event.ts';
import { DecisionLog, type DecisionLogOptions } from '../../../../../src/policy/decisions/decision-log.ts';
import type { DecisionBatch, DecisionSink, SinkAnswer } from '../../../../../src/policy/decisions/sink.ts';
import { Phase } from '../../../../../src/policy/model/phases.ts';
import type { FakeClock } from '../../../relay/support/fake-clock.ts';

export interface Received {
  readonly id: string;
  readonly tenant: string;
  readonly requestIds: readonly string[];
}

export class ScriptedSink implements DecisionSink {
  readonly received: Received[] = [];
  readonly signals: AbortSignal[] = [];
  closes = 0;
  /** Answers every batch; a test replaces it. */
  answer: (batch: DecisionBatch) => Promise<SinkAnswer> | SinkAnswer = () => ({ kind: 'sent' });

  async send(batch: DecisionBatch, signal: AbortSignal): Promise<SinkAnswer> {
    const events = JSON.parse(`[${batch.events}]`) as { requestId: string }[];
    this.received.push({ id: batch.id, tenant: batch.tenant, requestIds: events.map(({ requestId }) => requestId) });
    this.signals.push(signal);
    return this.answer(batch);
  }

  async close(): Promise<void> {
    this.closes++;
  }

  get requestIds(): string[] {
    return this.received.flatMap(({ requestIds }) => requestIds);
  }
}

export const subject = (tenant = 'shop') => ({ tenant, labels: { team: 'a' }, revision: 'r1' });

export function facts(requestId: string, more: Partial<DecisionFacts> = {}): DecisionFacts {
  return {
    route: 'pets-get',
    requestId,
    records: [
      {
        position: 'auth',
        name: 'jwt-auth',
        version: 'v1.2.0',
        phase: Phase.requestHeaders,
        outcome: 'none',
        durationUs: 4.26,
      },
    ],
    result: { status: 200, shortCircuit: false },
    ...more,
  };
}

export function logOf(clock: FakeClock, sink: DecisionSink, more: Partial<DecisionLogOptions> = {}): DecisionLog {
  let id = 0;
  const log = DecisionLog.create({ clock, random: () => 0.5, newId: () => `d-${++id}`, ...more }, sink);
  if (!(log instanceof DecisionLog)) throw new Error(log.problems.join());
  return log;
}

/** Resolvers for answers that a test gives later. */
export function pending<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((take) => {
    resolve = take;
  });
  return { promise, resolve };
}
