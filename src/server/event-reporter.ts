/** What happens to the flags, told to everybody concerned: metrics, log, change streams and the host's listeners. */

import type { SafeLogger } from '../telemetry/logger.ts';
import { changedKeys } from './flag-change.ts';
import type { StoreEvent } from './flag-store.ts';
import type { RelayMetrics } from './metrics.ts';
import type { PolicyEvent } from './policies/policy-source.ts';
import type { PolicyReport } from './policies/report-routes.ts';
import type { RelayFlagSet } from './relay-flag-set.ts';
import { sourceLabel } from './relay-flag-set.ts';
import type { ChangeStreams } from './stream-route.ts';

/** What a running relay tells its host; `flagSet` is there when the relay has named flag sets. */
export type RelayEvent = { readonly flagSet?: string } & (
  | /** Another flag set is in force. Keys sorted by UTF-16 code unit. */
  { readonly type: 'changed'; readonly flagsChanged: readonly string[] }
  /** A flag is left out of every answer; the message says where and why. No key: it has none in its file. */
  | { readonly type: 'invalid-flag'; readonly flagKey: string | undefined; readonly message: string }
  /** A source cannot be read any more; its last good content stays in use, and it is tried again. */
  | { readonly type: 'source-failed'; readonly source: string; readonly message: string }
  /** A source that had failed is readable again. */
  | { readonly type: 'source-recovered'; readonly source: string }
  | PolicyEvent
  | PolicyReport
);

type Listener = (event: RelayEvent) => void;

export class EventReporter {
  readonly #logger: SafeLogger;
  readonly #streams: ChangeStreams;
  readonly #listeners = new Set<Listener>();

  constructor(to: { readonly logger: SafeLogger; readonly streams: ChangeStreams }) {
    this.#logger = to.logger;
    this.#streams = to.streams;
  }

  /** Returns the function that removes the listener. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  report(event: StoreEvent, flagSet: RelayFlagSet, metrics: RelayMetrics): void {
    this.#count(event, metrics);
    if (event.type === 'changed') this.#streams.publish(event.change, flagSet);
    this.#log(event, flagSet);
    this.#tell(flagSet.isNamed ? { flagSet: flagSet.name, ...publicEvent(event) } : publicEvent(event));
  }

  reportPolicies(event: PolicyEvent | PolicyReport, metrics: RelayMetrics): void {
    switch (event.type) {
      case 'policies-changed':
        this.#logger.info(`policies changed: revision ${event.revision}`);
        break;
      case 'policy-refused':
        this.#logger.error(`not served, ${event.message}`);
        break;
      case 'policies-failed':
        this.#logger.error(`policies: ${event.message}; the last good ones stay in use`);
        break;
      case 'policy-status':
        metrics.countPolicyStatus(String(event.status.outcome));
        break;
      case 'policy-decisions':
        metrics.countPolicyDecisions(event.decisions.length);
        break;
    }
    this.#tell(event);
  }

  #count(event: StoreEvent, metrics: RelayMetrics): void {
    if (event.type === 'changed') metrics.countChange(event.change);
    else if (event.type === 'invalid-flag') metrics.countInvalidFlag();
    else if (event.type === 'source-failed') metrics.countSourceFailure();
  }

  #log(event: StoreEvent, flagSet: RelayFlagSet): void {
    const where = flagSet.isNamed ? ` (${flagSet.name})` : '';
    switch (event.type) {
      case 'changed':
        this.#logger.info(`flags changed${where}: ${changedKeys(event.change).join(', ')}`);
        break;
      case 'invalid-flag':
        this.#logger.error(`left out${where}, ${event.message}`);
        break;
      case 'source-failed':
        this.#logger.error(`${sourceLabel(flagSet, event.source)}: ${event.message}; the last good flags stay in use`);
        break;
      case 'source-recovered':
        this.#logger.warn(`${sourceLabel(flagSet, event.source)}: readable again`);
        break;
    }
  }

  #tell(event: RelayEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (caught) {
        const reason = caught instanceof Error ? caught.message : String(caught);
        this.#logger.error(`a listener of the relay threw: ${reason}`);
      }
    }
  }
}

function publicEvent(event: StoreEvent): RelayEvent {
  return event.type === 'changed' ? { type: 'changed', flagsChanged: changedKeys(event.change) } : event;
}
