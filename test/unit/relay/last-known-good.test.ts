/** The persisted file by itself; with an evaluator around it see test/unit/evaluator/persisted.test.ts. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import * as nodeFiles from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import type { Files } from '../../../src/relay/last-known-good-file.ts';
import { MAX_HEAD_BYTES } from '../../../src/relay/last-known-good-format.ts';
import { DOCUMENT, metaOf, PersistBench } from './support/last-known-good-bench.ts';

let bench: PersistBench;
beforeEach(() => {
  bench = new PersistBench();
});
afterEach(() => bench.remove());

/** A file system on which one kind of call fails. */
function failing(call: keyof Files, code: string): Files {
  const fail = async (): Promise<never> => {
    throw Object.assign(new Error(`${code}: scripted`), { code });
  };
  return { ...nodeFiles, [call]: fail } as Files;
}

describe('a configuration that was saved (D-41)', () => {
  it('is read back by the next life byte for byte, with all that was known of it (D-12, D-36)', async () => {
    const meta = metaOf(DOCUMENT, { lastModified: 'Mon, 02 Mar 2026 10:00:00 CET', relayVersion: '1.55.0' });
    const file = bench.open();
    file.save(DOCUMENT, meta);
    await file.idle();
    const saved = await bench.open().read();
    expect(Buffer.from(saved?.body ?? [])).toEqual(DOCUMENT);
    expect(saved?.meta).toEqual(meta);
    expect(saved?.savedAtMs).toBe(bench.clock.now());
    expect(bench.logger.lines).toEqual([]);
  });

  it('is readable by its owner alone, and no other file stays beside it', async () => {
    await bench.save();
    expect(statSync(bench.path).mode & 0o777).toBe(0o600);
    expect(bench.names).toEqual(['flags.lkg']);
  });

  it('tells no credential, neither a key nor a header', async () => {
    await bench.save(DOCUMENT, { apiKey: 'the-secret-key', headers: { Authorization: 'Bearer gateway-token' } });
    expect(bench.bytes.toString('latin1')).not.toMatch(/secret-key|gateway-token/);
  });

  it('replaces what was there as a whole: a reader with the old file open keeps the old content', async () => {
    await bench.save();
    const reader = await nodeFiles.open(bench.path);
    const before = bench.bytes;
    await bench.save(Buffer.from('{"flags":{}}'));
    expect(await reader.readFile()).toEqual(before);
    expect(bench.bytes).not.toEqual(before);
    await reader.close();
  });

  it('has an age that diagnostics show (D-12)', async () => {
    await bench.save();
    await bench.clock.advance(5_000);
    const file = bench.open();
    expect(file.describe()).toMatchObject({ path: bench.path, ageMs: null });
    await file.read();
    expect(file.describe()).toEqual({ path: bench.path, ageMs: 5_000, writes: 0, failedWrites: 0 });
  });

  it('may be a large one, and its checksum is checked without stopping the event loop', async () => {
    const large = Buffer.alloc(5 * 1_048_576, 0x20);
    await bench.save(large);
    expect((await bench.open().read())?.body.length).toBe(large.length);
  });
});

