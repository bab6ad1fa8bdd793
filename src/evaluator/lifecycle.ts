/** The life of an in-process evaluator: start, states, reload, close (relay-and-provider §5.2–5.4). */

import { readFile } from 'node:fs/promises';
import { EdictError } from '../errors.ts';
import { holdProcess, startTimer } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { ConfigurationClient } from '../relay/configuration-client.ts';
import { ConfigurationFeed } from '../relay/feed.ts';
import type { FeedEvent } from '../relay/feed-events.ts';
import type { EvaluatorEvent, EvaluatorState } from './abstract-evaluator.ts';
import { compile } from './configuration-compiler.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import type { Engine } from './engine.ts';
import { Snapshot } from './snapshot.ts';

export interface LifecyclePorts {
  /** The snapshot evaluations use from now on; undefined: none. */
  use(snapshot: Snapshot | undefined): void;
  emit(event: EvaluatorEvent): void;
}

/** A compiled configuration that a lane holds ready. */
interface Staged {
  readonly flagCount: number;
  readonly suspicious: boolean;
  readonly snapshot: Snapshot;
}

/** Everything that lives from one `initialize` to the next `close`. */
interface Session {
  readonly started: Promise<void>;
  readonly abort: AbortController;
  feed?: ConfigurationFeed<Staged>;
  client?: ConfigurationClient;
}

/** One line names this many broken flags; the rest are counted. */
const MAX_NAMED_BROKEN = 5;

