/** Requests of policies against servers on loopback: limits, redirects, addresses that change, and what is sent. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HostResult, hostFault, isHostFault } from '../../../src/policy/guest/host-functions.ts';
import { Phase } from '../../../src/policy/model/phases.ts';
import { HttpCalls, type HttpCallsOptions } from '../../../src/policy-host/http/http-calls.ts';
import { decodeHttpResponse, encodeHttpRequest, type HttpRequest } from '../../../src/policy-host/http/http-frame.ts';
import { EXCHANGE, instanceOf } from '../policy/guest/support/guest-rig.ts';
import { FakeClock, settle } from '../relay/support/fake-clock.ts';
import { callOf, foreignCall, freshInput, hostOf, OUTSIDE } from './support/host-rig.ts';
import { guestOf } from './support/wat-guests.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<number> {
  const server = createServer(handler);
  return listen(server, () => server.closeAllConnections());
}

async function listen(server: Server | TcpServer, before: () => void = () => undefined): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    close: () => {
      before();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  return (server.address() as { port: number }).port;
}

/** A host whose policy may ask `name.test` on a port. */
function rig(port: number, rule: object = {}, options: HttpCallsOptions = {}) {
  const http = new HttpCalls({ resolve: async () => ['127.0.0.1'], ...options });
  open.push(http);
  const local = { scheme: 'http', host: 'name.test', port, privateAddresses: true, methods: ['GET', 'POST'], ...rule };
  const host = hostOf({ http: { allow: [local] } }, { http });
  const input = freshInput();
  return {
    http,
    host,
    input,
    async ask(request: Partial<HttpRequest> = {}, call = callOf(input)) {
      const started = host.httpStart(call, encodeHttpRequest({ url: `http://name.test:${port}/`, ...request }));
      return answerOf(isHostFault(started) ? started : await started);
    },
  };
}

function answerOf(result: HostResult<Uint8Array>) {
  if (isHostFault(result)) return result;
  const { status, headers, body } = decodeHttpResponse(result)!;
  return { status, headers: Object.fromEntries(headers), text: Buffer.from(body).toString() };
}

const echo: Handler = (request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    response.setHeader('x-method', request.method ?? '');
    response.end(JSON.stringify({ ...request.headers, url: request.url, body: Buffer.concat(parts).toString() }));
  });
};

describe('a request', () => {
  it('reaches the server with the host that was asked for, its headers and body, and no credentials of ours', async () => {
    const port = await serve(echo);
    const { ask } = rig(port);
    const answer = await ask({
      method: 'POST',
      url: `http://name.test:${port}/a?b=c`,
      headers: [
        ['host', 'internal.example'],
        ['x-mine', '1'],
      ],
      body: Buffer.from('the body'),
    });
    expect(answer).toMatchObject({ status: 200, headers: { 'x-method': 'POST' } });
    expect(JSON.parse((answer as { text: string }).text)).toEqual({
      'accept-encoding': 'identity',
      connection: 'keep-alive',
      'content-length': '8',
      host: `name.test:${port}`,
      'user-agent': 'edict-policy',
      'x-mine': '1',
      url: '/a?b=c',
      body: 'the body',
    });
  });

  it('is refused at once where no rule allows it, and where it is no request', async () => {
    const { ask, host, http, input } = rig(1);
    expect(await ask({ url: 'http://other.test:1/' })).toBe(hostFault('denied'));
    expect(await ask({ method: 'DELETE' })).toBe(hostFault('denied'));
    expect(await ask({ method: 'GET\r\nX: y' })).toBe(hostFault('denied'));
    expect(await ask({ url: 'file:///etc/passwd' })).toBe(hostFault('bad-argument'));
    expect(await ask({ headers: [['x', 'a\r\nb']] })).toBe(hostFault('bad-argument'));
    expect(host.httpStart(callOf(input), new Uint8Array(5))).toBe(hostFault('bad-argument'));
    expect(http.describe()).toMatchObject({ calls: 0, refused: 6, running: 0 });
  });

  it('needs the grant, a port, an exchange, and the tenant it was made for', async () => {
    const { ask } = rig(1);
    expect(await ask({}, OUTSIDE)).toBe(hostFault('denied'));
    expect(await ask({}, foreignCall())).toBe(hostFault('denied'));
    expect(hostOf({}).httpStart(callOf(), new Uint8Array(0))).toBe(hostFault('denied'));
    const shape = { http: { allow: [{ host: 'a.example' }] } };
    expect(hostOf(shape).httpStart(callOf(), encodeHttpRequest({ url: 'https://a.example/' }))).toBe(
      hostFault('unavailable'),
    );
  });

  it('answers "unavailable" for what cannot be reached, resolved or read', async () => {
    const reset = createTcpServer((socket) => socket.destroy());
    expect(await rig(await listen(reset)).ask()).toBe(hostFault('unavailable'));
    const garbage = createTcpServer((socket) => socket.resume().end('this is no HTTP\r\n\r\n'));
    expect(await rig(await listen(garbage)).ask()).toBe(hostFault('unavailable'));
    expect(await rig(1).ask()).toBe(hostFault('unavailable'));
    const nowhere = rig(1, {}, { resolve: () => Promise.reject(new Error('ENOTFOUND')) });
    expect(await nowhere.ask()).toBe(hostFault('unavailable'));
    expect(await rig(1, {}, { resolve: async () => [] }).ask()).toBe(hostFault('unavailable'));
  });
});

