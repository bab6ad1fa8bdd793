/** A provider behind the real SDK whose relay also collects, evaluates and answers probes. */

import { type Client, OpenFeature } from '@openfeature/server-sdk';
import type { JsonObject } from '../../../../src/internal/json.ts';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import { EdictProvider } from '../../../../src/provider/edict-provider.ts';
import { FakeClock } from '../../relay/support/fake-clock.ts';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';
import type { Exchange } from '../../relay/support/scripted-relay.ts';
import { json, ScriptedRelay, type SeenRequest } from '../../relay/support/scripted-relay.ts';

const CONFIGURATION = JSON.stringify({
  flags: {
    on: { variations: { yes: 'Y' }, defaultRule: { variation: 'yes' }, version: '7' },
    loud: { variations: { yes: 'Y' }, defaultRule: { variation: 'yes' }, trackEvents: true },
    quiet: { variations: { yes: 'Y' }, defaultRule: { variation: 'yes' }, trackEvents: false },
    broken: { variations: 'none' },
  },
});

export const USER = { targetingKey: 'u-1', email: 'ana@example.com' };

let domains = 0;

export class UsageBench {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly relay: ScriptedRelay;
  readonly provider: EdictProvider;
  readonly domain: string;
  /** What the collector answers with. */
  collector = 200;

  private constructor(relay: ScriptedRelay, options: EdictOptions) {
    domains++;
    this.domain = `usage-${domains}`;
    this.relay = relay;
    const { clock, logger } = this;
    const own = { endpoint: relay.url, clock, logger, random: () => 0.5, timeoutMs: 3_600_000 };
    this.provider = new EdictProvider({ ...own, ...options });
    relay.handler = (exchange) => this.#answer(exchange);
  }

  static async start(options: EdictOptions = {}): Promise<UsageBench> {
    const bench = new UsageBench(await ScriptedRelay.start(), options);
    await OpenFeature.setProviderAndWait(bench.domain, bench.provider);
    return bench;
  }

  get client(): Client {
    return OpenFeature.getClient(this.domain);
  }

  get posts(): SeenRequest[] {
    return this.relay.requests.filter(({ path }) => path.endsWith('/v1/data/collector'));
  }

  get events(): JsonObject[] {
    return this.posts.flatMap(({ body }) => (JSON.parse(body) as { events: JsonObject[] }).events);
  }

  async close(): Promise<void> {
    await this.provider.onClose();
    await this.relay.close();
  }

  #answer(exchange: Exchange): void {
    const { path } = exchange.request;
    if (path.endsWith('/v1/data/collector')) {
      exchange.response.writeHead(this.collector, { 'content-type': 'application/json' });
      exchange.response.end('{"ingestedContentCount":1}');
    } else if (path.includes('/ofrep/')) {
      const key = path.split('/').at(-1);
      const metadata = { gofeatureflag_cacheable: true, version: '7' };
      json(JSON.stringify({ key, value: 'remote', reason: 'STATIC', variant: 'yes', metadata }))(exchange);
    } else if (path === '/v1/flag/change') {
      json('{"hash":1,"flags":{"on":1}}')(exchange);
    } else {
      json(CONFIGURATION, { etag: '"1"' })(exchange);
    }
  }
}
