/** Does what docs/policies.md tells a reader to do, in an empty folder. */

import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const SLOW_MS = 60_000;

let text: string;

beforeAll(async () => {
  text = await readFile(join(root, 'docs/policies.md'), 'utf8');
});

const block = (language: string, index = 0): string =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))][index]?.[1] as string;

/** An empty folder in which this package is installed. */
async function project(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edict-docs-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'node_modules'));
  await symlink(root, join(folder, 'node_modules', 'edict'));
  return folder;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function ask(port: number, agent: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const request = send({ host: '127.0.0.1', port, path: '/any', headers: { 'user-agent': agent } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.on('error', reject).end();
  });
}

describe('docs/policies.md', { timeout: SLOW_MS }, () => {
  it('puts a policy of the reader in front of a service', async () => {
    const folder = await project();
    for (const line of block('sh').trim().split('\n')) {
      const [, ...args] = line.split(' ');
      await run(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { cwd: folder });
    }
    await writeFile(join(folder, 'policies', 'policies.yaml'), block('yaml'));
    const port = await freePort();
    await writeFile(join(folder, 'service.mjs'), `${block('ts').replace('8080', String(port))}console.log('ready');\n`);
    const child = spawn(process.execPath, ['service.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(await ask(port, 'curl/8')).toEqual({ status: 200, body: 'good day\n' });
    expect(await ask(port, 'bad-bot/1')).toMatchObject({ status: 403 });
  });

  it('has a native policy that prints what its comment says', async () => {
    const folder = await project();
    await writeFile(join(folder, 'native.mjs'), block('ts', 1));
    const { stdout } = await run(process.execPath, ['native.mjs'], { cwd: folder });
    expect(stdout).toBe("[ 'active' ]\n");
  });

  it('needs five statements beside the imports', () => {
    expect(block('ts').match(/;$/gm)).toHaveLength(3 + 5);
  });
});
