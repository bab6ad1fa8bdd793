import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Check } from '../../../src/cli/doctor/check.ts';
import { LOWEST_NODE } from '../../../src/cli/doctor/check-runtime.ts';
import { createRelay } from '../../../src/server/index.ts';
import { runCli, SHOP_FLAGS } from './run-cli.ts';

async function doctor(
  ...args: string[]
): Promise<{ code: number | null; checks: readonly Check[]; of: (name: string) => Check }> {
  const { code, stdout } = await runCli(['doctor', '--json', ...args]);
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return { code, checks, of: (name) => checks.find((check) => check.name === name) as Check };
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

describe('edict doctor', () => {
  it('finds this installation sound, and says so', async () => {
    const { code, checks, of } = await doctor();
    expect(code).toBe(0);
    expect(checks.map(({ name }) => name)).toEqual([
      'edict',
      'node',
      'WebAssembly SIMD',
      'engine',
      'module',
      'memory',
      'evaluation',
      'relay',
    ]);
    expect(of('module').facts?.sha256).toBe(of('module').facts?.manifestSha256);
    expect(of('evaluation').detail).toContain('decided right');
    expect(of('relay').status).toBe('note');
    const text = await runCli(['doctor']);
    expect(text).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('All is well.') });
  });

  it('asks for the version of Node that the package asks for', () => {
    const { engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(`${engines.node.replace('>=', '')}.0`).toBe(LOWEST_NODE);
  });

  it('reaches a relay, counts its flags and asks again with its ETag', async () => {
    const relay = await createRelay({ flagFiles: [SHOP_FLAGS], port: 0, apiKeys: ['the-key'] });
    onTestFinished(() => relay.close());
    const { code, of } = await doctor('--endpoint', relay.url, '--api-key', 'the-key');
    expect(code).toBe(0);
    expect(of('relay').facts).toMatchObject({ status: 200, relayVersion: 'edict-0.1.0' });
    expect(of('flags').facts).toEqual({ flagCount: 9, brokenCount: 0 });
    expect(of('ETag').facts).toMatchObject({ revalidates: true });

    const refused = await runCli(['doctor'], { env: { EDICT_ENDPOINT: relay.url, EDICT_API_KEY: 'wrong-key' } });
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('UNAUTHORIZED');
    expect(refused.stdout).toContain('--api-key');
    expect(refused.stdout).not.toContain('wrong-key');
  });

  it('says what is wrong with an address where no relay answers', async () => {
    const closed = await serve(() => undefined);
    const html = await serve((_request, response) => response.setHeader('content-type', 'text/html').end('<p>hello'));
    const { code, of } = await doctor('--endpoint', html);
    expect(code).toBe(1);
    expect(of('flags')).toMatchObject({
      status: 'bad',
      remedy: expect.stringContaining('something else than a relay'),
    });
    expect((await doctor('--endpoint', closed, '--timeout', '300')).of('relay').facts).toMatchObject({
      code: 'TIMEOUT',
    });
    expect((await doctor('--endpoint', 'http://127.0.0.1:1')).of('relay').facts).toMatchObject({ code: 'NETWORK' });
  });

  it('tells a relay whose flags do not compile, or that has no ETag', async () => {
    const url = await serve((_request, response) =>
      response.setHeader('content-type', 'application/json').end('{"flags":{"f":{"version":1}}}'),
    );
    const { code, of } = await doctor('--endpoint', url);
    expect(code).toBe(1);
    expect(of('flags')).toMatchObject({ status: 'bad', facts: { flagCount: 1, brokenCount: 1 } });
    expect(of('ETag')).toMatchObject({ status: 'bad', detail: 'the answer has none' });
  });
});
