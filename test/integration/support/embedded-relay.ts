/** The relay of `edict/relay`, in this process. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../../src/internal/json.ts';
import { createRelay, type Relay, type RelayOptions } from '../../../src/server/index.ts';
import { FileRelay, freePort, ONLY, type RelayKind, relayFolder } from './relay-under-test.ts';

const SILENT = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

export const embeddedRelay: RelayKind = {
  name: 'the embedded relay',
  start: async (setup) => {
    const relay = new EmbeddedRelay(await relayFolder(), await freePort(), setup);
    await relay.start();
    return relay;
  },
};

class EmbeddedRelay extends FileRelay {
  #relay: Relay | undefined;
  #isPrepared = false;

  override async start(): Promise<void> {
    if (!this.#isPrepared) await this.writeAllFlags();
    this.#isPrepared = true;
    const { flagSets, adminKeys = [], enrichment = {} } = this.setup;
    const flags = {
      flagFiles: [this.flagFile(ONLY)],
      evaluationContextEnrichment: enrichment,
    };
    const sets = flagSets?.map(({ name }) => ({
      name,
      apiKeys: this.keysOf.get(name) ?? [],
      flagFiles: [this.flagFile(name)],
    }));
    this.#relay = await createRelay({
      ...(sets === undefined ? flags : { flagSets: sets }),
      apiKeys: this.keysOf.get(ONLY) ?? [],
      adminKeys,
      exporters: [{ type: 'file', path: this.#eventFile }],
      port: this.port,
      logger: SILENT,
      debounceMs: 10,
    } as object as RelayOptions);
  }

  override async stop(): Promise<void> {
    await this.#relay?.close();
    this.#relay = undefined;
  }

  override async events(): Promise<JsonObject[]> {
    const text = await readFile(this.#eventFile, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as JsonObject);
  }

  protected override async applyKeys(flagSet: string): Promise<void> {
    const keys = this.keysOf.get(flagSet) ?? [];
    const { setApiKeys } = this.#relay as { setApiKeys(keys: readonly string[], flagSet?: string): void };
    if (flagSet === ONLY) setApiKeys(keys);
    else setApiKeys(keys, flagSet);
  }

  get #eventFile(): string {
    return join(this.folder, 'events.jsonl');
  }
}
