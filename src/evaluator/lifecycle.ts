/** The life of an evaluator that follows a relay: start, states, refresh, close (relay-and-provider §5.2–5.4). */

import { EdictError } from '../errors.ts';
import { startTimer } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { ConfigurationResult } from '../relay/configuration-client.ts';
import { RelayConnection } from '../relay/connection.ts';
import { ConfigurationFeed } from '../relay/feed.ts';
import type { CompiledFacts, ConfigurationMeta, FeedEvent } from '../relay/feed-events.ts';
import { StreamClient } from '../relay/stream-client.ts';
import { StreamTrigger } from '../relay/stream-trigger.ts';
import type { EvaluatorEvent, EvaluatorState } from './abstract-evaluator.ts';
import type { LifecycleFacts } from './evaluator-facts.ts';

/** A configuration that was there before the relay answered, and is in use. */
export interface LocalConfiguration {
  /** What messages call it. */
  readonly name: string;
  /** Given when it was the relay's own: the first request then asks for news only. */
  readonly meta?: ConfigurationMeta;
}

/** Throws `CLOSED` when the life this work was begun for is over. */
export type AliveCheck = () => void;

/**
 * What an evaluator does at each station of its life. `S` is a configuration that was read and compiled but is not in use
 * yet.
 */
export interface LifecyclePorts<S extends CompiledFacts> {
  /** Most connections to one address; a feed alone needs one. */
  readonly connections?: number;
  /** Makes ready what evaluations run on. A rejection is fatal: nothing in the background can heal it. */
  start(): Promise<void>;
  /** Releases what `start` made. Never rejects. */
  stop(): Promise<void>;
  /** Puts a local configuration into use; `undefined` when there is none that can be used. */
  loadLocal(alive: AliveCheck): Promise<LocalConfiguration | undefined>;
  /** The question that is asked again and again over a connection. */
  ask(connection: RelayConnection, validator: string | undefined): Promise<ConfigurationResult>;
  compile(body: Uint8Array, alive: AliveCheck): Promise<S>;
  /** Takes a configuration of the relay into use, as one change; the keys that changed, sorted. */
  publish(staged: S, meta: ConfigurationMeta): readonly string[];
  /** The relay said that the configuration in use is still its own. */
  confirmed?(): void;
  /** How many flags are in use; zero flags of the relay are guarded while there are any. */
  flagsInUse(): number;
  /** Whether evaluations have anything to decide with. */
  readonly isServing: boolean;
  /** The evaluator was closed: nothing is in use any more. */
  drop(): void;
  emit(event: EvaluatorEvent): void;
}

/** Everything that lives from one `initialize` to the next `close`. */
interface Session<S extends CompiledFacts> {
  readonly started: Promise<void>;
  feed?: ConfigurationFeed<S>;
  connection?: RelayConnection;
  stream?: StreamTrigger;
}

export class Lifecycle<S extends CompiledFacts> {
  readonly #options: ResolvedOptions;
  readonly #ports: LifecyclePorts<S>;
  #stateNow: EvaluatorState = 'not-ready';
  #stateSinceMs: number;
  /** What the feed's last publication changed, to be told once it says `published`: after `ready`, when it recovered. */
  #flagsChanged: readonly string[] = [];
  /** The state to return to when a storm of traps is over; undefined: there is none. */
  #calmState: 'ready' | 'stale' | undefined;
  #session: Session<S> | undefined;
  #closing: Promise<void> | undefined;
  #wasClosed = false;

  constructor(options: ResolvedOptions, ports: LifecyclePorts<S>) {
    this.#options = options;
    this.#ports = ports;
    this.#stateSinceMs = options.clock.now();
  }

  get state(): EvaluatorState {
    return this.#state;
  }