describe('saving', () => {
  it('writes one at a time, and of those that wait the newest', async () => {
    let [running, most] = [0, 0];
    const contents: string[] = [];
    const files: Files = {
      ...nodeFiles,
      open: async (path, flags, mode) => {
        if (flags === 'wx') most = Math.max(most, ++running);
        return nodeFiles.open(path, flags, mode);
      },
      rename: async (from, to) => {
        await nodeFiles.rename(from, to);
        contents.push((await nodeFiles.readFile(to, 'utf8')).split('\n')[2] as string);
        running--;
      },
    };
    const file = bench.open({}, files);
    for (const content of ['1', '2', '3', '4']) file.save(Buffer.from(content), metaOf(Buffer.from(content)));
    await file.idle();
    file.save(Buffer.from('5'), metaOf(Buffer.from('5')));
    await file.idle();
    expect([contents, most]).toEqual([['1', '4', '5'], 1]);
    expect(file.describe()).toMatchObject({ writes: 3, failedWrites: 0 });
  });

  it.each([
    ['a full disk', 'open', 'ENOSPC', 'the disk is full; free some space'],
    ['a full disk at the end of the write', 'rename', 'ENOSPC', 'the disk is full'],
    ['a read-only file system', 'open', 'EROFS', 'choose a persistPath that can be written'],
    ['a folder that is not ours', 'open', 'EACCES', 'let this process read and write the file and its folder'],
    ['an error nobody foresaw', 'rename', 'EWHATEVER', 'EWHATEVER: scripted'],
  ] as const)('to %s costs one warning and leaves nothing behind (S-40, CF-08)', async (_, call, code, words) => {
    const file = bench.open({}, failing(call, code));
    for (let i = 0; i < 3; i++) {
      file.save(DOCUMENT, metaOf(DOCUMENT));
      await file.idle();
    }
    expect(bench.warnings).toEqual([expect.stringContaining('the configuration could not be persisted: ')]);
    expect(bench.warnings[0]).toContain(words);
    expect(bench.names).toEqual([]);
    expect(file.describe()).toMatchObject({ writes: 0, failedWrites: 3, ageMs: null });
  });

  it('into a folder that does not exist names the remedy', async () => {
    const file = bench.open({ persistPath: join(bench.folder, 'no', 'such', 'folder', 'file') });
    file.save(DOCUMENT, metaOf(DOCUMENT));
    await file.idle();
    expect(bench.warnings.join()).toContain('ENOENT: the folder does not exist; create it');
  });

  it('goes on when the disk has room again, and says so once', async () => {
    let isFull = true;
    const files: Files = {
      ...nodeFiles,
      open: (...args) => (isFull ? failing('open', 'ENOSPC') : nodeFiles).open(...args),
    };
    const file = bench.open({}, files);
    file.save(DOCUMENT, metaOf(DOCUMENT));
    await file.idle();
    isFull = false;
    file.save(DOCUMENT, metaOf(DOCUMENT));
    await file.idle();
    expect(bench.logger.at('info')).toEqual([expect.stringContaining('persisted again')]);
    expect(await bench.open().read()).toBeDefined();
  });

  it('removes what a killed process left in mid-write, and nothing else', async () => {
    const old = new Date(Date.now() - 120_000);
    for (const name of ['flags.lkg.0123456789abcdef.tmp', 'flags.lkg.bak', 'other.0123456789abcdef.tmp']) {
      writeFileSync(join(bench.folder, name), 'left over');
      utimesSync(join(bench.folder, name), old, old);
    }
    writeFileSync(join(bench.folder, 'flags.lkg.fedcba9876543210.tmp'), 'another process is writing this now');
    await bench.save();
    expect(bench.names.sort()).toEqual([
      'flags.lkg',
      'flags.lkg.bak',
      'flags.lkg.fedcba9876543210.tmp',
      'other.0123456789abcdef.tmp',
    ]);
  });
});

describe('a file that cannot be used is ignored with one warning that says why (S-40, CF-08)', () => {
  const damage: readonly (readonly [string, () => void, string])[] = [
    ['is empty', () => bench.write(''), 'it is empty'],
    ['is something else', () => bench.write('{"flags":{}}'), 'it has another format'],
    ['is of a later format', () => bench.write(bench.bytes.toString().replace('good 1 ', 'good 2 ')), 'another format'],
    ['ends in its first line', () => bench.write(bench.bytes.subarray(0, 60)), 'it has another format'],
    ['ends in its second line', () => bench.write(bench.bytes.subarray(0, 120)), 'it is damaged'],
    ['lost its last byte', () => bench.write(bench.bytes.subarray(0, -1)), 'checksum does not match'],
    ['has a byte too many', () => bench.write(Buffer.concat([bench.bytes, Buffer.from(' ')])), 'checksum'],
    ['has binary rubbish for a head', () => bench.write(Buffer.alloc(MAX_HEAD_BYTES * 2, 0xff)), 'another format'],
    [
      'is a folder',
      () => {
        execFileSync('rm', [bench.path]);
        mkdirSync(bench.path);
      },
      'name ',
    ],
    [
      'is a named pipe',
      () => {
        execFileSync('rm', [bench.path]);
        execFileSync('mkfifo', [bench.path]);
      },
      'it is no regular file',
    ],
  ];
  it.each(damage)('%s', async (_, harm, words) => {
    await bench.save();
    harm();
    expect(await bench.open().read()).toBeUndefined();
    expect(bench.warnings).toHaveLength(1);
    expect(bench.warnings[0]).toContain(`the persisted configuration ${bench.path} is ignored: `);
    expect(bench.warnings[0]).toContain(words);
  });

  it('has any one byte changed', async () => {
    await bench.save();
    const good = bench.bytes;
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] as number) ^ 0x01;
      bench.write(bad);
      expect(await bench.open().read(), `byte ${at}`).toBeUndefined();
    }
    expect(bench.warnings).toHaveLength(good.length);
  });

  it('is unreadable for this process', async () => {
    await bench.save();
    expect(await bench.open({}, failing('open', 'EACCES')).read()).toBeUndefined();
    expect(bench.warnings).toEqual([expect.stringContaining('EACCES: permission denied; let this process read')]);
  });

  it.each([
    ['another user of the machine', (process.geteuid?.() ?? 0) + 1, false],
    ['root', 0, true],
  ])('belongs to %s', async (_, uid, isUsed) => {
    await bench.save();
    const files: Files = {
      ...nodeFiles,
      open: async (...args) => {
        const handle = await nodeFiles.open(...args);
        const stats = await handle.stat();
        handle.stat = (async () => Object.assign(stats, { uid })) as typeof handle.stat;
        return handle;
      },
    };
    expect((await bench.open({}, files).read()) !== undefined).toBe(isUsed);
    expect(bench.warnings).toEqual(
      isUsed ? [] : [expect.stringContaining(`it belongs to user ${uid}, and this process`)],
    );
  });

  it('is larger than a configuration may be', async () => {
    await bench.save(Buffer.alloc(40_000, 0x20));
    expect(await bench.open({ maxInflatedBytes: 1_024 }).read()).toBeUndefined();
    expect(bench.warnings).toEqual([expect.stringContaining('more than maxInflatedBytes allows')]);
  });

  it('carries facts that no relay sent: they are left out, and a validator that could not be sent as well', async () => {
    const file = bench.open();
    file.save(DOCUMENT, metaOf(DOCUMENT, { validator: 'a\r\nb: c', relayVersion: '\u001b[31m', lastModified: '' }));
    await file.idle();
    expect((await bench.open().read())?.meta).toEqual({ digest: metaOf(DOCUMENT).digest });
  });

  it('does not exist: that is no reason for a word', async () => {
    expect(await bench.open().read()).toBeUndefined();
    expect(bench.logger.lines).toEqual([]);
  });
});

