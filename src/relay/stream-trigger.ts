/** Listens to the change stream of a relay, for ever, and asks for a fetch when there may be news (relay-and-provider §2.5). */

import type { Readable } from 'node:stream';

import { EdictError } from '../errors.ts';
import type { TimerHandle } from '../options/clock.ts';
import { startTimer } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { type ChannelMessages, isHeard, publish } from '../telemetry/channels.ts';
import { backoff, jittered } from './backoff.ts';
import type { RelayFailure } from './connection.ts';
import type { FeedContents } from './feed-events.ts';
import type { StreamFacts } from './relay-facts.ts';
import type { StreamClient } from './stream-client.ts';
import { StreamParser } from './stream-parser.ts';

export type StreamOptions = Pick<
  ResolvedOptions,
  | 'streamIdleTimeoutMs'
  | 'streamTriggerDelayMs'
  | 'maxBackoffMs'
  | 'authRetryIntervalMs'
  | 'clock'
  | 'random'
  | 'logger'
> & {
  /** Default `flags`. */
  readonly contents?: FeedContents;
};

export interface StreamPorts {
  /** One conditional fetch is due. */
  onTrigger(): void;
  /** The stream went up, or down. */
  onUp(isUp: boolean): void;
}

type TimerName = 'idle' | 'steady' | 'trigger' | 'reconnect';
type StreamState = 'off' | 'connecting' | 'up' | 'waiting' | 'absent';

/** Also after a stream that ended at once: a server that hangs up is not asked again in a busy loop. */
const MIN_RECONNECT_MS = 1_000;

/** A stream that lasted this long was a good one: the delays of the next outage begin afresh. */
const STEADY_MS = 30_000;

/**
 * ```
 *  start ▶ connecting ──▶ up ── end, error, idle ──▶ waiting ──┐
 *              ▲  │  │                                  ▲      │ backoff, at least 1 s
 *              │  │  └─────── refused, unreachable ─────┘      │
 *              │  └── 204, 404 ──▶ absent                      │
 *              └───────────────────────────────────────────────┘
 * ```
 *
 * An event counts because it came: what it says is not read, since it has no order, lacks the enrichment and may be another
 * tenant's. One trigger follows each connect, and each burst of events, after a random delay.
 */
export class StreamTrigger {
  readonly #options: StreamOptions;
  readonly #client: Pick<StreamClient, 'open' | 'close'>;
  readonly #ports: StreamPorts;
  readonly #counts = { connects: 0, events: 0, triggers: 0, failures: 0 };
  #state: StreamState = 'off';
  #abort = new AbortController();
  #body: Readable | undefined;
  #isSteady = false;
  #retryMs = MIN_RECONNECT_MS;
  #consecutiveFailures = 0;
  #isOutageLogged = false;
  #lastError: StreamFacts['lastError'] = null;
  readonly #timers = new Map<TimerName, TimerHandle>();

  constructor(options: StreamOptions, client: Pick<StreamClient, 'open' | 'close'>, ports: StreamPorts) {
    this.#options = options;
    this.#client = client;
    this.#ports = ports;
  }

