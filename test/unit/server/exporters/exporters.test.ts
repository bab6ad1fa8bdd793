import { createHmac } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';
import type { TestRelay } from '../test-relay.ts';
import { startTestRelay, temporaryFolder, until } from '../test-relay.ts';

const PATH = '/v1/data/collector';
const FEATURE = {
  kind: 'feature',
  contextKind: 'user',
  userKey: 'u-1',
  creationDate: 1_790_000_000,
  key: 'new-checkout',
  variation: 'on',
  value: { b: 1, a: '<b>' },
  default: false,
  version: '7',
  source: 'INPROCESS',
};
const TRACKING = { kind: 'tracking', userKey: 'u-1', creationDate: 1_790_000_000, key: 'order-placed' };

const FEATURE_LINE =
  '{"kind":"feature","contextKind":"user","userKey":"u-1","creationDate":1790000000,"key":"new-checkout",' +
  '"variation":"on","value":{"a":"\\u003cb\\u003e","b":1},"default":false,"version":"7","source":"INPROCESS",' +
  '"metadata":{"service":"shop"}}';
const TRACKING_LINE =
  '{"kind":"tracking","userKey":"u-1","creationDate":1790000000,"key":"order-placed","evaluationContext":null,' +
  '"trackingEventDetails":null}';

const send = ({ post }: TestRelay, headers?: Record<string, string>) =>
  post(PATH, { meta: { service: 'shop' }, events: [FEATURE, TRACKING] }, headers);

