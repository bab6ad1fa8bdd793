/** Where an in-process evaluator's snapshots come from, and how one takes the place of another. */

import { readFile } from 'node:fs/promises';
import { EdictError } from '../errors.ts';
import { holdProcess } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { ConfigurationMeta } from '../relay/feed-events.ts';
import { LastKnownGood } from '../relay/last-known-good.ts';
import type { PersistedFacts } from '../relay/relay-facts.ts';
import { compile } from './configuration-compiler.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import type { Engine } from './engine.ts';
import type { SnapshotOrigin } from './evaluator-facts.ts';
import type { AliveCheck, LocalConfiguration } from './lifecycle.ts';
import { Snapshot } from './snapshot.ts';

/** A compiled configuration that a lane holds ready. */
export interface Staged {
  readonly flagCount: number;
  readonly suspicious: boolean;
  readonly snapshot: Snapshot;
  /** The bytes it was compiled from, when it came as bytes. */
  readonly body?: Uint8Array;
}

/** One line names this many broken flags; the rest are counted. */
const MAX_NAMED_BROKEN = 5;

export class InProcessSource {
  readonly #options: ResolvedOptions;
  readonly #engine: Engine;
  readonly #use: (snapshot: Snapshot | undefined) => void;
  readonly #lastKnownGood: LastKnownGood | undefined;
  #snapshot: Snapshot | undefined;
  #origin: SnapshotOrigin = 'none';
  /** Loads that change the snapshot run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `use` is told the snapshot that evaluations see from now on; `undefined`: none. */
  constructor(options: ResolvedOptions, engine: Engine, use: (snapshot: Snapshot | undefined) => void) {
    this.#options = options;
    this.#engine = engine;
    this.#use = use;
    const { persistPath, endpoint } = options;
    // Offline there is no relay whose configuration could be kept.
    this.#lastKnownGood =
      persistPath === undefined || endpoint === undefined ? undefined : new LastKnownGood({ ...options, persistPath });
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get origin(): SnapshotOrigin {
    return this.#origin;
  }

  /** Settles when no load is under way, and nothing is being written. Never rejects. */
  async idle(): Promise<void> {
    await this.#turn;
    await this.#lastKnownGood?.idle();
  }

  /** The relay said that the configuration in use is still its own. */
  confirmed(): void {
    if (this.#origin === 'relay' || this.#origin === 'persisted') this.#lastKnownGood?.confirm();
  }

  /** The persisted file, for diagnostics; `null` without one. */
  describePersisted(): PersistedFacts | null {
    return this.#lastKnownGood?.describe() ?? null;
  }

  drop(): void {
    this.#snapshot = undefined;
    this.#origin = 'none';
    this.#use(undefined);
  }

  /**
   * The local configuration that is in use now: the persisted one, which the relay sent once, or else the bootstrap. What cannot
   * be used is a warning, unless there is nothing else.
   */
  async loadLocal(alive: AliveCheck): Promise<LocalConfiguration | undefined> {
    const release = holdProcess(this.#options.clock);
    try {
      return (await this.#loadPersisted(alive)) ?? (await this.#loadBootstrap(alive));
    } finally {
      release();
    }
  }

  async #loadPersisted(alive: AliveCheck): Promise<LocalConfiguration | undefined> {
    const file = this.#lastKnownGood;
    const saved = await file?.read();
    if (file === undefined || saved === undefined) return undefined;
    try {
      this.publish(await this.stage({ body: saved.body }, alive), 'persisted');
      return { name: 'persisted', meta: saved.meta };
    } catch (caught) {
      alive();
      file.refuse(
        `${EdictError.from(caught, 'INVALID_BODY').message}; the next configuration of the relay replaces it`,
      );
      return undefined;
    }
  }

  async #loadBootstrap(alive: AliveCheck): Promise<LocalConfiguration | undefined> {
    const { bootstrap, endpoint, logger } = this.#options;
    if (bootstrap === undefined) return undefined;
    try {
      const staged = await this.stage(await readBootstrap(bootstrap), alive);
      this.publish(staged, 'bootstrap');
      return { name: 'bootstrap' };
    } catch (caught) {
      const error = EdictError.from(caught, 'INVALID_BODY');
      alive();
      if (endpoint === undefined) throw error;
      logger.warn(`the bootstrap configuration is ignored: ${error.message}`);
      return undefined;
    }
  }

  /** Compiles a configuration and has a lane hold its image ready. */
  async stage(source: ConfigurationSource, alive: AliveCheck): Promise<Staged> {
    const { flagPrefix } = this.#options;
    const work = this.#turn.then(async () => {
      alive();
      const compiled = await compile(source, { flagPrefix });
      alive();
      const snapshot = new Snapshot(compiled);
      await this.#engine.stage(snapshot);
      alive();
      const facts = { flagCount: snapshot.flagCount, suspicious: compiled.suspicious, snapshot };
      return 'body' in source ? { ...facts, body: source.body } : facts;
    });
    this.#turn = work.catch(() => undefined);
    return work;
  }

  /** Takes a configuration of the relay into use, and keeps it for the next start. Gives the flags that changed. */
  publishFromRelay(staged: Staged, meta: ConfigurationMeta): readonly string[] {
    const changed = this.publish(staged, 'relay');
    if (staged.body !== undefined) this.#lastKnownGood?.save(staged.body, meta);
    return changed;
  }

  /** Gives the flags that changed. INVARIANT: the only place a snapshot changes; flags, enrichment and outcomes move together. */
  publish({ snapshot }: Staged, origin: Exclude<SnapshotOrigin, 'none'>): readonly string[] {
    this.#engine.flip(snapshot);
    const previous = this.#snapshot;
    this.#snapshot = snapshot;
    this.#origin = origin;
    this.#use(snapshot);
    this.#reportBroken(snapshot);
    return previous === undefined ? [] : snapshot.changesFrom(previous);
  }

  #reportBroken(snapshot: Snapshot): void {
    const { broken } = snapshot.compiled;
    if (broken.length === 0) return;
    const named = broken.slice(0, MAX_NAMED_BROKEN).map(({ key, details }) => `"${key}" (${details})`);
    const more = broken.length > named.length ? ` and ${broken.length - named.length} more` : '';
    this.#options.logger.warn(`flags that cannot be compiled answer PARSE_ERROR: ${named.join(', ')}${more}`);
  }
}

async function readBootstrap(source: NonNullable<ResolvedOptions['bootstrap']>): Promise<ConfigurationSource> {
  if (source.kind === 'file') return { body: await readFile(source.path) };
  if (source.kind === 'document') return { body: new TextEncoder().encode(source.json) };
  return { document: await source.load() };
}