describe('a file belongs to endpoint, key and filter, so that tenants never mix (D-41)', () => {
  it.each<[string, EdictOptions]>([
    ['endpoint', { endpoint: 'http://other' }],
    ['key', { apiKey: 'another-key' }],
    ['missing key', { apiKey: '' }],
    ['key that is a function', { apiKey: () => 'the-secret-key' }],
    ['header', { headers: { 'X-Tenant': 'blue' } }],
    ['flag list', { flagList: ['one'] }],
    ['flag prefix', { flagPrefix: 'one' }],
  ])('another %s is another owner', async (_, options) => {
    await bench.save();
    expect(await bench.open(options).read()).toBeUndefined();
    expect(bench.warnings).toEqual([expect.stringContaining('it was written for another endpoint, key or filter')]);
  });

  it.each<[string, EdictOptions, EdictOptions]>([
    ['endpoints in another order', { endpoint: ['http://a', 'http://b'] }, { endpoint: ['http://b', 'http://a'] }],
    ['flags in another order', { flagList: ['a', 'b'] }, { flagList: ['b', 'a'] }],
    ['headers in another order and case', { headers: { A: '1', b: '2' } }, { headers: { B: '2', a: '1' } }],
    ['a key function that gives another key', { apiKey: () => 'one' }, { apiKey: () => 'two' }],
    ['other timings', {}, { pollIntervalMs: 30_000, authScheme: 'bearer' }],
  ])('%s: the same owner', async (_, one, other) => {
    await bench.save(DOCUMENT, one);
    expect(await bench.open(other).read()).toBeDefined();
  });
});

describe('persistMaxAgeMs', () => {
  const DAY_MS = 86_400_000;

  it('is a limit on the age of the file; without it any age will do (CF-08)', async () => {
    await bench.save();
    bench.clock.wallMs += 3 * DAY_MS;
    expect(await bench.open({ persistMaxAgeMs: 3 * DAY_MS }).read()).toBeDefined();
    bench.clock.wallMs += 1;
    expect(await bench.open({ persistMaxAgeMs: 3 * DAY_MS }).read()).toBeUndefined();
    expect(bench.warnings).toEqual([expect.stringContaining('it is 3 days old; raise persistMaxAgeMs')]);
    bench.clock.wallMs += 1_000 * DAY_MS;
    expect(await bench.open().read()).toBeDefined();
  });

  it('a clock that was set back makes no file old', async () => {
    await bench.save();
    bench.clock.wallMs -= 3 * DAY_MS;
    expect(await bench.open({ persistMaxAgeMs: 1_000 }).read()).toBeDefined();
  });

  it('counts from the time the relay last confirmed the configuration, to a quarter of the limit', async () => {
    const file = bench.open({ persistMaxAgeMs: 4 * DAY_MS });
    file.save(DOCUMENT, metaOf(DOCUMENT));
    await file.idle();
    for (let day = 0; day < 20; day++) {
      bench.clock.wallMs += DAY_MS;
      file.confirm();
      file.confirm();
      await file.idle();
    }
    expect(file.describe()).toMatchObject({ writes: 21, ageMs: 0 });
    expect((await bench.open({ persistMaxAgeMs: 4 * DAY_MS }).read())?.body.length).toBe(DOCUMENT.length);
  });

  it('a confirmation never dates a file anew that another process has replaced, and writes nothing without a limit', async () => {
    const limited = bench.open({ persistMaxAgeMs: 1_000 });
    limited.save(DOCUMENT, metaOf(DOCUMENT));
    await limited.idle();
    await bench.save(Buffer.from('{"flags":{}}'), { persistMaxAgeMs: 1_000 });
    const replaced = bench.bytes;
    bench.clock.wallMs += 900;
    limited.confirm();
    await limited.idle();
    expect(bench.bytes).toEqual(replaced);
    const unlimited = bench.open();
    await unlimited.read();
    bench.clock.wallMs += DAY_MS;
    unlimited.confirm();
    await unlimited.idle();
    expect(unlimited.describe()).toMatchObject({ writes: 0 });
  });
});