describe('the file exporter', () => {
  it('appends JSON lines in the fields and the order of GO Feature Flag’s, to a file of its owner', async () => {
    const path = join(await temporaryFolder(), 'not', 'yet', 'events.jsonl');
    const test = await startTestRelay({}, { exporters: [{ type: 'file', path }] });
    await send(test);
    await test.relay.flushExporters();
    expect(await readFile(path, 'utf8')).toBe(`${FEATURE_LINE}\n${TRACKING_LINE}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await send(test);
    await test.relay.close();
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(5);
  });

  it('writes without being asked', async () => {
    const path = join(await temporaryFolder(), 'events.jsonl');
    const test = await startTestRelay({}, { exporters: [{ type: 'file', path }] });
    await send(test);
    await until(async () => (await readFile(path, 'utf8').catch(() => '')).endsWith(`${TRACKING_LINE}\n`));
    expect((await test.get('/metrics')).text).toContain('gofeatureflag_exported_events_total{exporter="file"} 2\n');
  });

  it('says when the file cannot be written, without its folder, and answers as before', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    const logger = new RecordingLogger();
    const path = join(folder, 'file', 'events.jsonl');
    const test = await startTestRelay({}, { logger, exporters: [{ type: 'file', path }] });
    expect((await send(test)).status).toBe(200);
    await test.relay.flushExporters();
    expect(logger.at('warn')).toEqual([
      expect.stringMatching(/export to events\.jsonl: the file cannot be written \((ENOTDIR|EEXIST)\)/),
    ]);
    await test.relay.close();
    expect(logger.at('warn').at(-1)).toContain('2 events were not exported before the end');
    expect(logger.text).not.toContain(folder);
  });
});

describe('the log exporter', () => {
  it('writes a line for each event at level info, control characters escaped', async () => {
    const logger = new RecordingLogger();
    const test = await startTestRelay({}, { logger, exporters: [{ type: 'log' }] });
    await send(test);
    await test.post(PATH, { events: [{ key: 'f', userKey: 'a"\n\u001b[2J', value: 'x', creationDate: 9e15 }] });
    expect(logger.at('info').slice(-3)).toEqual([
      'edict: [2026-09-21T14:13:20Z] user="u-1", flag="new-checkout", value="{"a":"\\u003cb\\u003e","b":1}"',
      'edict: [2026-09-21T14:13:20Z] user="u-1", event="order-placed", details=null',
      'edict: [2255-03-14T16:00:00Z] user="a\\"\\n\\u001b[2J", flag="f", value="x"',
    ]);
  });
});

interface Hook {
  readonly url: string;
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly body: string }[];
}

/** A webhook that answers the given statuses in turn, and 200 after them; 0 never answers. */
async function startHook(...statuses: number[]): Promise<Hook> {
  const requests: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const status = statuses[requests.length] ?? 200;
      requests.push({ headers: request.headers, body });
      if (status !== 0) response.writeHead(status, { location: '/elsewhere' }).end('thank you');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook/secret-path`, requests };
}

describe('the webhook exporter', () => {
  it('posts meta and events, and signs the body as GO Feature Flag does', async () => {
    const hook = await startHook();
    const exporter = {
      type: 'webhook',
      url: hook.url,
      secret: 'hook-secret',
      headers: { 'x-team': 'shop' },
      meta: { env: 'test' },
    } as const;
    const test = await startTestRelay({}, { exporters: [exporter] });
    await send(test);
    await test.relay.flushExporters();
    const [{ headers, body } = { headers: {}, body: '' }] = hook.requests;
    const meta = `{"env":"test","hostname":${JSON.stringify(hostname())}}`;
    expect(body).toBe(`{"meta":${meta},"events":[${FEATURE_LINE},${TRACKING_LINE}]}`);
    expect(headers['content-type']).toBe('application/json');
    expect(headers['x-team']).toBe('shop');
    const signature = createHmac('sha256', 'hook-secret').update(body).digest('hex');
    expect(headers['x-hub-signature-256']).toBe(`sha256=${signature}`);
    expect((await test.get('/metrics')).text).toContain('gofeatureflag_exported_events_total{exporter="webhook"} 2\n');
  });

  it('leaves the signature out without a secret', async () => {
    const hook = await startHook();
    const test = await startTestRelay({}, { exporters: [{ type: 'webhook', url: hook.url }] });
    await send(test);
    await test.relay.flushExporters();
    expect(hook.requests[0]?.headers).not.toHaveProperty('x-hub-signature-256');
  });

  it.each([500, 429, 302])('sends the same events again after %i', async (status) => {
    const hook = await startHook(status);
    const test = await startTestRelay({}, { exporters: [{ type: 'webhook', url: hook.url }] });
    await send(test);
    await test.relay.flushExporters();
    await test.relay.flushExporters();
    expect(hook.requests).toHaveLength(2);
    expect(hook.requests[1]?.body).toBe(hook.requests[0]?.body);
  });

  it('drops the events on 400, and never says more of the webhook than its host', async () => {
    const hook = await startHook(400);
    const logger = new RecordingLogger();
    const test = await startTestRelay({}, { logger, exporters: [{ type: 'webhook', url: hook.url }] });
    await send(test);
    await test.relay.flushExporters();
    expect(logger.at('warn')).toEqual([
      expect.stringMatching(/export to 127\.0\.0\.1:\d+: 2 events dropped: status 400/),
    ]);
    expect(logger.text).not.toContain('secret-path');
    const { text } = await test.get('/metrics');
    expect(text).toContain('gofeatureflag_export_dropped_events_total{exporter="webhook"} 2\n');
  });

  it('has a deadline for each request, and closes although the webhook hangs', async () => {
    const hook = await startHook(0, 0);
    const logger = new RecordingLogger();
    const exporters = [{ type: 'webhook', url: hook.url, timeoutMs: 50 } as const];
    const test = await startTestRelay({}, { logger, exporters, drainMs: 200 });
    await send(test);
    await test.relay.flushExporters();
    expect(logger.at('warn')).toEqual([expect.stringContaining('no answer within 50 ms')]);
    await test.relay.close();
    expect(logger.at('warn').at(-1)).toContain('2 events were not exported before the end');
  });
});

describe('exporters of flag sets', () => {
  it('get the events of their flag set, and those of the relay the events of all', async () => {
    const folder = await temporaryFolder();
    const file = (name: string) => ({ type: 'file', path: join(folder, name) }) as const;
    const test = await startTestRelay(undefined, {
      flagFiles: undefined as never,
      exporters: [file('all')],
      flagSets: ['one', 'two'].map((name) => ({ name, apiKeys: [`key-${name}`], flags: {}, exporters: [file(name)] })),
    });
    for (const name of ['one', 'two']) await send(test, { 'x-api-key': `key-${name}` });
    await send(test, { 'x-api-key': 'key-one' });
    await test.relay.close();
    const lines = async (name: string) => (await readFile(join(folder, name), 'utf8')).trim().split('\n').length;
    expect([await lines('all'), await lines('one'), await lines('two')]).toEqual([6, 4, 2]);
  });
});
