/** Where an in-process evaluator's snapshots come from, and how one takes the place of another. */

import { readFile } from 'node:fs/promises';
import { EdictError } from '../errors.ts';
import { holdProcess } from '../options/clock.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { compile } from './configuration-compiler.ts';
import type { ConfigurationSource } from './configuration-source.ts';
import type { Engine } from './engine.ts';
import type { AliveCheck } from './lifecycle.ts';
import { Snapshot } from './snapshot.ts';

/** A compiled configuration that a lane holds ready. */
export interface Staged {
  readonly flagCount: number;
  readonly suspicious: boolean;
  readonly snapshot: Snapshot;
}

/** Who gave the snapshot in use. */
export type SnapshotOrigin = 'none' | 'bootstrap' | 'relay' | 'loaded';

/** One line names this many broken flags; the rest are counted. */
const MAX_NAMED_BROKEN = 5;

export class InProcessSource {
  readonly #options: ResolvedOptions;
  readonly #engine: Engine;
  readonly #use: (snapshot: Snapshot | undefined) => void;
  #snapshot: Snapshot | undefined;
  #origin: SnapshotOrigin = 'none';
  /** Loads that change the snapshot run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `use` is told the snapshot that evaluations see from now on; `undefined`: none. */
  constructor(options: ResolvedOptions, engine: Engine, use: (snapshot: Snapshot | undefined) => void) {
    this.#options = options;
    this.#engine = engine;
    this.#use = use;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get origin(): SnapshotOrigin {
    return this.#origin;
  }

  /** Settles when no load is under way. Never rejects. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  drop(): void {
    this.#snapshot = undefined;
    this.#origin = 'none';
    this.#use(undefined);
  }

  /**
   * The name of the local configuration that is in use now. A document that is none is a warning, unless there is nothing
   * else.
   */
  async loadLocal(alive: AliveCheck): Promise<string | undefined> {
    const { bootstrap, endpoint, logger, clock } = this.#options;
    if (bootstrap === undefined) return undefined;
    const release = holdProcess(clock);
    try {
      const staged = await this.stage(await readBootstrap(bootstrap), alive);
      this.publish(staged, 'bootstrap');
      return 'bootstrap';
    } catch (caught) {
      const error = EdictError.from(caught, 'INVALID_BODY');
      alive();
      if (endpoint === undefined) throw error;
      logger.warn(`the bootstrap configuration is ignored: ${error.message}`);
      return undefined;
    } finally {
      release();
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
      return { flagCount: snapshot.flagCount, suspicious: compiled.suspicious, snapshot };
    });
    this.#turn = work.catch(() => undefined);
    return work;
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
