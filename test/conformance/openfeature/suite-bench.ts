/** One SDK and one mode at work: a relay with the suite's flags, and providers in every state the suite asks for. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@openfeature/server-sdk';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';
import { createRelay, type Relay } from '../../../src/server/index.ts';
import { RecordingLogger } from '../../unit/relay/support/recording-logger.ts';
import { type Handler, reply, ScriptedRelay } from '../../unit/relay/support/scripted-relay.ts';
import type { ProviderKind } from './evaluation-cases.ts';
import { suiteFlags } from './flags.ts';
import type { Mode } from './modes.ts';
import type { Sdk } from './sdk.ts';

const API_KEY = 'key-of-the-suite';

/** A relay that takes requests and says nothing. */
const silent: Handler = () => undefined;
/** An answer that waiting does not change, so that a start ends with it at once. */
const refusing = reply(400, '{"message":"flagset not found for API key"}', { 'content-type': 'application/json' });

let domains = 0;

export class SuiteBench {
  readonly sdk: Sdk;
  readonly mode: Mode;
  readonly #folder: string;
  readonly #relay: Relay;

  private constructor(sdk: Sdk, mode: Mode, folder: string, relay: Relay) {
    this.sdk = sdk;
    this.mode = mode;
    this.#folder = folder;
    this.#relay = relay;
  }

  static async open(sdk: Sdk, mode: Mode): Promise<SuiteBench> {
    const folder = mkdtempSync(join(tmpdir(), 'edict-openfeature-'));
    writeFileSync(join(folder, 'flags.json'), JSON.stringify(suiteFlags()));
    // The SDK writes failed starts to the console, and the suite has many.
    sdk.exports.OpenFeature.setLogger(new RecordingLogger());
    return new SuiteBench(sdk, mode, folder, await startRelay(folder));
  }

  async close(): Promise<void> {
    await this.#relay.close();
    rmSync(this.#folder, { recursive: true });
  }

  /** Lends a client of a provider of that kind to `use`, and ends both. */
  async with<T>(
    kind: ProviderKind,
    use: (client: Client, provider: EdictProvider) => Promise<T>,
    options: EdictOptions = {},
  ): Promise<T> {
    const { OpenFeature } = this.sdk.exports;
    domains++;
    const domain = `${this.sdk.name}-${this.mode.name}-${domains}`;
    const scripted = kind === 'error' || kind === 'not ready' ? await ScriptedRelay.start() : undefined;
    if (scripted !== undefined) scripted.handler = kind === 'error' ? refusing : silent;
    // Its keys change, which concerns no other provider.
    const rotating = kind === 'stale' ? await startRelay(this.#folder) : undefined;
    const provider = new EdictProvider({
      endpoint: scripted?.url ?? rotating?.url ?? this.#relay.url,
      apiKey: kind === 'fatal' ? 'another-key' : API_KEY,
      logger: new RecordingLogger(),
      ...this.mode.options,
      ...options,
    });
    try {
      if (kind === 'not ready') OpenFeature.setProvider(domain, provider);
      else
        await OpenFeature.setProviderAndWait(domain, provider).catch((caught: unknown) =>
          this.#expectedAt(kind, caught),
        );
      if (rotating !== undefined) {
        rotating.setApiKeys(['rotated-key']);
        await provider.refresh();
      }
      return await use(OpenFeature.getClient(domain), provider);
    } finally {
      await OpenFeature.clearProviders();
      await scripted?.close();
      await rotating?.close();
    }
  }

  #expectedAt(kind: ProviderKind, caught: unknown): void {
    if (kind !== 'error' && kind !== 'fatal') throw caught;
  }
}

function startRelay(folder: string): Promise<Relay> {
  return createRelay({
    flagFiles: [join(folder, 'flags.json')],
    port: 0,
    apiKeys: [API_KEY],
    logger: new RecordingLogger(),
  });
}
