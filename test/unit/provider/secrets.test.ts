/** Secrets planted wherever a caller can put them, a run in which everything goes wrong, and a search of all that was said. */

import diagnosticsChannel from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { ProviderEvents } from '@openfeature/server-sdk';
import { ProxyAgent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';
import { FLAGS } from '../evaluator/support/fallback-bench.ts';
import { FakeClock, settle } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import type { Exchange } from '../relay/support/scripted-relay.ts';
import { deadPort, json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';

const SECRETS = {
  apiKey: 'planted/key+of=the api',
  header: 'planted-header-value',
  bearer: 'planted-bearer-token',
  userKeySecret: 'planted-user-key-secret',
  proxy: 'planted-proxy-password',
  proxyToken: 'planted-proxy-token',
  targetingKey: 'planted-targeting-key',
  email: 'planted@context.example',
  plan: 'planted-plan',
  trackedDetail: 'planted-tracked-detail',
} as const;

const CONTEXT = { targetingKey: SECRETS.targetingKey, email: SECRETS.email, plan: 'pro', other: SECRETS.plan };
const CHANNELS = ['evaluate', 'poll', 'stream', 'trap', 'fallback', 'events'].map((topic) => `edict:${topic}`);

/** Forms in which a secret may be printed. */
function forms(secret: string): string[] {
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
}

/** Everything a provider says in any direction, as one text. */
class Ear {
  readonly logger = new RecordingLogger();
  readonly #said: unknown[] = [];
  readonly listener = (message: unknown, name: string | symbol): void => void this.#said.push([name, message]);

  constructor() {
    for (const name of CHANNELS) diagnosticsChannel.subscribe(name, this.listener);
  }

  take(what: unknown): void {
    this.#said.push(what);
  }

  follow(provider: EdictProvider): void {
    for (const type of Object.values(ProviderEvents)) provider.events.addHandler(type, (details) => this.take(details));
  }

  heard(name: string): number {
    return this.#said.filter((one) => Array.isArray(one) && one[0] === name).length;
  }

  get text(): string {
    // An error prints its stack and its causes, a plain object all of its members.
    return `${this.logger.text}\n${inspect(this.#said, { depth: 20, maxArrayLength: null, maxStringLength: null })}`;
  }

  close(): void {
    for (const name of CHANNELS) diagnosticsChannel.unsubscribe(name, this.listener);
  }
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Evaluates, tracks, refreshes, flushes and closes, and takes down what comes of it. */
async function noisyRun(ear: Ear, clock: FakeClock, options: EdictOptions): Promise<void> {
  const provider = new EdictProvider({
    clock,
    logger: ear.logger,
    random: () => 0.5,
    timeoutMs: 3_600_000,
    initTimeoutMs: 1,
    startup: 'lenient',
    streaming: 'sse',
    streamTriggerDelayMs: 0,
    maxPendingEvents: 2,
    fallback: { budgetMs: 1_000_000, failureThreshold: 2 },
    apiKey: async () => SECRETS.apiKey,
    headers: () => ({ 'x-gateway': SECRETS.header, authorization: `Bearer ${SECRETS.bearer}` }),
    userKeySecret: SECRETS.userKeySecret,
    ...options,
  });
  closing.push(() => provider.onClose());
  ear.follow(provider);
  const started = provider.initialize().catch((caught: unknown) => ear.take(caught));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5)).then(() => clock.advance(1_000));
  await started;
  for (let round = 0; round < 3; round++) {
    for (const flag of ['plain', 'broken', 'unknown']) {
      ear.take(await provider.resolveStringEvaluation(flag, 'default', CONTEXT));
      ear.take(await provider.resolveBooleanEvaluation(flag, false, CONTEXT));
    }
    for (let i = 0; i < 6; i++) provider.track('order', CONTEXT, { note: SECRETS.trackedDetail });
    ear.take([await provider.refresh(), await provider.flush()]);
    ear.take(provider.diagnostics());
    ear.take(JSON.stringify(provider.diagnostics()));
    await clock.advance(60_000);
    await settle();
  }
  await provider.onClose();
  ear.take(JSON.stringify(provider.diagnostics()));
}

function expectNoSecretIn(text: string): void {
  for (const [name, secret] of Object.entries(SECRETS)) {
    for (const form of forms(secret)) expect([name, form, text.includes(form)]).toEqual([name, form, false]);
  }
}

describe.each(['inprocess', 'remote'] as const)('no secret is said, %s', (evaluationType) => {
  it('to a relay that quotes what it was sent in everything it answers (D-38, D-96)', async () => {
    const ear = new Ear();
    closing.push(() => ear.close());
    let served = 0;
    const quoting = ({ request }: Exchange): string =>
      JSON.stringify({
        message: `refused: ${request.headers['x-api-key']} ${request.path}, ${JSON.stringify(request.headers)}`,
      });
    const relay = await ScriptedRelay.start((exchange) => {
      const { path } = exchange.request;
      const isFeed = path.startsWith('/v1/flag/');
      const status = isFeed ? [503, 401, 429][served % 3] : path.endsWith('/collector') ? 400 : 401;
      // Every third answer of the feed is a configuration.
      const isServed = isFeed && served++ % 3 === 0;
      const body = path.endsWith('/change') ? '{"hash":1,"flags":{"plain":1}}' : JSON.stringify({ flags: FLAGS });
      const id = { 'x-request-id': String(exchange.request.headers['x-gateway']) };
      (isServed ? json(body) : reply(status as number, quoting(exchange), id))(exchange);
    });
    closing.push(() => relay.close());
    await noisyRun(ear, new FakeClock(), { endpoint: relay.url, evaluationType });
    expectNoSecretIn(ear.text);
    // It was a noisy run: the credentials did travel, and refusals were quoted.
    expect(relay.requests.some(({ path }) => path.includes(encodeURIComponent(SECRETS.apiKey)))).toBe(true);
    expect(relay.requests.some(({ headers }) => headers.authorization === `Bearer ${SECRETS.bearer}`)).toBe(true);
    expect(ear.text).toContain('[redacted]');
    for (const name of ['edict:evaluate', 'edict:poll', 'edict:stream', 'edict:events']) {
      expect([name, ear.heard(name) > 0]).toEqual([name, true]);
    }
    if (evaluationType === 'inprocess') expect(ear.heard('edict:fallback')).toBeGreaterThan(0);
  });

  it("by a fetch of the caller's that hangs the whole request on its errors (D-96)", async () => {
    const ear = new Ear();
    closing.push(() => ear.close());
    let asked = 0;
    const fetch: typeof globalThis.fetch = async (url, init) => {
      asked++;
      const cause = Object.assign(new Error(`while asking ${String(url)}`), { request: init });
      throw new TypeError('fetch failed', { cause });
    };
    await noisyRun(ear, new FakeClock(), {
      endpoint: 'http://relay.example',
      evaluationType,
      fetch,
      startup: 'strict',
    });
    expect(asked).toBeGreaterThan(1);
    expect(ear.text).toContain('while asking');
    expectNoSecretIn(ear.text);
  });

  it('of a proxy behind a dispatcher (D-96)', async () => {
    const ear = new Ear();
    closing.push(() => ear.close());
    const uri = `http://robot:${SECRETS.proxy}@127.0.0.1:${await deadPort()}`;
    const dispatcher = new ProxyAgent({ uri, headers: { 'proxy-authorization': `Bearer ${SECRETS.proxyToken}` } });
    closing.push(() => dispatcher.destroy());
    await noisyRun(ear, new FakeClock(), {
      endpoint: 'http://relay.example',
      evaluationType,
      dispatcher,
      startup: 'strict',
    });
    expect(ear.text).toContain('NETWORK');
    expectNoSecretIn(ear.text);
  });
});

it('what a start rejects with has code, status, request id and cause, and no key (D-96)', async () => {
  const relay = await ScriptedRelay.start(
    ({ request, response }) =>
      void response
        .writeHead(401, { 'x-request-id': 'r-17' })
        .end(JSON.stringify({ message: request.headers['x-api-key'] })),
  );
  closing.push(() => relay.close());
  const logger = new RecordingLogger();
  const provider = new EdictProvider({ endpoint: relay.url, apiKey: SECRETS.apiKey, logger });
  closing.push(() => provider.onClose());
  const caught = await provider.initialize().catch((error: unknown) => error);
  expect(caught).toMatchObject({
    code: 'PROVIDER_FATAL',
    cause: { code: 'UNAUTHORIZED', status: 401, requestId: 'r-17', text: expect.stringContaining('[redacted]') },
  });
  expectNoSecretIn(inspect(caught, { depth: 20 }) + logger.text);
});