  get #state(): EvaluatorState {
    return this.#stateNow;
  }

  set #state(state: EvaluatorState) {
    if (state !== this.#stateNow) this.#stateSinceMs = this.#options.clock.now();
    this.#stateNow = state;
  }

  get wasClosed(): boolean {
    return this.#wasClosed;
  }

  get confirmedAgeMs(): number | undefined {
    return this.#session?.feed?.confirmedAgeMs;
  }

  /** The relay cannot be reached just now, as far as the feed knows; false without one. */
  get feedIsUnreachable(): boolean {
    return this.#session?.feed?.isUnreachable ?? false;
  }

  /** The connection of the life begun last, once it talks to a relay. */
  get connection(): RelayConnection | undefined {
    return this.#session?.connection;
  }

  /** Takes the outcome of an evaluation that the relay was asked for: failures of both kinds add up, a success of either heals. */
  noteEvaluation(error?: EdictError): void {
    this.#session?.feed?.note(error);
  }

  /** Twice at the same time: one start. When ready: one refresh, which may fail without rejecting. */
  async initialize(signal?: AbortSignal): Promise<void> {
    await this.#closing;
    if (this.#session === undefined) {
      let begin: () => void = () => undefined;
      const ready = new Promise<void>((resolve) => {
        begin = resolve;
      });
      const session: Session<S> = {
        started: ready
          .then(() => this.#start(session))
          .catch((caught) => {
            throw EdictError.from(caught, 'NOT_STARTED');
          }),
      };
      this.#session = session;
      this.#wasClosed = false;
      this.#state = 'starting';
      begin();
    } else if (this.#state !== 'starting') {
      return this.#again(this.#session);
    }
    const session = this.#session;
    const onAbort = () => void this.close(0);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await session.started;
    } catch (caught) {
      // Without a feed nothing heals in the background: a later initialize begins afresh.
      if (session.feed === undefined && this.#session === session) {
        this.#session = undefined;
        await this.#ports.stop();
      }
      throw caught;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** `initialize` after a start that ended: asks now, and rejects only when there is still nothing to decide with. */
  async #again(session: Session<S>): Promise<void> {
    await session.started.catch(() => undefined);
    await this.refresh('initialize');
    if (!this.#ports.isServing && this.#options.startup === 'strict') await session.started;
  }

  close(deadlineMs: number): Promise<void> {
    if (this.#session === undefined) {
      this.#wasClosed = true;
      if (this.#closing === undefined) this.#state = 'not-ready';
      return this.#closing ?? Promise.resolve();
    }
    const session = this.#session;
    this.#session = undefined;
    this.#wasClosed = true;
    this.#state = 'closing';
    this.#calmState = undefined;
    this.#ports.drop();
    session.feed?.stop();
    const finished = Promise.allSettled([session.stream?.stop(), session.connection?.close(), session.started])
      // A start that came after the deadline has taken over what evaluations run on.
      .then(() => (this.#session === undefined ? this.#ports.stop() : undefined))
      .catch((caught) => this.#options.logger.warn(`closing failed: ${String(caught)}`));
    this.#closing = this.#within(finished, deadlineMs).finally(() => {
      this.#closing = undefined;
      this.#state = 'not-ready';
    });
    return this.#closing;
  }

  async refresh(reason: string): Promise<'changed' | 'unchanged' | 'failed'> {
    const feed = this.#session?.feed;
    if (feed === undefined) return this.#ports.isServing ? 'unchanged' : 'failed';
    this.#options.logger.debug(`refresh asked for: ${reason}`);
    const result = await feed.refresh();
    return result === 'held' ? 'unchanged' : result;
  }

  /** The check for work that belongs to the life begun last. Throws `NOT_STARTED` when there is none. */
  async whenStarted(): Promise<AliveCheck> {
    const session = this.#session;
    if (session === undefined) throw new EdictError('NOT_STARTED', 'initialize() comes before load()');
    await session.started;
    return () => this.#alive(session);
  }

  describe(): LifecycleFacts {
    const since = new Date(this.#stateSinceMs);
    const age = this.confirmedAgeMs;
    return {
      stateSince: Number.isNaN(since.getTime()) ? null : since.toISOString(),
      confirmedAgeMs: age === undefined ? null : Math.round(age),
      endpoint: this.#session?.connection?.endpoint ?? null,
      feed: this.#session?.feed?.describe() ?? null,
      stream: this.#session?.stream?.describe() ?? null,
    };
  }

  async #start(session: Session<S>): Promise<void> {
    try {
      await this.#ports.start();
    } catch (caught) {
      if (this.#session === session) this.#state = 'fatal';
      throw caught;
    }
    this.#alive(session);
    const local = await this.#loadLocal(session);
    this.#alive(session);
    const { endpoint } = this.#options;
    if (endpoint === undefined) this.#state = 'ready';
    else await this.#startFeed(session, endpoint, local);
  }

  async #loadLocal(session: Session<S>): Promise<LocalConfiguration | undefined> {
    try {
      return await this.#ports.loadLocal(() => this.#alive(session));
    } catch (caught) {
      if (this.#session === session) this.#state = 'error';
      throw caught;
    }
  }

  async #startFeed(
    session: Session<S>,
    endpoint: readonly string[],
    local: LocalConfiguration | undefined,
  ): Promise<void> {
    const { connections = 1 } = this.#ports;
    const connection = new RelayConnection({ ...this.#options, endpoint, connections });
    if (endpoint.length > 1) connection.limit(Math.ceil(this.#options.initTimeoutMs / endpoint.length));
    const feed = new ConfigurationFeed<S>(this.#options, {
      fetch: (validator) => this.#ports.ask(connection, validator),
      compile: (body) => this.#ports.compile(body, () => this.#alive(session)),
      publish: (staged, meta) => {
        const changed = this.#ports.publish(staged, meta);
        // A listener that was not told of a first configuration yet has none that could change.
        this.#flagsChanged = this.#state === 'starting' ? [] : changed;
      },
      flagsInUse: () => this.#ports.flagsInUse(),
      onEvent: (event) => this.#onFeedEvent(event),
      onConfirmed: () => this.#ports.confirmed?.(),
    });
    session.feed = feed;
    session.connection = connection;
    const known = local?.meta === undefined ? {} : { known: local.meta };
    const outcome = await feed.start({ hasLocal: local !== undefined, ...known });
    connection.limit(undefined);
    this.#alive(session);
    this.#startStream(session, endpoint, feed);
    if (outcome.kind === 'loaded') {
      this.#state = 'ready';
      return;
    }
    const error =
      outcome.kind === 'failed'
        ? outcome.error
        : new EdictError('EMPTY_REFUSED', 'the relay has no flags; looking again');
    if (this.#ports.isServing) {
      this.#state = 'stale';
      this.#later(session, { type: 'stale', message: `serving the ${local?.name} configuration: ${error.message}` });
      return;
    }
    const fatal = error.code === 'UNAUTHORIZED' || error.code === 'FORBIDDEN';
    this.#state = fatal ? 'fatal' : 'error';
    if (fatal || this.#options.startup === 'strict') throw error;
    this.#later(session, { type: 'error', error });
  }

  /** Over a connection of its own: a poll that times out must not take the stream with it, nor the stream a poll. */
  #startStream(session: Session<S>, endpoint: readonly string[], feed: ConfigurationFeed<S>): void {
    if (this.#options.streaming === 'off') return;
    const client = new StreamClient(new RelayConnection({ ...this.#options, endpoint }));
    session.stream = new StreamTrigger(this.#options, client, {
      onTrigger: () => feed.trigger(),
      onUp: (isUp) => feed.setStreamUp(isUp),
    });
    session.stream.start();
  }

  /** Listeners hear of a start's outcome after it settled (the OpenFeature SDK announces READY itself), unless it is no longer so. */
  #later(session: Session<S>, event: EvaluatorEvent): void {
    const state = this.#state;
    startTimer(
      this.#options.clock,
      () => {
        if (this.#session === session && this.#state === state) this.#ports.emit(event);
      },
      0,
    );
  }

  /** More traps than replacements can keep up with, or a minute without any (S-28). */
  onStorm(isStorm: boolean): void {
    const session = this.#session;
    if (isStorm) {
      if (this.#state !== 'ready' && this.#state !== 'stale') return;
      this.#calmState = this.#state;
      this.#state = 'error';
      const error = new EdictError('TRAP', 'the guest traps again and again; stores are replaced once a second');
      // Not from within the evaluation that trapped.
      queueMicrotask(() => this.#session === session && this.#ports.emit({ type: 'error', error }));
    } else if (this.#calmState !== undefined) {
      this.#state = this.#calmState;
      this.#calmState = undefined;
      const message = 'the guest no longer traps; serving the last good configuration';
      this.#ports.emit(this.#state === 'ready' ? { type: 'ready' } : { type: 'stale', message });
    }
  }

  /** Tells of a change that did not come through the feed. */
  tellChanged(flagsChanged: readonly string[]): void {
    if (flagsChanged.length > 0) this.#ports.emit({ type: 'changed', flagsChanged });
  }

  #onFeedEvent(event: FeedEvent): void {
    switch (event.type) {
      case 'published':
        this.tellChanged(this.#flagsChanged);
        return;
      case 'recovered':
        if (this.#state === 'starting') return;
        if (this.#calmState !== undefined) {
          this.#calmState = 'ready';
          return;
        }
        this.#state = 'ready';
        this.#ports.emit({ type: 'ready' });
        return;
      case 'stale':
        if (this.#calmState !== undefined) {
          this.#calmState = 'stale';
          return;
        }
        this.#state = 'stale';
        this.#ports.emit({ type: 'stale', message: event.message });
        return;
      case 'overdue':
        this.#calmState = undefined;
        this.#state = 'error';
        this.#ports.emit({ type: 'error', error: event.error });
        return;
      default:
        return;
    }
  }

  #alive(session: Session<S>): void {
    if (this.#session !== session) throw new EdictError('CLOSED', 'the evaluator was closed');
  }

  async #within(work: Promise<unknown>, deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    let timer: unknown;
    const deadline = new Promise<void>((resolve) => {
      timer = startTimer(clock, resolve, deadlineMs);
    });
    await Promise.race([work, deadline]);
    clock.clearTimeout(timer);
  }
}
