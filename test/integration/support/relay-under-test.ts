/** What the integration tests ask of a relay, whichever one it is: flags in files that change, keys that rotate, events in a file. */

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../../src/internal/json.ts';
import { post } from './http.ts';
import { until } from './until.ts';

export type Flags = Readonly<Record<string, JsonObject>>;

export interface FlagSetSetup {
  readonly name: string;
  readonly apiKeys: readonly string[];
  readonly flags: Flags;
}

/** How a relay is started: with `flags`, or with `flagSets`. */
export interface RelaySetup {
  readonly flags?: Flags;
  readonly flagSets?: readonly FlagSetSetup[];
  /** Keys that may ask; beside flag sets they are known, and open none. */
  readonly keys?: readonly string[];
  readonly adminKeys?: readonly string[];
  readonly enrichment?: JsonObject;
}

export interface RelayUnderTest {
  readonly url: string;
  /** Writes other flags into the file of the flag set and resolves when the relay serves them. */
  changeFlags(flags: Flags, flagSet?: string): Promise<void>;
  /** Replaces the keys and resolves when the first new one is taken, and an old one is refused. */
  rotateKeys(keys: readonly string[], flagSet?: string): Promise<void>;
  /** The usage events exported so far. */
  events(): Promise<JsonObject[]>;
  /** Stops the relay and leaves its files, so that `start` brings the same one back under the same address. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops the relay and removes its files. */
  dispose(): Promise<void>;
}

/** A relay that tests can have, or why they cannot have it here. */
export interface RelayKind {
  readonly name: string;
  readonly missing?: string;
  start(setup: RelaySetup): Promise<RelayUnderTest>;
}

/** The name of the flag set of a relay without named ones. */
export const ONLY = 'only';

/** Files, keys and the waiting for changes; how the relay is run is the subclass's. */
export abstract class FileRelay implements RelayUnderTest {
  readonly folder: string;
  readonly port: number;
  protected readonly setup: RelaySetup;
  protected readonly keysOf = new Map<string, readonly string[]>();

  constructor(folder: string, port: number, setup: RelaySetup) {
    this.folder = folder;
    this.port = port;
    this.setup = setup;
    this.keysOf.set(ONLY, setup.keys ?? []);
    for (const { name, apiKeys } of setup.flagSets ?? []) this.keysOf.set(name, apiKeys);
  }

  abstract start(): Promise<void>;
  abstract stop(): Promise<void>;
  abstract events(): Promise<JsonObject[]>;
  /** Tells the relay of the keys in `keysOf`. */
  protected abstract applyKeys(flagSet: string): Promise<void>;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async changeFlags(flags: Flags, flagSet: string = ONLY): Promise<void> {
    const before = await this.#validator(flagSet);
    await this.writeFlags(flagSet, flags);
    if (before === undefined) return;
    await until('the relay serves the changed flags', async () => (await this.#validator(flagSet)) !== before);
  }

  async rotateKeys(keys: readonly string[], flagSet: string = ONLY): Promise<void> {
    const old = this.keysOf.get(flagSet)?.find((key) => !keys.includes(key));
    this.keysOf.set(flagSet, keys);
    await this.applyKeys(flagSet);
    await until('the relay takes the new keys', async () => {
      const [taken, refused] = await Promise.all([this.#status(keys[0]), this.#status(old)]);
      return taken === 200 && (old === undefined || refused === 401);
    });
  }

  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** All flag files, as the setup has them. */
  protected async writeAllFlags(): Promise<void> {
    if (this.setup.flags !== undefined) await this.writeFlags(ONLY, this.setup.flags);
    for (const { name, flags } of this.setup.flagSets ?? []) await this.writeFlags(name, flags);
  }

  protected flagFile(flagSet: string): string {
    return join(this.folder, `${flagSet}.json`);
  }

  /** In one stroke: no relay sees half a file. */
  protected async writeFlags(flagSet: string, flags: Flags): Promise<void> {
    const fresh = `${this.flagFile(flagSet)}.fresh`;
    await writeFile(fresh, JSON.stringify(flags));
    await rename(fresh, this.flagFile(flagSet));
  }

  /** The validator of the flag set's configuration; `undefined` while the relay is down. */
  async #validator(flagSet: string): Promise<string | undefined> {
    try {
      const { headers } = await post(this.url, '/v1/flag/configuration', {}, keyHeader(this.keysOf.get(flagSet)?.[0]));
      return headers.etag as string | undefined;
    } catch {
      return undefined;
    }
  }

  async #status(key: string | undefined): Promise<number> {
    return (await post(this.url, '/v1/flag/configuration', {}, keyHeader(key))).status;
  }
}

export function keyHeader(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { 'x-api-key': key };
}

/** A folder of its own for a relay's files. */
export function relayFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'edict-integration-'));
}

/** A port that nothing listens on now; a relay that is stopped and started again keeps it. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
