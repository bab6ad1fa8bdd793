import http, { type RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Position } from '../../../../src/policy/chain/position.ts';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import type { Body } from '../../../../src/policy/model/views.ts';
import { type Hooks, position, text } from '../../policy/support/exchange-rig.ts';
import { type HttpRig, service } from './support/http-rig.ts';

/** Until something is so; a test that waits for nothing fails by its own time. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Begins a request and leaves while it is under way. */
function leaving({ port }: HttpRig, when: 'at once' | 'after the first piece', method = 'GET'): Promise<void> {
  return new Promise((resolve) => {
    const request = http.request({
      host: '127.0.0.1',
      port,
      method,
      agent: false,
      headers: { 'content-length': method === 'GET' ? 0 : 9 },
    });
    request.on('error', () => resolve());
    request.on('close', () => resolve());
    if (method !== 'GET') request.write('half');
    else request.end();
    if (when === 'at once') setTimeout(() => request.destroy(), 30);
    request.on('response', (response) => {
      response.on('error', () => undefined);
      response.once('data', () => request.destroy());
    });
  });
}

describe('finally', () => {
  const log: string[] = [];
  const last = position('last', {
    responseHeaders: ({ response }) => {
      log.push(String(response?.status));
      return { kind: 'response-changes', headers: { set: [['x-last', 'yes']] } };
    },
  });
  const streaming = position('stream', { responseBody: () => undefined, responseChunk: () => undefined });
  const whole = position('whole', { requestBody: () => undefined, responseBody: () => undefined });
  const denying = position('deny', { requestHeaders: () => ({ kind: 'immediate', status: 401 }) });
  const failing = position('fail', { responseHeaders: () => policyFailure('TRAP', 'x') });
  const forever = (): void => undefined;
  const begins: RequestListener = (_, response) =>
    void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');

  afterEach(() => void log.splice(0));

  it.each<[string, Position[], RequestListener, (rig: HttpRig) => Promise<unknown>, string]>([
    ['an ordinary answer', [whole], (_, response) => void response.end('hi'), (rig) => rig.send(), '200'],
    ['an answer without a body', [], (_, response) => void response.writeHead(204).end(), (rig) => rig.send(), '204'],
    [
      'a stream',
      [streaming],
      (_, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end('x'),
      (rig) => rig.send(),
      '200',
    ],
    ['a refusal by a policy', [denying], forever, (rig) => rig.send(), '401'],
    ['a policy that failed', [failing], (_, response) => void response.end('hi'), (rig) => rig.send(), '500'],
    ['a body over its limit', [whole], forever, (rig) => rig.send({ method: 'POST', body: 'x'.repeat(200) }), '413'],
    ['a client that left before the answer', [], forever, (rig) => leaving(rig, 'at once'), '499'],
    ['a client that left in the middle of its body', [whole], forever, (rig) => leaving(rig, 'at once', 'POST'), '499'],
    [
      'a client that left in the middle of a stream',
      [streaming],
      begins,
      (rig) => leaving(rig, 'after the first piece'),
      '200',
    ],
    [
      'a handler that failed before the answer',
      [],
      (_, response) => void response.destroy(),
      (rig) => rig.send().catch(() => undefined),
      '502',
    ],
    [
      'a handler that failed in the middle of a body that policies want whole',
      [whole],
      (_, response) => {
        response.write('half');
        response.destroy(new Error('upstream'));
      },
      (rig) => rig.send().catch(() => undefined),
      '200',
    ],
  ])('runs once after %s (P-50, U-08)', async (_, operation, handler, ask, status) => {
    const rig = await service({ operation, finally: [last] }, handler, { maxBodyBytes: 100 });
    await ask(rig);
    await until(() => log.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(log).toEqual([status]);
  });

  it('sees what onFault made of an engine failure, which has one id in body and header (P-21, P-50)', async () => {
    const reshape = position('reshape', {
      responseHeaders: ({ response }) => ({
        kind: 'response-changes',
        status: 418,
        headers: { set: [['x-code', response?.fault?.type ?? '']] },
      }),
    });
    const rig = await service(
      { operation: [failing], onFault: [reshape], finally: [last] },
      (_, response) => void response.end('hi'),
    );
    const reply = await rig.send();
    expect(reply).toMatchObject({ status: 418, headers: { 'x-code': 'POLICY_ENGINE_ERROR', 'x-last': 'yes' } });
    expect(JSON.parse(reply.body)).toEqual({ error: 'Internal policy error', error_id: reply.headers['x-error-id'] });
    expect(log).toEqual(['418']);
  });
});

describe('engine failures', () => {
  const bodies = position('whole', { requestBody: () => undefined, responseBody: () => undefined });

  it.each<[number, string, Hooks, string]>([
    [500, 'Internal policy error', { requestHeaders: () => policyFailure('TRAP', 'inside') }, ''],
    [500, 'Internal policy error', { requestBody: () => policyFailure('FUEL_EXHAUSTED', 'inside') }, 'x'],
    [500, 'Internal policy error', { responseHeaders: () => policyFailure('ACTION_INVALID', 'inside') }, ''],
    [500, 'Internal policy error', { responseBody: () => policyFailure('TRAP', 'inside') }, ''],
    [413, 'Request body too large', { requestBody: () => undefined }, 'x'.repeat(101)],
  ])(
    'are %i, JSON with %s and an error id in body and header, and nothing of the inside (P-21)',
    async (status, error, hooks, body) => {
      const rig = await service([position('p', hooks)], (_, response) => void response.end('secret'), {
        maxBodyBytes: 100,
      });
      const reply = await rig.send({ method: 'POST', body });
      expect(reply).toMatchObject({ status, headers: { 'content-type': 'application/json', 'x-error-id': 'error-1' } });
      expect(JSON.parse(reply.body)).toEqual({ error, error_id: 'error-1' });
    },
  );

  it('of a response over its limit too, while nothing of it has left (P-21)', async () => {
    const rig = await service([bodies], (_, response) => void response.end('x'.repeat(101)), { maxBodyBytes: 100 });
    expect(await rig.send()).toMatchObject({ status: 500, headers: { 'x-error-id': 'error-1' } });
  });

  it('in the middle of a stream end it, and no status is made up (P-21)', async () => {
    const rig = await service(
      [
        position('p', {
          responseBody: () => undefined,
          responseChunk: ({ chunk }) => (chunk?.index === 1 ? policyFailure('TRAP', 'x') : undefined),
        }),
      ],
      (_, response) => {
        response.write('one ');
        response.write('two ');
        response.end('three');
      },
    );
    expect(await rig.send()).toMatchObject({ status: 200, body: 'one ' });
  });
});

describe('a stream', () => {
  const reasons: string[] = [];
  const streaming = (chunk: Hooks['responseChunk'], more: Hooks = {}): Position =>
    position('stream', {
      responseBody: () => undefined,
      responseChunk: chunk as never,
      streamEnd: (_, reason) => void reasons.push(reason),
      ...more,
    });

  afterEach(() => void reasons.splice(0));

  it.each<[string, Hooks['responseChunk'], RequestListener, (rig: HttpRig) => Promise<unknown>]>([
    [
      'completed',
      () => undefined,
      (_, response) => void response.write('x', () => response.end()),
      (rig) => rig.send(),
    ],
    ['terminated', () => ({ kind: 'terminate' }), (_, response) => void response.write('x'), (rig) => rig.send()],
    ['failed', () => policyFailure('TRAP', 'x'), (_, response) => void response.write('x'), (rig) => rig.send()],
    [
      'client-aborted',
      () => undefined,
      (_, response) => void response.write('x'),
      (rig) => leaving(rig, 'after the first piece'),
    ],
    [
      'upstream-aborted',
      () => undefined,
      (_, response) => void response.write('x', () => response.destroy()),
      (rig) => rig.send().catch(() => undefined),
    ],
  ])('that was %s tells each policy so, once (P-67, R-10)', async (reason, chunk, handler, ask) => {
    const rig = await service([streaming(chunk)], handler);
    await ask(rig);
    await until(() => reasons.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reasons).toEqual([reason]);
  });

  it('goes out as it comes where Node sends it in chunks: no content type need say so (P-05, U-10)', async () => {
    let release: () => void = () => undefined;
    const rig = await service([streaming(() => undefined)], (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('first ');
      release = () => void response.end('last');
    });
    const pieces: string[] = [];
    await new Promise<void>((resolve) => {
      http.get({ host: '127.0.0.1', port: rig.port, agent: false }, (response) => {
        response.on('data', (piece: Buffer) => {
          pieces.push(String(piece));
          // The handler goes on only when the client has the first piece.
          release();
        });
        response.on('end', resolve);
      });
    });
    expect(pieces).toEqual(['first ', 'last']);
  });

  it('is held while a policy needs more, until it does not, or until it ends (P-07)', async () => {
    const seen: string[] = [];
    const asked: number[] = [];
    const rig = await service(
      [
        streaming(
          ({ chunk }) => {
            seen.push(text(chunk?.data ?? Buffer.of()));
            return undefined;
          },
          {
            needsMoreResponse: ({ pending }) => {
              asked.push(pending?.total ?? 0);
              return !text(pending?.fresh ?? Buffer.of()).endsWith('.');
            },
          },
        ),
      ],
      (_, response) => {
        for (const piece of ['One', ' two', '. ', 'Three.', 'Rest']) response.write(piece);
        response.end();
      },
    );
    expect((await rig.send()).body).toBe('One two. Three.Rest');
    expect(seen).toEqual(['One two. Three.', 'Rest']);
    expect(asked).toEqual([3, 7, 9, 15, 4]);
  });

  it('is held to 10 MiB at most (P-07)', async () => {
    const sizes: number[] = [];
    const rig = await service(
      [
        streaming(
          ({ chunk }) => {
            sizes.push(chunk?.data.length ?? 0);
            return undefined;
          },
          { needsMoreResponse: () => true },
        ),
      ],
      async (_, response) => {
        await pipeline(Readable.from(Array.from({ length: 12 }, () => Buffer.alloc(1_048_576))), response);
      },
    );
    expect((await rig.send()).bytes).toHaveLength(12 * 1_048_576);
    expect(sizes).toEqual([10_485_760, 2_097_152]);
  });

  it('that a policy ends is ended once, however much the handler still writes (U-11, P-10)', async () => {
    let ends = 0;
    const rig = await service(
      [
        streaming(() => {
          ends++;
          return { kind: 'terminate', body: Buffer.from('event: error\n\n') };
        }),
      ],
      (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (let i = 0; i < 50; i++) response.write('data: x\n\n');
        response.end();
      },
    );
    expect((await rig.send()).body).toBe('event: error\n\n');
    expect(ends).toBe(1);
  });
});

describe('bodies', () => {
  it.each<[string, Record<string, string>, string]>([
    ['GET', {}, 'a request line alone'],
    ['HEAD', {}, 'HEAD'],
    ['POST', { 'content-length': '0' }, 'an announced length of zero'],
    ['DELETE', {}, 'neither length nor coding'],
  ])('of %s with %o: none, and the body hooks run with present false: %s (P-06, U-15)', async (method, headers) => {
    const seen: Body[] = [];
    const look = position('look', {
      requestBody: ({ request }) => {
        seen.push(request.body);
        return undefined;
      },
    });
    const rig = await service([look], (_, response) => void response.end());
    await rig.send({ method, headers });
    expect(seen.map(({ present }) => present)).toEqual([false]);
  });

  it.each([204, 304])('of a %i answer: none, and the hooks run with present false (P-06)', async (status) => {
    const seen: unknown[] = [];
    const look = position('look', {
      responseBody: ({ response }) => {
        seen.push(response?.body.present);
        return undefined;
      },
    });
    const rig = await service([look], (_, response) => void response.writeHead(status).end());
    expect(await rig.send()).toMatchObject({ status, body: '' });
    expect(seen).toEqual([false]);
  });

  it('that are empty and chunked are delivered as empty bodies (U-15)', async () => {
    const seen: Body[] = [];
    const look = position('look', {
      requestBody: ({ request }) => {
        seen.push(request.body);
        return undefined;
      },
    });
    const rig = await service([look], (_, response) => void response.end('ok'));
    expect(await rig.send({ method: 'POST', headers: { 'transfer-encoding': 'chunked' } })).toMatchObject({
      status: 200,
      body: 'ok',
    });
    expect(seen).toMatchObject([{ present: true, endOfStream: true }]);
    expect(seen[0]?.content).toHaveLength(0);
  });

  it('that a policy gives to an answer without one are sent, with their length (U-15)', async () => {
    const fill = position('fill', { responseBody: () => ({ kind: 'response-changes', body: Buffer.from('filled') }) });
    const rig = await service([fill], (_, response) => void response.writeHead(200, { 'content-length': '0' }).end());
    expect(await rig.send()).toMatchObject({ status: 200, body: 'filled', headers: { 'content-length': '6' } });
  });

  it('that policies want whole may come through a pipe, larger than any buffer (U-14)', async () => {
    const rig = await service([position('whole', { responseBody: () => undefined })], (_, response) => {
      Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(16_384, 'x'))).pipe(response);
    });
    expect((await rig.send()).bytes).toHaveLength(50 * 16_384);
  });

  it('that policies want whole may come from a handler that waits for each write (U-14)', async () => {
    const rig = await service([position('whole', { responseBody: () => undefined })], async (_, response) => {
      for (const piece of ['one ', 'two '])
        await new Promise<void>((resolve) => void response.write(piece, () => resolve()));
      response.end('three');
    });
    expect((await rig.send()).body).toBe('one two three');
  });

  it('header changes are with the handler before the body is awaited (U-01)', async () => {
    const order: string[] = [];
    const rig = await service(
      [
        position('auth', {
          requestHeaders: () => ({ kind: 'request-changes', headers: { set: [['authorization', 'Bearer up']] } }),
        }),
        position('look', {
          requestBody: ({ request }) => {
            order.push(`body hook sees ${request.headers.first('authorization')}`);
            return undefined;
          },
        }),
      ],
      (request, response) => {
        order.push(`handler sees ${request.headers.authorization}`);
        response.end();
      },
    );
    await rig.send({ method: 'POST', body: 'x' });
    expect(order).toEqual(['body hook sees Bearer up', 'handler sees Bearer up']);
  });
});
