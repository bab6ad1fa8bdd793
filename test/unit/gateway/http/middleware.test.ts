import type { RequestListener } from 'node:http';
import express from 'express';
import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { type FastifyLike, fastifyPolicies } from '../../../../src/gateway/http/fastify.ts';
import { type PolicyMiddlewareOptions, policyMiddleware } from '../../../../src/gateway/http/middleware.ts';
import type { PolicyGate } from '../../../../src/gateway/http/policy-gate.ts';
import { engineFault } from '../../../../src/policy/chain/engine-fault.ts';
import type { Position } from '../../../../src/policy/chain/position.ts';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import { position, text } from '../../policy/support/exchange-rig.ts';
import { echo, gateOf, HttpRig } from './support/http-rig.ts';

const open: HttpRig[] = [];

afterEach(async () => {
  for (const rig of open.splice(0)) await rig.close();
});

async function service(
  gate: PolicyGate,
  handler: RequestListener = (request, response) => void echo(request, response),
  options: PolicyMiddlewareOptions = {},
): Promise<HttpRig> {
  const middleware = policyMiddleware(gate, options);
  const rig = await HttpRig.start((request, response) =>
    middleware(request, response, () => handler(request, response)),
  );
  open.push(rig);
  return rig;
}

const changing = position('change', {
  requestHeaders: () => ({
    kind: 'request-changes',
    path: '/rewritten',
    queryAdd: [['added', '1']],
    headers: { set: [['X-Set', 'yes']], append: [['x-many', 'b']], remove: ['x-gone'] },
  }),
});

describe('requests', () => {
  it('reach the handler as the chain left them: path, query, headers (P-17)', async () => {
    const rig = await service(gateOf([changing]));
    const { body } = await rig.send({ path: '/a?b=1', headers: { 'x-gone': '1', 'x-many': 'a' } });
    const seen = JSON.parse(body) as { url: string; headers: Record<string, string> };
    expect(seen.url).toBe('/rewritten?b=1&added=1');
    expect(seen.headers).toMatchObject({ 'x-set': 'yes', 'x-many': 'a, b' });
    expect(seen.headers).not.toHaveProperty('x-gone');
  });

  it.each([1, 70_000, 900_000])(
    'of %i bytes are seen whole by policies, and are still there for the handler',
    async (size) => {
      let seen = 0;
      const look = position('look', {
        requestBody: ({ request }) => {
          seen = request.body.content.length;
          return undefined;
        },
      });
      const rig = await service(gateOf([look]));
      const sent = 'x'.repeat(size);
      const { body } = await rig.send({ method: 'POST', body: sent });
      expect(seen).toBe(size);
      expect((JSON.parse(body) as { body: string }).body).toBe(sent);
    },
  );

  it.each([
    ['replaced', 'a new body, longer than the old one'],
    ['cleared', ''],
  ])('whose body is %s arrive with the new one and its length (P-11)', async (_, content) => {
    const replace = position('replace', {
      requestBody: () => ({ kind: 'request-changes', body: Buffer.from(content) }),
    });
    const rig = await service(gateOf([replace]));
    const { body } = await rig.send({ method: 'POST', body: 'old' });
    expect(JSON.parse(body)).toMatchObject({ body: content, headers: { 'content-length': String(content.length) } });
  });

  it('chunked, with a replaced body, lose their transfer coding', async () => {
    const replace = position('replace', { requestBody: () => ({ kind: 'request-changes', body: Buffer.from('new') }) });
    const rig = await service(gateOf([replace]));
    const { body } = await rig.send({ method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 'old' });
    const { headers } = JSON.parse(body) as { headers: Record<string, string> };
    expect(headers).toMatchObject({ 'content-length': '3' });
    expect(headers).not.toHaveProperty('transfer-encoding');
  });

  it('are answered at once by a policy, and the handler never hears of them (P-09)', async () => {
    let calls = 0;
    const deny = position('deny', {
      requestHeaders: () => ({
        kind: 'immediate',
        status: 401,
        headers: [['www-authenticate', 'Key']],
        body: Buffer.from('no'),
      }),
    });
    const rig = await service(gateOf([deny]), () => void calls++);
    expect(await rig.send()).toMatchObject({ status: 401, body: 'no', headers: { 'www-authenticate': 'Key' } });
    expect(calls).toBe(0);
  });

  it('over the limit are answered 413 before the handler (V-28)', async () => {
    const rig = await service(gateOf([position('look', { requestBody: () => undefined })]), undefined, {
      maxBodyBytes: 10,
    });
    expect(await rig.send({ method: 'POST', body: 'x'.repeat(11) })).toMatchObject({ status: 413 });
  });

  it('that take a policy its time wait for it', async () => {
    const slow = position('slow', {
      requestHeaders: async () => ({ kind: 'request-changes', headers: { set: [['x-slow', '1']] } }),
      requestBody: async () => ({ kind: 'request-changes', body: Buffer.from('late') }),
    });
    const rig = await service(gateOf([slow]));
    const { body } = await rig.send({ method: 'POST', body: 'early' });
    expect(JSON.parse(body)).toMatchObject({ headers: { 'x-slow': '1' }, body: 'late' });
  });

  it('without a route pass untouched, or are answered 404', async () => {
    const none: PolicyGate = { open: () => undefined };
    const passing = await service(none);
    expect((await passing.send()).status).toBe(200);
    const closed = await service(none, undefined, { unknownRoute: 'not-found' });
    expect((await closed.send()).status).toBe(404);
  });

  it('of a route that cannot be served get nowhere (P-64)', async () => {
    let calls = 0;
    const rig = await service({ open: () => engineFault(503, 'e', 'not ready') }, () => void calls++);
    expect(await rig.send()).toMatchObject({ status: 503, headers: { 'x-error-id': 'e' } });
    expect(calls).toBe(0);
  });
});

