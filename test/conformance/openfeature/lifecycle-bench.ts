/** One provider behind one SDK, over an embedded relay whose keys and flags a test changes, on a clock the test owns. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, EventDetails, ServerProviderEvents } from '@openfeature/server-sdk';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';
import { createRelay, type Relay } from '../../../src/server/index.ts';
import { FakeClock, settle } from '../../unit/relay/support/fake-clock.ts';
import { RecordingLogger } from '../../unit/relay/support/recording-logger.ts';
import type { Mode } from './modes.ts';
import type { Sdk } from './sdk.ts';

export const API_KEY = 'key-of-the-suite';

/** What a handler was called with. */
export interface Heard {
  readonly type: string;
  readonly details: EventDetails | undefined;
}

let domains = 0;

export class LifecycleBench {
  readonly sdk: Sdk;
  readonly domain: string;
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly provider: EdictProvider;
  /** By handlers of the client, and by handlers of the API. */
  readonly heard: Heard[] = [];
  readonly heardByApi: string[] = [];
  readonly #folder: string;
  readonly #port: number;
  #relay: Relay | undefined;

  private constructor(sdk: Sdk, mode: Mode, options: EdictOptions, folder: string, relay: Relay) {
    domains++;
    this.sdk = sdk;
    this.domain = `lifecycle-${domains}`;
    this.#folder = folder;
    this.#relay = relay;
    this.#port = relay.port;
    const { clock, logger } = this;
    // The clock goes on while requests are under way, so none may time out by it.
    const patience = { timeoutMs: 3_600_000, stallTimeoutMs: 3_600_000 };
    const fixed = { endpoint: relay.url, apiKey: API_KEY, clock, logger, random: () => 0.5, ...patience };
    this.provider = new EdictProvider({ ...fixed, ...mode.options, ...options });
    for (const type of Object.values(sdk.exports.ProviderEvents)) {
      const name = type.replace('PROVIDER_', '');
      this.client.addHandler(type, (details) => void this.heard.push({ type: name, details }));
      sdk.exports.OpenFeature.addHandler(type as ServerProviderEvents.Ready, (details) => {
        if (details?.domain === this.domain) this.heardByApi.push(name);
      });
    }
  }

  static async open(sdk: Sdk, mode: Mode, options: EdictOptions = {}): Promise<LifecycleBench> {
    const folder = mkdtempSync(join(tmpdir(), 'edict-lifecycle-'));
    writeFlags(folder, 'on');
    sdk.exports.OpenFeature.setLogger(new RecordingLogger());
    return new LifecycleBench(sdk, mode, options, folder, await startRelay(folder, 0));
  }

  get client(): Client {
    return this.sdk.exports.OpenFeature.getClient(this.domain);
  }

  get types(): string[] {
    return this.heard.map(({ type }) => type);
  }

  get status(): string {
    return this.client.providerStatus;
  }

  /** Gives the provider to the SDK; the code that the start failed with, or undefined. */
  async start(): Promise<unknown> {
    try {
      await this.sdk.exports.OpenFeature.setProviderAndWait(this.domain, this.provider);
      return undefined;
    } catch (caught) {
      return (caught as { code?: unknown }).code;
    } finally {
      await settle();
      await settle();
    }
  }

  /** The text that the one flag gives; `default` when there is none to give. */
  value(): Promise<string> {
    return this.client.getStringValue('flag', 'default', { targetingKey: 'user-1' });
  }

  async refresh(): Promise<string> {
    const outcome = await this.provider.refresh();
    await settle();
    return outcome;
  }

  /** From now on the relay takes other keys than the provider's, or takes it again. */
  refuse(isRefusing: boolean): void {
    this.#relay?.setApiKeys([isRefusing ? 'rotated-key' : API_KEY]);
  }

  /** Other content of the flag, in force when this resolves. */
  async serve(variation: 'on' | 'off'): Promise<void> {
    writeFlags(this.#folder, variation);
    await this.#relay?.reload();
  }

  async relayDown(): Promise<void> {
    await this.#relay?.close();
    this.#relay = undefined;
  }

  async relayUp(): Promise<void> {
    this.#relay = await startRelay(this.#folder, this.#port);
  }

  /** Lets the clock go on in steps, and real time with it, until something holds; the test's own timeout bounds it. */
  async advanceUntil(condition: () => boolean, stepMs = 1_000): Promise<void> {
    while (!condition()) {
      await this.clock.advance(stepMs);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await settle();
  }

  async close(): Promise<void> {
    const { OpenFeature } = this.sdk.exports;
    await OpenFeature.clearProviders();
    OpenFeature.clearHandlers();
    await this.provider.onClose();
    await this.#relay?.close();
    rmSync(this.#folder, { recursive: true });
  }
}

function writeFlags(folder: string, variation: string): void {
  const flag = { variations: { on: 'on', off: 'off' }, defaultRule: { variation } };
  const other = { variations: { v: 1 }, defaultRule: { variation: 'v' } };
  writeFileSync(join(folder, 'flags.json'), JSON.stringify({ flag, other }));
}

function startRelay(folder: string, port: number): Promise<Relay> {
  const logger = new RecordingLogger();
  return createRelay({ flagFiles: [join(folder, 'flags.json')], port, apiKeys: [API_KEY], logger });
}
