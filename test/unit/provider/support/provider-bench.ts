/** A provider behind the real SDK, fed by a scripted relay, on a clock the test owns, with everything it tells in view. */

import { type EventDetails, OpenFeature, ProviderEvents } from '@openfeature/server-sdk';
import { InProcessEvaluator, type InProcessPorts } from '../../../../src/evaluator/in-process-evaluator.ts';
import type { JsonObject } from '../../../../src/internal/json.ts';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import { EdictProvider } from '../../../../src/provider/edict-provider.ts';
import { FakeClock, settle } from '../../relay/support/fake-clock.ts';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';
import type { Handler } from '../../relay/support/scripted-relay.ts';
import { json, ScriptedRelay } from '../../relay/support/scripted-relay.ts';

let domains = 0;

/** What a client's handlers were called with, in order. */
export interface HeardEvent {
  readonly type: string;
  readonly details: EventDetails;
}

/** One flag that is `variation`; another text is another configuration. */
export function configuration(variation: string, more: JsonObject = {}): string {
  const variations = { on: 'on', off: 'off', other: 'other' };
  return JSON.stringify({ flags: { flag: { variations, defaultRule: { variation } }, ...more } });
}

export const serving = (variation: string): Handler => json(configuration(variation), { etag: `"${variation}"` });
export const down: Handler = ({ socket }) => void socket.destroy();

export class ProviderBench {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly heard: HeardEvent[] = [];
  readonly domain: string;
  readonly relay: ScriptedRelay;
  readonly provider: EdictProvider;

  private constructor(relay: ScriptedRelay, options: EdictOptions, ports: InProcessPorts | undefined) {
    domains++;
    this.domain = `domain-${domains}`;
    this.relay = relay;
    const { clock, logger } = this;
    const all = { endpoint: relay.url, clock, logger, random: () => 0.5, timeoutMs: 3_600_000, ...options };
    this.provider =
      ports === undefined ? new EdictProvider(all) : new EdictProvider(new InProcessEvaluator(all, ports));
    for (const type of Object.values(ProviderEvents)) {
      this.client.addHandler(type, (details) => {
        this.heard.push({ type: type.replace('PROVIDER_', ''), details: details as EventDetails });
      });
    }
  }

  static async create(handler: Handler, options: EdictOptions = {}, ports?: InProcessPorts): Promise<ProviderBench> {
    return new ProviderBench(await ScriptedRelay.start(handler), options, ports);
  }

  get client() {
    return OpenFeature.getClient(this.domain);
  }

  get status(): string {
    return this.client.providerStatus;
  }

  get types(): string[] {
    return this.heard.map(({ type }) => type);
  }

  /** Attempts that ended without a configuration; a request that reached the relay is not yet one. */
  get failedPolls(): number {
    const { feed } = this.provider.diagnostics() as { feed?: { polls: { failed: number } } | null };
    return feed?.polls.failed ?? 0;
  }

  /** Gives the provider to the SDK; what the start rejected with, or undefined. */
  async start(): Promise<{ code?: string; message: string; cause?: unknown } | undefined> {
    try {
      await OpenFeature.setProviderAndWait(this.domain, this.provider);
      return undefined;
    } catch (caught) {
      return caught as Error;
    } finally {
      await settle();
      await settle();
    }
  }

  /** The value behind the client; `default` when there is none to give. */
  value(): Promise<string> {
    return this.client.getStringValue('flag', 'default');
  }

  /** Lets `ms` pass on the clock, then real time, and the clock with it, until something holds. */
  async advance(ms: number, condition: () => boolean): Promise<void> {
    await this.clock.advance(ms);
    while (!condition()) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      await this.clock.advance(100);
    }
    await settle();
  }

  /** One refresh, and what the SDK made of it. */
  async refresh(): Promise<string> {
    const result = await this.provider.refresh();
    await settle();
    return result;
  }

  async close(): Promise<void> {
    await this.provider.onClose();
    await this.relay.close();
  }
}

/** Real time passes until the condition holds; the test's own timeout bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
