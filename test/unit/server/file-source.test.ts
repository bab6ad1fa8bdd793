import { mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FileSourceOptions } from '../../../src/server/file-source.ts';
import { FileSource } from '../../../src/server/file-source.ts';
import { temporaryFolder, until } from './test-relay.ts';

const QUICK = { debounceMs: 10, checkIntervalMs: 60_000 };

function sourceOf(path: string, options: Partial<FileSourceOptions> = {}): FileSource {
  const source = new FileSource({ path, ...QUICK, ...options });
  onTestFinished(() => source.close());
  return source;
}

function keysOf(source: FileSource): string[] | undefined {
  return source.content && [...source.content.flags.keys()];
}

/** Watches, and lets the test wait until the source has the keys. */
async function watched(source: FileSource): Promise<(...keys: string[]) => Promise<void>> {
  await source.read();
  await source.watch(() => {});
  return (...keys) => until(() => JSON.stringify(keysOf(source)) === JSON.stringify(keys));
}

describe('FileSource', () => {
  it.each([
    ['flags.yaml', 'YAML', 'a: {}'],
    ['flags.YML', 'YAML', 'a: {}'],
    ['flags.JSON', 'JSON', '{"a":{}}'],
    ['flags.toml', 'TOML', '[a]'],
    ['flags.conf', 'YAML', 'a: {}'],
    ['flags', 'YAML', '\ufeffa: {}'],
  ])('reads %s as %s', async (name, _format, text) => {
    const path = join(await temporaryFolder(), name);
    await writeFile(path, text);
    const source = sourceOf(path);
    await source.read();
    expect([keysOf(source), source.name, source.failure]).toEqual([['a'], name, undefined]);
  });

  it('reads in the format it is told, whatever the extension', async () => {
    const path = join(await temporaryFolder(), 'flags.json');
    await writeFile(path, '[a]');
    const source = sourceOf(path, { format: 'toml' });
    await source.read();
    expect(keysOf(source)).toEqual(['a']);
  });

  it.each<[string, (path: string) => Promise<unknown>, string | RegExp]>([
    ['deleted', (path) => unlink(path), 'the file cannot be read (ENOENT)'],
    ['emptied', (path) => writeFile(path, ' \n'), 'the file is empty'],
    ['broken', (path) => writeFile(path, 'a: {\nb: ['), /^[^\n]+$/],
    ['no map of flags', (path) => writeFile(path, '- a'), /^1:1: the top level must map flag names to flags/],
    [
      'a directory',
      async (path) => {
        await unlink(path);
        await mkdir(path);
      },
      'not a regular file',
    ],
  ])('keeps the last good content when the file is %s, and recovers', async (_case, damage, message) => {
    const path = join(await temporaryFolder(), 'flags.yaml');
    await writeFile(path, 'a: {}');
    const source = sourceOf(path);
    await source.read();
    await damage(path);
    await source.read();
    expect(source.failure?.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
    expect(keysOf(source)).toEqual(['a']);

    const since = source.failure?.since;
    await source.read();
    expect(source.failure?.since).toBe(since);

    await rm(path, { recursive: true, force: true });
    await writeFile(path, 'b: {}');
    await source.read();
    expect([source.failure, keysOf(source)]).toEqual([undefined, ['b']]);
  });

  it('keeps what is wrong with one flag apart from what is wrong with the file', async () => {
    const path = join(await temporaryFolder(), 'flags.toml');
    await writeFile(path, '[a]\n[b.metadata]\nx = inf\n');
    const source = sourceOf(path);
    await source.read();
    expect([source.failure, keysOf(source)]).toEqual([undefined, ['a']]);
    expect(source.content?.findings).toMatchObject([{ flag: 'b' }]);
  });

  it('does not follow a link out of its folder', async () => {
    const [folder, elsewhere] = [await temporaryFolder(), await temporaryFolder()];
    await writeFile(join(elsewhere, 'secret.yaml'), 'a: {}');
    await symlink(join(elsewhere, 'secret.yaml'), join(folder, 'flags.yaml'));
    const source = sourceOf(join(folder, 'flags.yaml'));
    await source.read();
    expect([source.failure?.message, source.content]).toEqual([
      'the file is a link that leads out of its folder',
      undefined,
    ]);
  });

  it('sees a write in place, and a file renamed over it', async () => {
    const path = join(await temporaryFolder(), 'flags.yaml');
    await writeFile(path, 'a: {}');
    const becomes = await watched(sourceOf(path));
    await writeFile(path, 'b: {}');
    await becomes('b');
    for (const key of ['c', 'd', 'e']) {
      await writeFile(`${path}.tmp`, `${key}: {}`);
      await rename(`${path}.tmp`, path);
      await becomes(key);
    }
  });

  it('sees the switch of a link inside its folder, as mounted configuration makes it', async () => {
    const folder = await temporaryFolder();
    for (const version of ['1', '2']) {
      await mkdir(join(folder, `..v${version}`));
      await writeFile(join(folder, `..v${version}`, 'flags.yaml'), `v${version}: {}`);
    }
    await symlink('..v1', join(folder, '..data'));
    await symlink('..data/flags.yaml', join(folder, 'flags.yaml'));
    const becomes = await watched(sourceOf(join(folder, 'flags.yaml')));
    await becomes('v1');
    await symlink('..v2', join(folder, '..data.new'));
    await rename(join(folder, '..data.new'), join(folder, '..data'));
    await becomes('v2');
  });

  it('finds by its stat poll what no event tells: a replaced folder', async () => {
    const folder = join(await temporaryFolder(), 'config');
    await mkdir(folder);
    await writeFile(join(folder, 'flags.yaml'), 'a: {}');
    const becomes = await watched(sourceOf(join(folder, 'flags.yaml'), { checkIntervalMs: 30 }));
    await rename(folder, `${folder}.old`);
    await mkdir(folder);
    await writeFile(join(folder, 'flags.yaml'), 'b: {}');
    await becomes('b');
  });

  it('tells its listener of changes, failures and recoveries, and of nothing else', async () => {
    const path = join(await temporaryFolder(), 'flags.yaml');
    await writeFile(path, 'a: {}');
    const source = sourceOf(path, { checkIntervalMs: 20 });
    await source.read();
    const told: string[] = [];
    await source.watch(() => told.push(source.failure?.message ?? keysOf(source)?.join() ?? ''));
    await unlink(path);
    await until(() => told.length === 1);
    // Several looks at the missing file: one failure, told once.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await writeFile(`${path}.new`, 'b: {}');
    await rename(`${path}.new`, path);
    await until(() => told.length >= 2);
    expect(told).toEqual(['the file cannot be read (ENOENT)', 'b']);
  });

  it('is silent after close', async () => {
    const path = join(await temporaryFolder(), 'flags.yaml');
    await writeFile(path, 'a: {}');
    const source = sourceOf(path, { checkIntervalMs: 10 });
    await source.read();
    let told = 0;
    await source.watch(() => {
      told += 1;
    });
    await source.close();
    await writeFile(path, 'b: {}');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect([told, keysOf(source)]).toEqual([0, ['a']]);
  });
});
