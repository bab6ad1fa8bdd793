import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DecisionsOptions, definePolicy } from '../../../src/policy-engine/index.ts';
import { ask, engineOf, saying, shops } from './support/tenant-asks.ts';

const trapping = definePolicy({
  name: 'trap',
  hooks: {
    onRequestHeaders: () => {
      throw new Error('a defect');
    },
  },
});
const say = (text: string) => [{ use: 'say', params: { text } }];

interface Event {
  readonly tenant: string;
  readonly labels: Record<string, string>;
  readonly revision: string | null;
  readonly route: string;
  readonly policies: readonly { readonly name: string; readonly outcome: string; readonly code?: string }[];
  readonly result: { readonly status: number; readonly reason?: string; readonly shortCircuit: boolean };
  readonly inputs?: unknown;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'edict-decisions-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const linesOf = async (file: string): Promise<Event[]> =>
  (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);

/** A service that takes what is posted to it. */
async function receiver(status = 200) {
  const got: { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/logs` };
}

describe('decision events as JSON lines', () => {
  it('say what each tenant decided and why it could not, and are all there after close (V-25, V-26)', async () => {
    const file = join(await folder(), 'decisions.jsonl');
    const engine = engineOf({ policies: [saying(), trapping], decisions: { jsonLines: file } });
    const tenants = { good: { labels: { team: 'a' } } };
    await engine.load(shops({ good: say('1'), bad: [{ use: 'trap' }], closed: [{ use: 'gone' }] }, { tenants }));
    await ask(engine, '/good');
    for (let i = 0; i < 6; i++) await ask(engine, '/bad');
    await ask(engine, '/closed');
    await engine.close();
    const events = await linesOf(file);
    const of = (tenant: string) => events.filter((event) => event.tenant === tenant);
    expect(of('good')).toEqual([
      expect.objectContaining({
        revision: 'r1',
        labels: { team: 'a' },
        route: '*|/good|*',
        policies: [expect.objectContaining({ name: 'say', outcome: 'changed' })],
        result: { status: 200, shortCircuit: false },
      }),
    ]);
    expect(of('bad').map(({ result, policies }) => [result.status, result.reason ?? policies[0]?.code])).toEqual([
      ...Array.from({ length: 5 }, () => [500, 'TRAP']),
      [503, 'BREAKER_OPEN'],
    ]);
    expect(of('closed')).toMatchObject([{ result: { status: 503, reason: 'NOT_READY' }, revision: null }]);
    expect(engine.decisions()).toMatchObject({ accepted: 8, sent: 8, dropped: { total: 0 }, pending: 0 });
    expect((await stat(file)).mode & 0o077).toBe(0);
  });

  it('hold what the policies saw where that is asked for, without credentials and masked values', async () => {
    const directory = await folder();
    const masks = [{ pointer: '/inputs/request/headers/x-card', replace: '***' }, { pointer: '/inputs/request/query' }];
    for (const [name, more] of Object.entries({
      plain: {},
      inputs: { inputs: true },
      masked: { inputs: true, masks },
    })) {
      const file = join(directory, name);
      const engine = engineOf({ policies: [saying()], decisions: { jsonLines: file, ...more } });
      await engine.load(shops({ a: say('1') }));
      await ask(engine, '/a?token=1', { authorization: 'Bearer 1', 'x-card': '4111' });
      await engine.close();
    }
    const [plain] = await linesOf(join(directory, 'plain'));
    expect(plain).not.toHaveProperty('inputs');
    const [inputs] = await linesOf(join(directory, 'inputs'));
    expect(inputs).toMatchObject({
      inputs: { request: { path: '/a', headers: { 'x-card': ['4111'] } }, response: { status: 200 } },
      erased: ['/inputs/request/headers/authorization', '/inputs/request/query'],
    });
    expect(JSON.stringify(inputs)).not.toContain('Bearer');
    const [masked] = await linesOf(join(directory, 'masked'));
    expect(masked).toMatchObject({ inputs: { request: { headers: { 'x-card': '***' } } } });
    expect(JSON.stringify(masked)).not.toMatch(/4111|token=1/);
  });

  it('hold the headers that policies let them, in any case (P-19)', async () => {
    const file = join(await folder(), 'decisions.jsonl');
    const filtering = definePolicy({
      name: 'filter',
      hooks: {
        onRequestHeaders: () => ({
          kind: 'request-changes',
          observations: { analyticsHeaderFilter: { mode: 'allow', names: ['X-Shown'] } },
        }),
        onResponseHeaders: () => ({
          kind: 'response-changes',
          observations: { analyticsHeaderFilter: { mode: 'deny', names: ['Content-Type'] } },
        }),
      },
    });
    const engine = engineOf({ policies: [filtering], decisions: { jsonLines: file, inputs: true } });
    await engine.load(shops({ a: [{ use: 'filter' }] }));
    await ask(engine, '/a', { 'x-shown': '1', 'x-hidden': '2' });
    await engine.close();
    const [event] = await linesOf(file);
    const inputs = event?.inputs as Record<string, { headers: object }>;
    expect(Object.keys(inputs.request?.headers ?? {})).toEqual(['x-shown']);
    expect(Object.keys(inputs.response?.headers ?? { none: true })).toEqual([]);
  });

  it('that are dropped are told on a channel (P-35)', async () => {
    const told: unknown[] = [];
    const listen = (message: unknown) => told.push(message);
    subscribe('edict:policy:drop', listen);
    onTestFinished(() => void unsubscribe('edict:policy:drop', listen));
    const file = join(await folder(), 'decisions.jsonl');
    const engine = engineOf({ policies: [saying()], decisions: { jsonLines: file, limits: { maxEvents: 2 } } });
    await engine.load(shops({ a: say('1') }));
    for (let i = 0; i < 5; i++) await ask(engine, '/a');
    await engine.close();
    const { dropped } = engine.decisions() as { dropped: { overflow: number } };
    expect(dropped.overflow).toBeGreaterThan(0);
    expect(told).toEqual(
      Array.from({ length: dropped.overflow }, () => ({ tenant: 'a', reason: 'overflow', count: 1 })),
    );
  });

  it('hold no secret, wherever it stands (P-26)', async () => {
    const file = join(await folder(), 'decisions.jsonl');
    const engine = engineOf({
      policies: [saying()],
      secret: () => 'hunter2-hunter2',
      decisions: { jsonLines: file, inputs: true },
    });
    await engine.load(shops({ a: say('{{ secret "s" }}') }));
    await ask(engine, '/a', { 'x-given': 'hunter2-hunter2' });
    await engine.close();
    expect(await linesOf(file)).toMatchObject([{ inputs: { request: { headers: { 'x-given': ['[redacted]'] } } } }]);
  });

  it('go on in a new file when the old one was moved away', async () => {
    const file = join(await folder(), 'decisions.jsonl');
    const engine = engineOf({ policies: [saying()], decisions: { jsonLines: file, flushIntervalMs: 5 } });
    await engine.load(shops({ a: say('1') }));
    await ask(engine, '/a');
    while (engine.decisions()?.['sent'] !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
    await rename(file, `${file}.1`);
    await ask(engine, '/a');
    await engine.close();
    expect([(await linesOf(`${file}.1`)).length, (await linesOf(file)).length]).toEqual([1, 1]);
  });
});

describe('decision events over HTTP', () => {
  it('go to a webhook, signed and with the headers that were given', async () => {
    const { got, url } = await receiver();
    const webhook = { url, headers: { authorization: 'Bearer x' }, secret: 'sign' };
    const engine = engineOf({ policies: [saying()], decisions: { webhook } });
    await engine.load(shops({ a: say('1') }));
    await ask(engine, '/a');
    await engine.close();
    expect(got).toHaveLength(1);
    expect(got[0]?.headers).toMatchObject({
      authorization: 'Bearer x',
      'x-hub-signature-256': expect.stringMatching(/^sha256=[0-9a-f]{64}$/),
    });
    expect(JSON.parse(String(got[0]?.body))).toMatchObject({ tenant: 'a', events: [{ result: { status: 200 } }] });
  });

  it("go to a service of Open Policy Agent's decision logs, gzipped and in its shape", async () => {
    const { got, url } = await receiver();
    const engine = engineOf({ policies: [saying()], decisions: { opa: { url }, inputs: true } });
    await engine.load(shops({ a: say('1') }));
    await ask(engine, '/a');
    await engine.close();
    expect(got[0]?.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(gunzipSync(got[0]?.body ?? Buffer.alloc(0)).toString())).toMatchObject([
      {
        labels: { tenant: 'a' },
        bundles: { a: { revision: 'r1' } },
        path: '*|/a|*',
        input: { request: { path: '/a' } },
      },
    ]);
  });
});

describe('a sink that fails', () => {
  it('loses no count: accepted = sent + dropped + pending at every moment, and no exchange waits (P-81, V-15)', async () => {
    let isDown = false;
    let written = 0;
    const jsonLines = {
      write: (text: string, done: (error?: Error | null) => void) => {
        // Every third write fails, and for a while every one.
        written++;
        setTimeout(() => done(isDown || written % 3 === 0 ? new Error('full') : null), 1);
        return text.length > 0;
      },
    };
    const engine = engineOf({
      policies: [saying()],
      decisions: { jsonLines, limits: { maxEvents: 20 }, flushIntervalMs: 1 },
    });
    await engine.load(shops({ a: say('1'), b: say('2') }));
    const books = () => {
      const { accepted, sent, dropped, pending } = engine.decisions() as unknown as {
        accepted: number;
        sent: number;
        dropped: { total: number };
        pending: number;
      };
      return { accepted, sent, dropped: dropped.total, rest: accepted - sent - dropped.total - pending };
    };
    for (let i = 0; i < 300; i++) {
      isDown = i > 100 && i < 200;
      expect((await ask(engine, i % 2 === 0 ? '/a' : '/b')).status).toBe(200);
      expect(books().rest).toBe(0);
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await engine.close();
    const { accepted, sent, dropped, rest } = books();
    expect([accepted, rest]).toEqual([300, 0]);
    expect(sent).toBeGreaterThan(0);
    expect(dropped).toBeGreaterThan(0);
  });

  it('does not keep an engine from being closed within its deadline (V-25)', async () => {
    const engine = engineOf({ policies: [saying()], decisions: { jsonLines: { write: () => true } } });
    await engine.load(shops({ a: say('1') }));
    await ask(engine, '/a');
    await engine.close(50);
    expect(engine.decisions()).toMatchObject({ accepted: 1, sent: 0, dropped: { closed: 1 }, pending: 0 });
  });
});

describe('the options of decisions', () => {
  it.each<[DecisionsOptions, string]>([
    [{}, 'exactly one'],
    [{ jsonLines: 'a', opa: { url: 'http://localhost/' } }, 'exactly one'],
    [{ webhook: { url: 'no url' } }, 'URL'],
    [{ jsonLines: 'a', masks: [{ pointer: 'x' }] }, 'JSON pointer'],
    [{ jsonLines: 'a', masks: [{ pointer: '/tenant' }] }, 'identifies'],
    [{ jsonLines: 'a', limits: { maxEvents: 0 } }, 'maxEvents'],
  ])('are checked before anything begins: %o', (decisions, reason) => {
    expect(() => engineOf({ decisions })).toThrow(reason);
  });
});