  /** Begins to listen. Once for each trigger; a restart takes a new one. */
  start(): void {
    if (this.#state === 'off' && !this.#abort.signal.aborted) void this.#connect();
  }

  /** Ends the stream, its connection and every timer, at once; resolves when the sockets are gone. Idempotent; never rejects. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#state = 'off';
    for (const name of [...this.#timers.keys()]) this.#clear(name);
    this.#body?.destroy();
    this.#body = undefined;
    await this.#client.close();
  }

  describe(): StreamFacts {
    return { state: this.#state, ...this.#counts, lastError: this.#lastError };
  }

  async #connect(): Promise<void> {
    this.#state = 'connecting';
    const { signal } = this.#abort;
    const result = await this.#client.open(signal);
    if (signal.aborted) {
      if (result.kind === 'open') result.body.destroy();
      return;
    }
    switch (result.kind) {
      case 'open':
        this.#listen(result.body);
        break;
      case 'absent':
        this.#state = 'absent';
        this.#options.logger.warn(
          `the relay offers no change stream (it answered ${result.status}); the configuration is polled only`,
        );
        this.#tell('absent', undefined, result.status);
        break;
      case 'failed':
        this.#fail('failed', result);
        break;
    }
  }

  #listen(body: Readable): void {
    this.#state = 'up';
    this.#body = body;
    this.#counts.connects++;
    this.#isSteady = false;
    this.#after('steady', STEADY_MS, () => this.#steady());
    const parser = new StreamParser({
      onEvent: () => {
        this.#counts.events++;
        this.#triggerSoon();
      },
      onRetry: (delayMs) => {
        this.#retryMs = delayMs;
      },
    });
    body.on('data', (chunk: Uint8Array) => {
      if (this.#body !== body) return;
      this.#watchIdle(body);
      parser.push(chunk);
    });
    body.on('error', (caught) => this.#ended(body, EdictError.from(caught, 'NETWORK')));
    body.on('close', () => this.#ended(body, new EdictError('NETWORK', 'the relay ended the stream')));
    this.#watchIdle(body);
    this.#ports.onUp(true);
    // What happened while nobody listened is told by no event.
    this.#triggerSoon();
    this.#tell('opened');
  }

  /** Only now is an outage over: a stream that ends as soon as it began would otherwise warn each time. */
  #steady(): void {
    this.#isSteady = true;
    this.#consecutiveFailures = 0;
    if (this.#isOutageLogged) this.#options.logger.info('the change stream is up again');
    this.#isOutageLogged = false;
  }

  /** An event that comes while one waits is covered by it. */
  #triggerSoon(): void {
    if (this.#timers.has('trigger')) return;
    const { random, streamTriggerDelayMs } = this.#options;
    this.#after('trigger', streamTriggerDelayMs * random(), () => {
      this.#counts.triggers++;
      this.#ports.onTrigger();
      this.#tell('triggered');
    });
  }

  #watchIdle(body: Readable): void {
    const { streamIdleTimeoutMs } = this.#options;
    const silence = `no byte for streamIdleTimeoutMs (${streamIdleTimeoutMs} ms)`;
    this.#after('idle', streamIdleTimeoutMs, () => this.#ended(body, new EdictError('TIMEOUT', silence)));
  }

  /** The first of error, end and silence; what comes after it, of the same stream, is old news. */
  #ended(body: Readable, error: EdictError): void {
    if (this.#body !== body) return;
    this.#body = undefined;
    this.#clear('idle');
    this.#clear('steady');
    body.destroy();
    this.#ports.onUp(false);
    this.#fail('ended', { kind: 'failed', error, pace: 'backoff' }, this.#isSteady);
  }

  /** The end of a steady stream (a quiet relay, one that restarts) is nothing to warn about, unless it does not come back. */
  #fail(event: 'ended' | 'failed', { error, pace, retryAfterMs = 0 }: RelayFailure, isOrdinary = false): void {
    const { clock, random, maxBackoffMs, authRetryIntervalMs, logger } = this.#options;
    this.#state = 'waiting';
    this.#counts.failures++;
    this.#consecutiveFailures++;
    this.#lastError = { code: error.code, status: error.status ?? null, at: shownTime(clock.now()) };
    const text = `the change stream is down: ${error.message}; polling goes on`;
    if (isOrdinary || this.#isOutageLogged) logger.debug(text);
    else logger.warn(text);
    this.#isOutageLogged ||= !isOrdinary;
    const delayMs =
      pace === 'auth'
        ? jittered(authRetryIntervalMs, random)
        : backoff(this.#consecutiveFailures, maxBackoffMs, random);
    this.#after('reconnect', Math.max(delayMs, this.#retryMs, retryAfterMs), () => void this.#connect());
    this.#tell(event, error.code, error.status);
  }

  #after(name: TimerName, delayMs: number, work: () => void): void {
    this.#clear(name);
    const run = (): void => {
      this.#timers.delete(name);
      work();
    };
    this.#timers.set(name, startTimer(this.#options.clock, run, delayMs));
  }

  #clear(name: TimerName): void {
    this.#options.clock.clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  /** The channel is that of flags. */
  #tell(event: ChannelMessages['edict:stream']['event'], code?: string, status?: number): void {
    if (this.#options.contents !== 'routes' && isHeard('edict:stream'))
      publish('edict:stream', { event, code, status });
  }
}

/** RFC 3339; a caller's clock may give anything. */
function shownTime(ms: number): string | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
