/** Runs the code blocks of the README as a reader would paste them. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRelay, type Relay } from '../../src/server/index.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const MODULES: Record<string, string> = {
  edict: join(root, 'dist/index.js'),
  'edict/http': join(root, 'dist/gateway/http/index.js'),
  'edict/policy': join(root, 'dist/policy-engine/index.js'),
  '@openfeature/server-sdk': join(root, 'node_modules/@openfeature/server-sdk/dist/esm/index.js'),
};

let blocks: string[];
let relay: Relay;
let folder: string;

beforeAll(async () => {
  const text = await readFile(join(root, 'README.md'), 'utf8');
  blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] as string);
  folder = await mkdtemp(join(tmpdir(), 'edict-readme-'));
  const flagFile = join(folder, 'flags.yaml');
  await writeFile(
    flagFile,
    'new-checkout:\n  variations: { on: true, off: false }\n  targeting:\n    - query: email ew "@example.com"\n      variation: on\n  defaultRule: { variation: off }\n',
  );
  relay = await createRelay({ flagFiles: [flagFile], port: 0 });
});

afterAll(async () => {
  await relay?.close();
  await rm(folder, { recursive: true, force: true });
});

async function runBlock(code: string): Promise<string> {
  const imported = code.replace(/from '([^']+)'/g, (given, name: string) =>
    MODULES[name] === undefined ? given : `from '${new URL(`file://${MODULES[name]}`)}'`,
  );
  const file = join(folder, 'block.mjs');
  await writeFile(file, imported.replace('http://localhost:1031', relay.url));
  const { stdout } = await run(process.execPath, [file], { timeout: 15_000 });
  return stdout.trim();
}

describe('README', () => {
  it('has a provider example that gets its answer from a relay and ends by itself', async () => {
    expect(await runBlock(blocks[0] as string)).toBe('the new checkout');
  });

  it('has an offline example that prints what its comment says', async () => {
    expect(await runBlock(blocks[1] as string)).toBe('true TARGETING_MATCH staff');
  });

  it('has an example of policies that turns bots away and nobody else', async () => {
    const code = blocks.find((block) => block.includes('edict/policy')) as string;
    const asked = code.replace(
      '.listen(8080)',
      `.listen(0, '127.0.0.1', async function () {
        for (const agent of ['a-bot', 'curl']) {
          const { status } = await fetch('http://127.0.0.1:' + this.address().port, { headers: { 'user-agent': agent } });
          console.log(status);
        }
        process.exit();
      })`,
    );
    expect(await runBlock(asked)).toBe('403\n200');
  });

  it('has an embedding example of ten lines at most', () => {
    const lines = (blocks[0] as string)
      .trim()
      .split('\n')
      .filter((line) => line.trim() !== '');
    expect(lines.length).toBeLessThanOrEqual(10);
  });

  it('names every run-time dependency with its reason, and no other', async () => {
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { dependencies: object };
    const table = text.slice(text.indexOf('## What it needs'), text.indexOf('## What it does not do yet'));
    const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap((row) => [
      ...(row[1] as string).matchAll(/`([^`]+)`/g),
    ]);
    expect(named.map((name) => name[1]).sort()).toEqual(Object.keys(dependencies).sort());
  });

  it('says why WebAssembly, what stays on the relay, and what happens when the relay is down (D-15)', async () => {
    const text = await readFile(join(root, 'README.md'), 'utf8');
    for (const lead of ['Why WebAssembly: ', 'What stays on the relay: ']) {
      const paragraph = text.split('\n\n').find((part) => part.startsWith(lead));
      expect(paragraph?.split(' ').length, lead).toBeGreaterThan(25);
    }
    const down = text.slice(text.indexOf('## When the relay is down')).split('\n## ')[0] as string;
    expect(down.split('\n').filter((line) => line.startsWith('| ')).length).toBeGreaterThan(5);
  });

  it('links only to files that exist', async () => {
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] as string);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) await expect(readFile(join(root, link), 'utf8')).resolves.not.toBe('');
  });
});