describe('P-72 private addresses', () => {
  it('are refused after the name was resolved, one among several too', async () => {
    let asked = 0;
    const port = await serve((_request, response) => {
      asked++;
      response.end();
    });
    for (const addresses of [
      ['127.0.0.1'],
      ['1.1.1.1', '127.0.0.1'],
      ['::1'],
      ['169.254.169.254'],
      ['::ffff:10.0.0.1'],
    ]) {
      const { ask } = rig(port, { privateAddresses: false }, { resolve: async () => addresses });
      expect(await ask()).toBe(hostFault('denied'));
    }
    const literal = rig(port, { host: '127.0.0.1', privateAddresses: false });
    expect(await literal.ask({ url: `http://127.0.0.1:${port}/` })).toBe(hostFault('denied'));
    expect(await literal.ask({ url: `http://2130706433:${port}/` })).toBe(hostFault('denied'));
    expect(asked).toBe(0);
  });

  it('are connected to as they were checked: a name is resolved once for each request', async () => {
    const port = await serve(echo);
    let lookups = 0;
    // What a second look would find is another answer.
    const resolve = async (): Promise<string[]> => (lookups++ === 0 ? ['127.0.0.1'] : ['192.0.2.1']);
    const { ask } = rig(port, {}, { resolve });
    expect(await ask()).toMatchObject({ status: 200 });
    expect(lookups).toBe(1);
  });
});

describe('P-72 redirects', () => {
  const redirecting =
    (location: string, status = 302): Handler =>
    (request, response) => {
      if (request.url === '/') response.writeHead(status, { location }).end('moved');
      else echo(request, response);
    };

  it('are an answer like any other unless they are listed', async () => {
    const port = await serve(redirecting('/next'));
    expect(await rig(port).ask()).toMatchObject({ status: 302, headers: { location: '/next' }, text: 'moved' });
  });

  it('are followed where they are listed, every hop checked by rule and address', async () => {
    const port = await serve(redirecting('/next'));
    expect(await rig(port, { redirects: true }).ask()).toMatchObject({ status: 200 });
    expect(await rig(port, { redirects: true, pathPrefix: '/' }).ask()).toMatchObject({ status: 200 });
    for (const location of ['http://other.test/', `http://name.test:${port + 1}/`, 'https://name.test/']) {
      const to = await serve(redirecting(location));
      expect(await rig(to, { redirects: true }).ask()).toBe(hostFault('denied'));
    }
    // The second name leads inside, where no rule lets it.
    const resolve = async (name: string): Promise<string[]> => (name === 'name.test' ? ['127.0.0.1'] : ['10.0.0.1']);
    const http = new HttpCalls({ resolve });
    open.push(http);
    const to = await serve(redirecting(`http://inner.test:${port}/`));
    const allow = [
      { scheme: 'http', host: 'name.test', port: to, redirects: true, privateAddresses: true },
      { scheme: 'http', host: 'inner.test', port, redirects: true },
    ];
    const hostTo = hostOf({ http: { allow } }, { http });
    const started = hostTo.httpStart(callOf(), encodeHttpRequest({ url: `http://name.test:${to}/` }));
    expect(answerOf(isHostFault(started) ? started : await started)).toBe(hostFault('denied'));
  });

  it('end after three', async () => {
    const port = await serve((_request, response) => response.writeHead(302, { location: '/again' }).end());
    expect(await rig(port, { redirects: true }).ask()).toBe(hostFault('limit'));
  });
});