describe('responses', () => {
  const tagging = position('tag', {
    responseHeaders: ({ response }) => ({
      kind: 'response-changes',
      headers: { set: [['x-tag', `saw ${response?.status}`]], remove: ['x-powered-by'] },
    }),
  });

  it('reach the client with the headers of the chain, whichever way the handler sent its own', async () => {
    const handlers: RequestListener[] = [
      (_, response) => response.setHeader('x-powered-by', 'x').end('hi'),
      (_, response) => response.writeHead(201, { 'X-Powered-By': 'x' }).end('hi'),
      (_, response) => response.writeHead(201, ['X-Powered-By', 'x']).end('hi'),
      (_, response) => {
        response.statusCode = 202;
        response.write('h');
        response.end('i');
      },
    ];
    const seen: unknown[] = [];
    for (const handler of handlers) {
      const rig = await service(gateOf([tagging]), handler);
      const { status, headers, body } = await rig.send();
      seen.push([status, headers['x-tag'], headers['x-powered-by'], body]);
    }
    expect(seen).toEqual([
      [200, 'saw 200', undefined, 'hi'],
      [201, 'saw 201', undefined, 'hi'],
      [201, 'saw 201', undefined, 'hi'],
      [202, 'saw 202', undefined, 'hi'],
    ]);
  });

  it('keep several cookies apart (P-12)', async () => {
    const rig = await service(gateOf([tagging]), (_, response) =>
      response.setHeader('set-cookie', ['a=1', 'b=2']).end(),
    );
    expect((await rig.send()).headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it('are seen whole by policies that want their body, and can be replaced (P-16)', async () => {
    const shout = position('shout', {
      responseBody: ({ response }) => ({
        kind: 'response-changes',
        status: 203,
        body: Buffer.from(text(response?.body.content ?? Buffer.of()).toUpperCase()),
      }),
    });
    const rig = await service(gateOf([shout]), (_, response) => {
      response.writeHead(200, { 'content-length': '5' });
      response.write('he');
      response.end('llo');
    });
    expect(await rig.send()).toMatchObject({ status: 203, body: 'HELLO', headers: { 'content-length': '5' } });
  });

  it('without a change keep length and content', async () => {
    const look = position('look', { responseBody: () => undefined });
    const rig = await service(gateOf([look]), (_, response) => response.end('hello'));
    expect(await rig.send()).toMatchObject({ status: 200, body: 'hello', headers: { 'content-length': '5' } });
  });

  it('are streamed where every policy streams: the first piece arrives before the last was written (P-05, U-10)', async () => {
    const log: string[] = [];
    const streaming = position('stream', {
      responseBody: () => undefined,
      responseChunk: ({ chunk }) => ({
        kind: 'forward',
        body: Buffer.from(text(chunk?.data ?? Buffer.of()).toUpperCase()),
      }),
      streamEnd: (_, reason) => void log.push(reason),
    });
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const rig = await service(gateOf([streaming]), async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n', () => release());
      await released;
      response.end('data: two\n\n');
    });
    const { body } = await rig.send();
    expect(body).toBe('DATA: ONE\n\nDATA: TWO\n\n');
    expect(log).toEqual(['completed']);
  });

  it('a policy that fails closed on the response leaves nothing of it', async () => {
    const broken = position('broken', { responseHeaders: () => policyFailure('TRAP', 'x') });
    const rig = await service(gateOf([broken]), (_, response) => response.setHeader('x-secret', '1').end('secret'));
    const reply = await rig.send();
    expect(reply).toMatchObject({ status: 500, headers: { 'x-error-id': 'error-1' } });
    expect(reply.headers).not.toHaveProperty('x-secret');
    expect(reply.body).not.toContain('secret');
  });

  it('to HEAD, and 204 and 304, have no body and still pass the chain (P-06)', async () => {
    const rig = await service(gateOf([tagging]), (request, response) => {
      response.statusCode = request.url === '/204' ? 204 : 200;
      response.end();
    });
    expect(await rig.send({ path: '/204' })).toMatchObject({ status: 204, headers: { 'x-tag': 'saw 204' } });
    expect(await rig.send({ method: 'HEAD' })).toMatchObject({ status: 200, headers: { 'x-tag': 'saw 200' } });
  });
});

describe('frameworks', () => {
  const chain: Position[] = [
    position('both', {
      requestHeaders: () => ({ kind: 'request-changes', headers: { set: [['x-user', 'ana']] } }),
      requestBody: () => ({ kind: 'request-changes', body: Buffer.from('{"n":2}') }),
      responseHeaders: () => ({ kind: 'response-changes', headers: { set: [['x-chain', 'yes']] } }),
      responseBody: ({ response }) => ({
        kind: 'response-changes',
        body: Buffer.from(`[${text(response?.body.content ?? Buffer.of())}]`),
      }),
    }),
  ];
  const post = { method: 'POST', path: '/pets', headers: { 'content-type': 'application/json' }, body: '{"n":1}' };

  it('Express: parsers and handlers behind the chain see what it left', async () => {
    const app = express();
    app.use(policyMiddleware(gateOf(chain)));
    app.use(express.json());
    app.post('/pets', (request, response) => {
      response.json({ user: request.headers['x-user'], body: request.body as object });
    });
    const rig = await HttpRig.start(app);
    open.push(rig);
    const reply = await rig.send(post);
    expect(reply).toMatchObject({ status: 200, headers: { 'x-chain': 'yes' } });
    expect(JSON.parse(reply.body)).toEqual([{ user: 'ana', body: { n: 2 } }]);
  });

  it('Fastify: the same', async () => {
    const app = Fastify();
    fastifyPolicies(app as unknown as FastifyLike, gateOf(chain));
    app.post('/pets', async (request) => ({ user: request.headers['x-user'], body: request.body }));
    await app.ready();
    const rig = await HttpRig.start((request, response) => app.routing(request, response));
    open.push(rig);
    const reply = await rig.send(post);
    expect(reply).toMatchObject({ status: 200, headers: { 'x-chain': 'yes' } });
    expect(JSON.parse(reply.body)).toEqual([{ user: 'ana', body: { n: 2 } }]);
    await app.close();
  });

  it('Fastify: a request that a policy answered never reaches a route', async () => {
    const deny = position('deny', {
      requestHeaders: () => ({ kind: 'immediate', status: 403, body: Buffer.from('no') }),
    });
    let calls = 0;
    const app = Fastify();
    fastifyPolicies(app as unknown as FastifyLike, gateOf([deny]));
    app.post('/pets', async () => calls++);
    await app.ready();
    const rig = await HttpRig.start((request, response) => app.routing(request, response));
    open.push(rig);
    expect(await rig.send(post)).toMatchObject({ status: 403, body: 'no' });
    expect(calls).toBe(0);
    await app.close();
  });
});
