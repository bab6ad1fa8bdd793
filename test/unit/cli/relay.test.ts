import type { ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { resultOf, runCli, SHOP_FLAGS, startCli, temporaryFile } from './run-cli.ts';

/** Resolves with everything a stream wrote so far, as soon as it matches. */
function seen(child: ChildProcess, stream: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child[stream]?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (pattern.test(text)) resolve(text);
    });
    child.once('exit', () => reject(new Error(`ended without ${pattern}: ${text}`)));
  });
}

/** A running relay over a copy of the shop's flags. */
async function start(...args: string[]) {
  const file = await temporaryFile('flags.yaml', '');
  await copyFile(SHOP_FLAGS, file);
  const child = startCli(['relay', '--flags', file, '--port', '0', ...args]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const result = resultOf(child);
  const said = await seen(child, 'stdout', /Ctrl-C|\}\n/);
  const [, url] = (/(http:\/\/\S+?)["\s]/.exec(said) ?? []) as string[];
  return { file, child, result, said, url: url as string };
}

const ask = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/flag/configuration`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json', ...headers },
  });

describe('edict relay', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('serves flags until %s, then ends with 0', async (signal) => {
    const { child, result, url } = await start();
    const answer = (await (await ask(url)).json()) as { flags: object };
    expect(Object.keys(answer.flags)).toHaveLength(9);
    child.kill(signal);
    const { code, stdout, stderr } = await result;
    expect(code).toBe(0);
    expect(stdout).toContain('/ofrep/v1/evaluate/flags/{key}');
    expect(stderr).toContain(`${signal}: the relay has ended`);
  });

  it('names routes that it serves', async () => {
    const { child, url, said } = await start();
    const routes = [...said.matchAll(/^ {2}(GET|POST) +(\/\S+)/gm)];
    expect(routes).toHaveLength(10);
    for (const [, method = '', path = ''] of routes) {
      const body = method === 'POST' ? { body: '{"context":{"targetingKey":"u"},"events":[]}' } : {};
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(url + path.replace('{key}', 'new-checkout'), { method, headers, ...body });
      expect(response.status, path).toBe(200);
      await response.body?.cancel();
    }
    child.kill('SIGTERM');
  });

  it('tells of changes and of flags that are left out, each on a line', async () => {
    const { file, child, result } = await start();
    const changed = seen(child, 'stderr', /flags changed: discount-percent/);
    await writeFile(file, (await readFile(file, 'utf8')).replace('welcome: 10', 'welcome: 12'));
    expect(await changed).toMatch(/^\d\d:\d\d:\d\d flags changed: discount-percent$/m);
    const left = seen(child, 'stderr', /left out.*advent-calendar/);
    await writeFile(file, (await readFile(file, 'utf8')).replace('disable: true', 'disable: 3'));
    await left;
    const failed = seen(child, 'stderr', /last good flags stay in use/);
    await writeFile(file, 'a: [');
    await failed;
    child.kill('SIGTERM');
    expect((await result).code).toBe(0);
  });

  it('asks for one of its keys, also when they come from a file', async () => {
    const keys = await temporaryFile('keys', 'first-key\n\nsecond-key\n');
    const { url } = await start('--api-key', `@${keys}`, '--api-key', 'third-key');
    expect((await ask(url)).status).toBe(401);
    for (const key of ['first-key', 'second-key', 'third-key']) {
      expect((await ask(url, { 'x-api-key': key })).status).toBe(200);
    }
  });

  it('evaluates with its enrichment', async () => {
    const { url } = await start('--enrich', '{"country":"NL","appVersion":"9.0.0"}');
    const response = await fetch(`${url}/ofrep/v1/evaluate/flags/new-checkout`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"context":{"targetingKey":"u"}}',
    });
    expect(await response.json()).toMatchObject({ value: true, variant: 'enabled' });
  });

  it('exports usage events to a file, to its log and, signed, to a webhook', async () => {
    const received = { body: '', signature: '' };
    const hook = createHttpServer((request, response) => {
      received.signature = String(request.headers['x-hub-signature-256']);
      request.setEncoding('utf8').on('data', (text: string) => {
        received.body += text;
      });
      request.on('end', () => response.end());
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void hook.close());
    await once(hook, 'listening');
    const { port } = hook.address() as { port: number };
    const secret = await temporaryFile('secret', 'hook-secret\n');
    const events = await temporaryFile('events.jsonl', '');
    const webhook = ['--export-webhook', `http://127.0.0.1:${port}/secret-path`, '--export-secret', `@${secret}`];
    const { child, result, url, said } = await start('--export-file', events, '--export-log', ...webhook);
    expect(said).toContain(`events  to ${events}, to this log, to 127.0.0.1:${port}\n`);
    await fetch(`${url}/v1/data/collector`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"events":[{"kind":"tracking","userKey":"u-1","key":"order"}]}',
    });
    child.kill('SIGTERM');
    const { code, stderr } = await result;
    expect(code).toBe(0);
    expect(await readFile(events, 'utf8')).toMatch(/^\{"kind":"tracking","userKey":"u-1",.*\}\n$/);
    expect(stderr).toMatch(/\[1970-01-01T00:00:00Z\] user="u-1", event="order", details=null/);
    expect(received.body).toContain('"events":[{"kind":"tracking","userKey":"u-1"');
    expect(received.signature).toBe(
      `sha256=${createHmac('sha256', 'hook-secret').update(received.body).digest('hex')}`,
    );
  });

  it('opens its admin route to its admin key', async () => {
    const { url } = await start('--admin-key', 'the-admin-key');
    const refresh = (headers: Record<string, string>) =>
      fetch(`${url}/admin/v1/retriever/refresh`, { method: 'POST', headers });
    expect((await refresh({})).status).toBe(401);
    expect(await (await refresh({ 'x-api-key': 'the-admin-key' })).json()).toEqual({ refreshed: true });
  });

  it('wants a webhook for a secret, and a URL for a webhook', async () => {
    const run = (...args: string[]) => runCli(['relay', '--flags', SHOP_FLAGS, '--port', '0', ...args]);
    expect(await run('--export-secret', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--export-webhook'),
    });
    expect(await run('--export-webhook', 'nope')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('an absolute http or https URL'),
    });
  });

  it('prints its address as one document', async () => {
    const { child, result, url } = await start('--json');
    child.kill('SIGTERM');
    const { stdout, stderr } = await result;
    expect(JSON.parse(stdout)).toMatchObject({ url, host: '127.0.0.1', flagCount: 9, leftOut: 0 });
    expect(stderr).toBe('');
  });

  it('warns when others may reach it without a key', async () => {
    const { child, result } = await start('--host', '0.0.0.0');
    child.kill('SIGTERM');
    expect((await result).stderr).toMatch(/warning: everybody who reaches 0\.0\.0\.0:\d+ may read the flags/);
  });

  it('ends with 2 when the port is taken or a flag file is missing', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    expect(await runCli(['relay', '--flags', SHOP_FLAGS, '--port', String(port)])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('LISTEN_FAILED'),
    });
    expect(await runCli(['relay', '--flags', 'no-such-file', '--port', '0'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no-such-file'),
    });
  });

  it('lets answers be spoilt with --faults, and without it has no route for that', async () => {
    const put = (url: string): Promise<Response> =>
      fetch(`${url}/edict/v1/faults`, {
        method: 'PUT',
        body: '{"route":"configuration","fault":"status:418","times":1}',
        headers: { 'content-type': 'application/json' },
      });
    const spoilt = await start('--faults');
    expect(spoilt.said).toMatch(/PUT +\/edict\/v1\/faults/);
    expect((await put(spoilt.url)).status).toBe(200);
    expect((await ask(spoilt.url)).status).toBe(418);
    expect((await ask(spoilt.url)).status).toBe(200);
    const plain = await start();
    expect(plain.said).not.toContain('faults');
    expect((await put(plain.url)).status).toBe(404);
  });
});