describe('P-72 large and slow answers', () => {
  it('are cut at the limit, announced or not', async () => {
    const limits = { responseBytes: 1_000 };
    const body = 'x'.repeat(1_001);
    const announced = await serve((_request, response) => response.end(body));
    expect(await rig(announced, {}, { limits }).ask()).toBe(hostFault('too-large'));
    const chunked = await serve((_request, response) => {
      response.write(body.slice(0, 600));
      response.end(body.slice(600));
    });
    expect(await rig(chunked, {}, { limits }).ask()).toBe(hostFault('too-large'));
    const fits = await serve((_request, response) => response.end(body.slice(1)));
    expect(await rig(fits, {}, { limits }).ask()).toMatchObject({ text: body.slice(1) });
    const endless = await serve((_request, response) => {
      const pump = (): void => {
        while (response.write(body)) if (response.destroyed) return;
      };
      response.on('drain', pump);
      pump();
    });
    expect(await rig(endless).ask()).toBe(hostFault('too-large'));
    const wide = await serve((_request, response) => {
      response.setHeader('x-wide', 'y'.repeat(40_000));
      response.end();
    });
    expect(await rig(wide).ask()).toBe(hostFault('unavailable'));
  });

  it('end at the total limit, at the guest\u2019s own, or at the deadline of the exchange', async () => {
    let seen = 0;
    const port = await serve(() => {
      seen++;
    });
    for (const [timeoutMs, deadlineMs, endsAt] of [
      [undefined, 60_000, 1_000],
      [300, 60_000, 300],
      [5_000, 60_000, 1_000],
      [undefined, 200, 200],
    ] as const) {
      const clock = new FakeClock();
      const { host, http } = rig(port, {}, { clock });
      const exchange = { ...EXCHANGE, deadline: clock.now() + deadlineMs };
      const request = { url: `http://name.test:${port}/`, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
      const before = seen;
      const started = host.httpStart(callOf(freshInput({ exchange })), encodeHttpRequest(request));
      if (isHostFault(started)) throw new Error(started.fault);
      let result: unknown;
      void started.then((given) => {
        result = given;
      });
      await expect.poll(() => seen).toBe(before + 1);
      await clock.advance(endsAt - 1);
      expect(result).toBeUndefined();
      await clock.advance(1);
      await settle();
      expect(result).toBe(hostFault('deadline'));
      expect(http.describe()).toMatchObject({ running: 0, failed: 1 });
      expect(clock.pendingTimers).toBe(0);
    }
  });

  it('end at the limit in the middle of a body that drips', async () => {
    const port = await serve((_request, response) => response.write('a drop'));
    const clock = new FakeClock();
    const { ask } = rig(port, {}, { clock });
    const asked = ask();
    let result: unknown;
    void asked.then((given) => {
      result = given;
    });
    await expect
      .poll(async () => {
        await clock.advance(100);
        return result;
      })
      .toBe(hostFault('deadline'));
  });

  it('end at the limit while a name is being resolved', async () => {
    const clock = new FakeClock();
    const { host, http } = rig(9, {}, { clock, resolve: () => new Promise(() => undefined) });
    const started = host.httpStart(callOf(), encodeHttpRequest({ url: 'http://name.test:9/' }));
    if (isHostFault(started)) throw new Error(started.fault);
    let result: unknown;
    void started.then((given) => {
      result = given;
    });
    await clock.advance(1_000);
    expect(result).toBe(hostFault('deadline'));
    expect(http.describe().running).toBe(0);
  });

  it('are given up when there is no connection after 500 ms', async () => {
    // TLS to a server that takes the connection and says nothing: it is never made.
    let taken = 0;
    const silent = createTcpServer((socket) => {
      taken++;
      socket.resume().on('error', () => undefined);
    });
    const port = await listen(silent);
    const clock = new FakeClock();
    const { host } = rig(port, { scheme: 'https' }, { clock });
    const started = host.httpStart(callOf(), encodeHttpRequest({ url: `https://name.test:${port}/` }));
    if (isHostFault(started)) throw new Error(started.fault);
    let result: unknown;
    void started.then((given) => {
      result = given;
    });
    await expect.poll(() => taken).toBe(1);
    await clock.advance(499);
    expect(result).toBeUndefined();
    await clock.advance(1);
    await expect.poll(() => result).toBe(hostFault('deadline'));
  });

  it('find no time at all after the deadline of the exchange', async () => {
    const { host } = rig(1);
    const late = callOf(freshInput({ exchange: { ...EXCHANGE, deadline: 1 } }));
    expect(host.httpStart(late, encodeHttpRequest({ url: 'http://name.test:1/' }))).toBe(hostFault('deadline'));
  });
});

describe('how often and how many at once', () => {
  it('is four times an exchange, whichever policy asks', async () => {
    const port = await serve(echo);
    const { ask, http, input } = rig(port);
    const other = hostOf(
      { http: { allow: [{ scheme: 'http', host: 'name.test', port, privateAddresses: true }] } },
      { http },
      { policy: 'another' },
    );
    for (let i = 0; i < 3; i++) expect(await ask()).toMatchObject({ status: 200 });
    const frame = encodeHttpRequest({ url: `http://name.test:${port}/` });
    const fourth = other.httpStart(callOf(input), frame);
    expect(isHostFault(fourth)).toBe(false);
    await fourth;
    expect(await ask()).toBe(hostFault('limit'));
    expect(await ask({}, callOf(freshInput()))).toMatchObject({ status: 200 });
  });

  it('is 64 for a tenant at a time; the next begins when one ends', async () => {
    const waiting: ServerResponse[] = [];
    const port = await serve((_request, response) => void waiting.push(response));
    const { ask, http } = rig(port, {}, { limits: { concurrencyPerTenant: 2 } });
    const [one, two] = [ask({}, callOf(freshInput())), ask({}, callOf(freshInput()))];
    expect(await ask({}, callOf(freshInput()))).toBe(hostFault('limit'));
    await expect.poll(() => waiting.length).toBe(2);
    for (const response of waiting) response.end('done');
    expect(await one).toMatchObject({ text: 'done' });
    expect(await two).toMatchObject({ text: 'done' });
    const third = ask({}, callOf(freshInput()));
    await expect.poll(() => waiting.length).toBe(3);
    waiting[2]!.end('more');
    expect(await third).toMatchObject({ text: 'more' });
    expect(http.describe()).toEqual({ calls: 3, refused: 1, failed: 0, running: 0 });
  });
});

describe('a module that starts a request and waits', () => {
  it('is resumed with the frame of the answer', async () => {
    const port = await serve((_request, response) => response.end('from outside'));
    const { host } = rig(port);
    const frame = encodeHttpRequest({ url: `http://name.test:${port}/` });
    const data = [...frame].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
    const guest = guestOf(
      ['http_start'],
      `(if (i32.gt_s (call $http_start (i32.const 0) (i32.const ${frame.length})) (i32.const 0))
         (then (return (i32.const -100))))
       (i32.const -8)`,
      {
        data,
        // The answer's frame is as long as the input says; a hook that got one answers "none".
        extra: `(func (export "edict_resume") (param i32 i32) (param $length i32) (result i32)
          (if (result i32) (i32.gt_u (local.get $length) (i32.const 60)) (then (i32.const 0)) (else (i32.const -1))))`,
      },
    );
    const instance = await instanceOf(guest, {}, { granted: ['http'], host });
    expect(await instance.call(Phase.requestHeaders, freshInput())).toEqual({ kind: 'none' });
    const late = freshInput({ exchange: { ...EXCHANGE, deadline: 1 } });
    expect(await instance.call(Phase.requestHeaders, late)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await instance.destroy();
  });
});
