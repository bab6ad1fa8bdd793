/** Decision events as JSON lines, over a webhook, and in the shape of OPA's decision logs. */

import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { DecisionSink } from '../../../../src/policy/decisions/sink.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import { JsonLinesSink } from '../../../../src/policy-host/decisions/json-lines-sink.ts';
import { OpaDecisionSink } from '../../../../src/policy-host/decisions/opa-sink.ts';
import { fetchPost, type PostRequest } from '../../../../src/policy-host/decisions/post.ts';
import { WebhookSink } from '../../../../src/policy-host/decisions/webhook-sink.ts';
import { facts, logOf, subject } from '../../policy/decisions/support/scripted-sink.ts';
import { FakeClock } from '../../relay/support/fake-clock.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(
  answer: (
    body: Buffer,
    headers: NodeJS.Dict<string | string[]>,
  ) => { status: number; headers?: Record<string, string> },
): Promise<string> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { status, headers } = answer(Buffer.concat(pieces), request.headers);
      response.writeHead(status, headers).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/logs`;
}

/** Sends a few decisions of one tenant through a sink and gives the log. */
function logged(sink: DecisionSink, count = 3) {
  const log = logOf(new FakeClock(), sink);
  for (let i = 0; i < count; i++) log.record(subject(), facts(`r-${i}`));
  return log;
}

describe('JSON lines', () => {
  it('are one event a line, and a batch is sent when the writer says so', async () => {
    const stream = new PassThrough();
    const log = logged(new JsonLinesSink(stream));
    await log.flush();
    const lines = String(stream.read()).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => (JSON.parse(line) as { requestId: string }).requestId)).toEqual(['r-0', 'r-1', 'r-2']);
    expect(log.describe()).toMatchObject({ sent: 3, pending: 0 });
  });

  it('are not written again for every try that a hanging writer kept waiting (V-15)', async () => {
    const clock = new FakeClock();
    const written: string[] = [];
    let confirm: (() => void) | undefined;
    const log = logOf(
      clock,
      new JsonLinesSink({
        write: (text, done) => {
          written.push(text);
          if (written.length === 1) confirm = done;
          else done();
        },
      }),
    );
    log.record(subject(), facts('r-0'));
    await clock.advance(120_000);
    expect([written.length, log.pending()]).toEqual([1, 1]);
    confirm?.();
    await clock.advance(120_000);
    // At least once: the first write counted as lost when its time was up, so there is one more.
    expect([written.length, log.pending()]).toEqual([2, 0]);
  });

  it('wait while the writer fails', async () => {
    const error = new Error('EPIPE');
    const log = logged(new JsonLinesSink({ write: (_text, done) => done(error) }));
    await log.flush();
    expect(log.describe()).toMatchObject({ sent: 0, pending: 3, sink: { lastError: 'EPIPE' } });
    const broken = logged(
      new JsonLinesSink({
        write: () => {
          throw new Error('write after end');
        },
      }),
    );
    await broken.flush();
    expect(broken.describe()).toMatchObject({ sent: 0, pending: 3, sink: { lastError: 'write after end' } });
  });
});

describe('a webhook', () => {
  it('gets batches with an id and a signature, and its status decides', async () => {
    const seen: { body: Buffer; headers: NodeJS.Dict<string | string[]> }[] = [];
    let status = 503;
    const url = await listen((body, headers) => {
      seen.push({ body, headers });
      return { status, headers: { 'retry-after': '1' } };
    });
    const log = logged(new WebhookSink(fetchPost(url, { 'x-key': 'k' }), 'secret'));
    await log.flush();
    expect(log.describe()).toMatchObject({ pending: 3, sink: { lastError: 'status 503' } });
    status = 204;
    await log.flush();
    expect(log.describe()).toMatchObject({ sent: 3, pending: 0 });
    const [first, second] = seen as [(typeof seen)[number], (typeof seen)[number]];
    expect(second.body.equals(first.body)).toBe(true);
    expect(JSON.parse(String(second.body))).toMatchObject({ tenant: 'shop', events: [{}, {}, {}] });
    expect(second.headers['edict-batch-id']).toBe(first.headers['edict-batch-id']);
    expect(second.headers['x-key']).toBe('k');
    expect(second.headers['x-hub-signature-256']).toBe(
      `sha256=${createHmac('sha256', 'secret').update(second.body).digest('hex')}`,
    );
  });

  it('follows no redirect, halves at 413, and drops what is refused for good', async () => {
    for (const [status, expected] of [
      [302, { pending: 3 }],
      [413, { dropped: { tooLarge: 3 } }],
      [400, { dropped: { refused: 3 } }],
      [401, { pending: 3 }],
    ] as const) {
      const log = logged(new WebhookSink(fetchPost(await listen(() => ({ status, headers: { location: '/x' } })))));
      await log.flush();
      expect(log.describe()).toMatchObject(expected);
    }
  });
});

describe('a service that takes decision logs of OPA', () => {
  it('gets one gzip array of events in its shape', async () => {
    const posts: PostRequest[] = [];
    const sink = new OpaDecisionSink(async (request) => {
      posts.push(request);
      return { status: 200 };
    });
    const log = logOf(new FakeClock(), sink);
    const headers = HeaderMap.from([['authorization', 's3cret']]);
    const request = { headers, path: '/pets', method: 'GET', authority: 'a', scheme: 'https' };
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
    log.record(subject(), facts('r-1', { inputs: { request }, traceparent }));
    await log.flush();
    expect(posts[0]?.headers).toMatchObject({ 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' });
    const text = String(gunzipSync(posts[0]?.body as Uint8Array));
    expect(text).not.toContain('s3cret');
    expect(JSON.parse(text)).toEqual([
      {
        labels: { team: 'a', tenant: 'shop' },
        decision_id: 'd-1',
        bundles: { shop: { revision: 'r1' } },
        path: 'pets-get',
        input: { request: { method: 'GET', scheme: 'https', authority: 'a', path: '/pets', headers: {} } },
        result: { status: 200, shortCircuit: false },
        timestamp: '2026-01-01T00:00:00.000Z',
        metrics: { timer_server_handler_ns: 4_300 },
        erased: ['/input/request/headers/authorization'],
        trace_id: 'ab'.repeat(16),
        span_id: 'cd'.repeat(8),
        custom: { request_id: 'r-1', policies: [expect.objectContaining({ name: 'jwt-auth' })] },
      },
    ]);
  });

  it('never gets more than its limit in one piece', async () => {
    const sizes: number[] = [];
    const sink = new OpaDecisionSink(async ({ body }) => {
      sizes.push(body.length);
      return { status: 200 };
    }, 600);
    const log = logged(sink, 64);
    await log.flush();
    expect(log.describe()).toMatchObject({ sent: 64, pending: 0 });
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(600);
  });
});
