/** GO Feature Flag's own relay proxy, in a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../../src/internal/json.ts';
import { goProgram } from '../../setup/go-program.ts';
import { FileRelay, freePort, ONLY, type RelayKind, type RelaySetup, relayFolder } from './relay-under-test.ts';

/** The least it accepts: flags of a file are looked at once a second. */
const POLL_MS = 1_000;
const FLUSH_MS = 100;

const program = goProgram('go-relay');

export const stockRelay: RelayKind = {
  name: 'GO Feature Flag’s relay proxy',
  ...('reason' in program ? { missing: program.reason } : {}),
  start: async (setup) => {
    if ('reason' in program) throw new Error(program.reason);
    const relay = new StockRelay(await relayFolder(), await freePort(), setup, program.file);
    await relay.prepare();
    await relay.start();
    return relay;
  },
};

class StockRelay extends FileRelay {
  readonly #program: string;
  #process: ChildProcess | undefined;

  constructor(folder: string, port: number, setup: RelaySetup, file: string) {
    super(folder, port, setup);
    this.#program = file;
  }

  async prepare(): Promise<void> {
    await this.writeAllFlags();
    await this.#writeSettings();
  }

  override start(): Promise<void> {
    const { PATH = '', TMPDIR } = process.env;
    // Every variable of the environment is a setting to it.
    const env = { PATH, TZ: 'UTC', ...(TMPDIR === undefined ? {} : { TMPDIR }) };
    const child = spawn(this.#program, ['--config', this.#settingsFile], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    let output = '';
    return new Promise((resolve, reject) => {
      const listen = (chunk: string): void => {
        output += chunk;
        if (/^listening /m.test(output)) resolve();
      };
      child.stdout.setEncoding('utf8').on('data', listen);
      child.stderr.setEncoding('utf8').on('data', listen);
      child.on('error', reject);
      child.on('exit', (code) => reject(new Error(`the relay ended with ${code}:\n${output}`)));
    });
  }

  override async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    await ended;
  }

  override async events(): Promise<JsonObject[]> {
    const files = (await readdir(join(this.folder, 'events')).catch(() => [])).sort();
    const texts = await Promise.all(files.map((file) => readFile(join(this.folder, 'events', file), 'utf8')));
    return texts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line) as JsonObject);
  }

  /** Its configuration file is watched, and the keys in it are the only thing it takes up without a restart. */
  protected override applyKeys(): Promise<void> {
    return this.#writeSettings();
  }

  get #settingsFile(): string {
    return join(this.folder, 'relay.json');
  }

  async #writeSettings(): Promise<void> {
    const { flagSets, adminKeys = [], enrichment } = this.setup;
    const source = (flagSet: string): JsonObject => ({
      fileFormat: 'json',
      pollingInterval: POLL_MS,
      retrievers: [{ kind: 'file', path: this.flagFile(flagSet) }],
      exporters: ['feature', 'tracking'].map((eventType) => ({
        kind: 'file',
        outputDir: join(this.folder, 'events'),
        filename: `${flagSet}-${eventType}.json`,
        flushInterval: FLUSH_MS,
        eventType,
      })),
    });
    const settings = {
      server: { mode: 'http', host: '127.0.0.1', port: this.port },
      hideBanner: true,
      logLevel: 'error',
      authorizedKeys: { evaluation: [...(this.keysOf.get(ONLY) ?? [])], admin: [...adminKeys] },
      ...(enrichment === undefined ? {} : { evaluationContextEnrichment: enrichment }),
      ...(flagSets === undefined
        ? source(ONLY)
        : {
            flagSets: flagSets.map(({ name }) => ({
              name,
              apiKeys: [...(this.keysOf.get(name) ?? [])],
              ...source(name),
            })),
          }),
    };
    await writeFile(this.#settingsFile, JSON.stringify(settings));
  }
}