export class Lifecycle {
  readonly #options: ResolvedOptions;
  readonly #engine: Engine;
  readonly #ports: LifecyclePorts;
  #stateNow: EvaluatorState = 'not-ready';
  #stateSinceMs: number;
  /** What the feed's last publication changed, to be told once it says `published`: after `ready`, when it recovered. */
  #flagsChanged: readonly string[] = [];
  /** The state to return to when a storm of traps is over; undefined: there is none. */
  #calmState: 'ready' | 'stale' | undefined;
  #session: Session | undefined;
  #snapshot: Snapshot | undefined;
  #source: 'none' | 'bootstrap' | 'relay' | 'loaded' = 'none';
  #closing: Promise<void> | undefined;
  #wasClosed = false;
  /** Loads that change the snapshot run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ResolvedOptions, engine: Engine, ports: LifecyclePorts) {
    this.#options = options;
    this.#engine = engine;
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

  /** Twice at the same time: one start. When ready: one refresh, which may fail without rejecting. */
  async initialize(signal?: AbortSignal): Promise<void> {
    await this.#closing;
    if (this.#session === undefined) {
      const abort = new AbortController();
      let begin: () => void = () => undefined;
      const ready = new Promise<void>((resolve) => {
        begin = resolve;
      });
      const session: Session = {
        abort,
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
        await this.#engine.close();
      }
      throw caught;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** `initialize` after a start that ended: asks now, and rejects only when there is still nothing to decide with. */
  async #again(session: Session): Promise<void> {
    await session.started.catch(() => undefined);
    await this.refresh('initialize');
    if (this.#snapshot === undefined && this.#options.startup === 'strict') await session.started;
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
    this.#snapshot = undefined;
    this.#source = 'none';
    this.#calmState = undefined;
    this.#ports.use(undefined);
    session.abort.abort();
    session.feed?.stop();
    const finished = Promise.allSettled([session.client?.close(), session.started, this.#turn])
      // A start that came after the deadline has taken the engine over.
      .then(() => (this.#session === undefined ? this.#engine.close() : undefined))
      .catch((caught) => this.#options.logger.warn(`closing failed: ${String(caught)}`));
    this.#closing = this.#within(finished, deadlineMs).finally(() => {
      this.#closing = undefined;
      this.#state = 'not-ready';
    });
    return this.#closing;
  }

  async refresh(reason: string): Promise<'changed' | 'unchanged' | 'failed'> {
    const feed = this.#session?.feed;
    if (feed === undefined) return this.#snapshot === undefined ? 'failed' : 'unchanged';
    this.#options.logger.debug(`refresh asked for: ${reason}`);
    const result = await feed.refresh();
    return result === 'held' ? 'unchanged' : result;
  }

  async load(document: object): Promise<void> {
    const session = this.#session;
    if (session === undefined) throw new EdictError('NOT_STARTED', 'initialize() comes before load()');
    await session.started;
    const release = holdProcess(this.#options.clock);
    try {
      const staged = await this.#stage({ document }, session);
      this.#tellChanged(this.#publish(staged.snapshot, 'loaded'));
    } finally {
      release();
    }
  }

  describe(): Record<string, unknown> {
    const since = new Date(this.#stateSinceMs);
    return {
      stateSince: Number.isNaN(since.getTime()) ? null : since.toISOString(),
      source: this.#source,
      feed: this.#session?.feed?.describe() ?? null,
    };
  }

  async #start(session: Session): Promise<void> {
    try {
      await this.#engine.start();
    } catch (caught) {
      if (this.#session === session) this.#state = 'fatal';
      throw caught;
    }
    this.#alive(session);
    const hasLocal = await this.#loadBootstrap(session);
    this.#alive(session);
    const { endpoint } = this.#options;
    if (endpoint === undefined) {
      this.#state = 'ready';
    } else {
      await this.#startFeed(session, endpoint, hasLocal);
    }
    this.#engine.warm();
  }

  async #startFeed(session: Session, endpoint: string, hasLocal: boolean): Promise<void> {
    const client = new ConfigurationClient({ ...this.#options, endpoint });
    const feed = new ConfigurationFeed<Staged>(this.#options, {
      fetch: (validator) => client.fetch(validator),
      compile: (body) => this.#stage({ body }, session),
      publish: (staged) => {
        this.#flagsChanged = this.#publish(staged.snapshot, 'relay');
      },
      flagsInUse: () => this.#snapshot?.flagCount ?? 0,
      onEvent: (event) => this.#onFeedEvent(event),
    });
    session.feed = feed;
    session.client = client;
    const outcome = await feed.start({ hasLocal });
    this.#alive(session);
    if (outcome.kind === 'loaded') {
      this.#state = 'ready';
      return;
    }
    const error =
      outcome.kind === 'failed'
        ? outcome.error
        : new EdictError('EMPTY_REFUSED', 'the relay has no flags; looking again');
    if (this.#snapshot !== undefined) {
      this.#state = 'stale';
      this.#later(session, { type: 'stale', message: `serving the bootstrap configuration: ${error.message}` });
      return;
    }
    const fatal = error.code === 'UNAUTHORIZED' || error.code === 'FORBIDDEN';
    this.#state = fatal ? 'fatal' : 'error';
    if (fatal || this.#options.startup === 'strict') throw error;
    this.#later(session, { type: 'error', error });
  }

  /** Listeners hear of a start's outcome after it settled (the OpenFeature SDK announces READY itself), unless it is no longer so. */
  #later(session: Session, event: EvaluatorEvent): void {
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

  /** True when a bootstrap configuration is in use. A document that is none is a warning, unless there is nothing else. */
  async #loadBootstrap(session: Session): Promise<boolean> {
    const { bootstrap, endpoint, logger } = this.#options;
    if (bootstrap === undefined) return false;
    const release = holdProcess(this.#options.clock);
    try {
      const staged = await this.#stage(await readBootstrap(bootstrap), session);
      this.#publish(staged.snapshot, 'bootstrap');
      return true;
    } catch (caught) {
      const error = EdictError.from(caught, 'INVALID_BODY');
      this.#alive(session);
      if (endpoint === undefined) {
        this.#state = 'error';
        throw error;
      }
      logger.warn(`the bootstrap configuration is ignored: ${error.message}`);
      return false;
    } finally {
      release();
    }
  }

  /** Compiles a configuration and has a lane hold its image ready. */
  async #stage(source: ConfigurationSource, session: Session): Promise<Staged> {
    const { flagPrefix } = this.#options;
    const work = this.#turn.then(async () => {
      this.#alive(session);
      const compiled = await compile(source, { flagPrefix });
      this.#alive(session);
      const snapshot = new Snapshot(compiled);
      await this.#engine.stage(snapshot);
      this.#alive(session);
      return { flagCount: snapshot.flagCount, suspicious: compiled.suspicious, snapshot };
    });
    this.#turn = work.catch(() => undefined);
    return work;
  }

  /** Gives the flags that changed. INVARIANT: the only place a snapshot changes; flags, enrichment and outcomes move together. */
  #publish(snapshot: Snapshot, source: 'bootstrap' | 'relay' | 'loaded'): readonly string[] {
    this.#engine.flip(snapshot);
    const previous = this.#snapshot;
    this.#snapshot = snapshot;
    this.#source = source;
    this.#ports.use(snapshot);
    this.#reportBroken(snapshot);
    // A listener that was not told of a first configuration yet has none that could change.
    return previous === undefined || this.#state === 'starting' ? [] : snapshot.changesFrom(previous);
  }

  #tellChanged(flagsChanged: readonly string[]): void {
    if (flagsChanged.length > 0) this.#ports.emit({ type: 'changed', flagsChanged });
  }

  #reportBroken(snapshot: Snapshot): void {
    const { broken } = snapshot.compiled;
    if (broken.length === 0) return;
    const named = broken.slice(0, MAX_NAMED_BROKEN).map(({ key, details }) => `"${key}" (${details})`);
    const more = broken.length > named.length ? ` and ${broken.length - named.length} more` : '';
    this.#options.logger.warn(`flags that cannot be compiled answer PARSE_ERROR: ${named.join(', ')}${more}`);
  }

  #onFeedEvent(event: FeedEvent): void {
    switch (event.type) {
      case 'published':
        this.#tellChanged(this.#flagsChanged);
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

  #alive(session: Session): void {
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

async function readBootstrap(source: NonNullable<ResolvedOptions['bootstrap']>): Promise<ConfigurationSource> {
  if (source.kind === 'file') return { body: await readFile(source.path) };
  if (source.kind === 'document') return { body: new TextEncoder().encode(source.json) };
  return { document: await source.load() };
}
