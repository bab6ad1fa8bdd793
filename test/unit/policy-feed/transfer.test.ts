import { describe, expect, it, onTestFinished } from 'vitest';
import { canonicalJson } from '../../../src/internal/canonical-json.ts';
import { sha256 } from '../../../src/internal/sha256.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import type { PolicyTarget } from '../../../src/policy-feed/policy-activation.ts';
import { PolicyFeed } from '../../../src/policy-feed/policy-feed.ts';
import { ResourceStores } from '../../../src/policy-host/resources.ts';
import { FakeClock, settle } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import { type Handler, json, ScriptedRelay } from '../relay/support/scripted-relay.ts';
import { startPolicyRelay } from '../server/policies/support.ts';
import { until } from '../server/test-relay.ts';
import { following } from './support.ts';

/** Modules that nobody compiles: their manifests are sound, and their bytes are some. */
function modules(count: number) {
  const contents = new Map<string, Buffer>();
  const entries = Array.from({ length: count }, (_, i) => {
    const bytes = Buffer.from(`module ${i}`);
    const module = sha256(bytes);
    const manifest = canonicalJson({
      apiVersion: 'edict/v1',
      name: `policy-${i}`,
      version: 'v1.0.0',
      module: { file: 'm.wasm', sha256: module },
      processing: { requestHeaders: 'process' },
    });
    contents.set(module.slice(7), bytes).set(sha256(manifest).slice(7), Buffer.from(manifest));
    return [module, { name: `policy-${i}`, manifest: sha256(manifest) }] as const;
  });
  return {
    contents,
    document: { schema: 1, revision: 'r', modules: Object.fromEntries(entries), routes: [{ key: 'k' }] },
  };
}

interface Held {
  readonly release: () => void;
}

async function rig(answer: Handler) {
  const relay = await ScriptedRelay.start(answer);
  onTestFinished(() => relay.close());
  const activations: { readonly document: unknown; readonly modules: number; readonly refused: number }[] = [];
  const target: PolicyTarget = {
    resources: new ResourceStores(),
    activate: async (document, found, refused) => {
      activations.push({ document, modules: found.length, refused: refused.length });
      return { outcome: 'active', revision: '', problems: [], routes: new Map() };
    },
  };
  const options = { endpoint: relay.url, pollIntervalMs: 0, logger: new RecordingLogger() };
  const feed = new PolicyFeed(resolveOptions({ ...options, timeoutMs: 60_000 }), target);
  onTestFinished(() => feed.stop());
  return { relay, feed, activations };
}

describe('contents', () => {
  it('are fetched four at a time, and nothing is activated before the last of them is there', async () => {
    const { contents, document } = modules(10);
    const held: Held[] = [];
    let most = 0;
    let open = 0;
    const { feed, activations } = await rig((exchange) => {
      const { path } = exchange.request;
      if (path.endsWith('/configuration')) return json(JSON.stringify(document), { etag: '"1"' })(exchange);
      if (path.endsWith('/status')) return json('{}')(exchange);
      open++;
      most = Math.max(most, open);
      const release = (): void => {
        open--;
        exchange.response.end(contents.get(path.split('/').at(-1) as string));
      };
      held.push({ release });
    });
    const started = feed.start();
    for (let released = 0; released < 20; released++) {
      await until(() => held.length > 0);
      // Everybody who may ask at the same time has asked.
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(activations).toEqual([]);
      held.shift()?.release();
    }
    await started;
    expect(most).toBe(4);
    expect(activations).toEqual([{ document, modules: 10, refused: 0 }]);
  });

  it('that belong to another manifest, or are larger than they may be, are refused; the rest is taken', async () => {
    const { contents, document } = modules(3);
    const [first, second] = Object.keys(document.modules) as [string, string];
    // The manifest of the second names the module of the second.
    document.modules[first] = {
      ...document.modules[first],
      manifest: document.modules[second]?.manifest as `sha256:${string}`,
    } as never;
    const { feed, activations } = await rig((exchange) => {
      const { path } = exchange.request;
      if (path.endsWith('/configuration')) return json(JSON.stringify(document), { etag: '"1"' })(exchange);
      if (path.endsWith('/status')) return json('{}')(exchange);
      const isSecond = path.includes(second.slice(7));
      if (isSecond) exchange.response.writeHead(200, { 'content-length': String(4 * 1_048_576 + 1) });
      exchange.response.end(isSecond ? undefined : contents.get(path.split('/').at(-1) as string));
    });
    void feed.start().catch(() => undefined);
    await until(() => activations.length > 0);
    expect(activations[0]).toMatchObject({ modules: 1, refused: 2 });
    expect(feed.describe().missing.join('\n')).toMatch(/its manifest is that of sha256:.*\n.*more than 4194304 bytes/s);
  });
});

describe('the change stream of policies', () => {
  it('has the engine ask at once (P-29)', async () => {
    const relay = await startPolicyRelay();
    const { engine, mark } = await following(relay, { streaming: 'sse', streamTriggerDelayMs: 0 });
    await until(() => engine.describe().feed?.stream?.state === 'up');
    const yaml =
      "routes: [{ key: 'GET|/pets|*', policies: [{ use: set-headers, params: { requestHeaders: [{ name: x-a }], responseHeaders: [{ name: x-m, value: two }] } }] }]";
    await relay.folder.configure(yaml);
    await until(async () => (await mark()) === '200 two');
  });
});

describe('a feed that is stopped', () => {
  it('activates nothing any more, and leaves no timer', async () => {
    const clock = new FakeClock();
    const { document } = modules(1);
    const relay = await ScriptedRelay.start((exchange) => {
      if (exchange.request.path.endsWith('/configuration')) json(JSON.stringify(document))(exchange);
    });
    onTestFinished(() => relay.close());
    let activations = 0;
    const target = {
      resources: new ResourceStores(),
      activate: async () => {
        activations++;
        return { outcome: 'active' as const, revision: '', problems: [], routes: new Map() };
      },
    };
    const options = resolveOptions({ endpoint: relay.url, clock, logger: new RecordingLogger() });
    const feed = new PolicyFeed(options, target);
    const started = feed.start();
    await until(() => relay.requests.some(({ path }) => path.includes('/manifests/')));
    const ended = expect(started).rejects.toMatchObject({ code: 'CLOSED' });
    await feed.stop();
    await ended;
    await settle();
    expect([activations, clock.pendingTimers, feed.describe().state]).toEqual([0, 0, 'stopped']);
  });
});
