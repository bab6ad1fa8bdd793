import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Relay } from '../../../src/server/relay.ts';
import { startRelay } from '../../../src/server/relay.ts';
import {
  DefaultRuleEvaluator,
  SHOP,
  SILENT,
  startTestRelay,
  temporaryFolder,
  testEngine,
  until,
} from './test-relay.ts';

const ONE = JSON.stringify({ a: SHOP.checkout });
const TWO = JSON.stringify({ b: SHOP.checkout });

describe('the relay', () => {
  it('serves a change of the file within moments: in place, renamed over, and in OFREP as in the feed', async () => {
    const { post, write, replace, events } = await startTestRelay(ONE);
    await write(TWO);
    await until(async () => (await post('/v1/flag/configuration')).text.includes('"b"'));
    expect((await post('/ofrep/v1/evaluate/flags/a', { context: {} })).status).toBe(404);
    expect((await post('/ofrep/v1/evaluate/flags/b', { context: {} })).status).toBe(200);
    await replace(ONE);
    await until(async () => (await post('/ofrep/v1/evaluate/flags/a', { context: {} })).status === 200);
    expect(events).toEqual([
      { type: 'changed', flagsChanged: ['a', 'b'] },
      { type: 'changed', flagsChanged: ['a', 'b'] },
    ]);
  });

  it('keeps the last good flags while the file is broken, and takes the next good one', async () => {
    const { post, write, events } = await startTestRelay(ONE);
    const good = await post('/v1/flag/configuration');
    await write('a: {"variations": [');
    await until(() => events.length === 1);
    expect(events).toMatchObject([{ type: 'source-failed', source: 'flags.yaml' }]);
    const kept = await post('/v1/flag/configuration', undefined, { 'if-none-match': String(good.headers.etag) });
    expect(kept.status).toBe(304);
    await write(TWO);
    await until(() => events.length === 3);
    expect(events.slice(1)).toEqual([
      { type: 'source-recovered', source: 'flags.yaml' },
      { type: 'changed', flagsChanged: ['a', 'b'] },
    ]);
  });

  it('leaves an invalid flag out of every answer, and tells its host and its log', async () => {
    const log: unknown[] = [];
    const bad = JSON.stringify({ a: SHOP.checkout, bad: { defaultRule: { variation: 'on' } } });
    const { post, get, write, relay, events } = await startTestRelay(ONE, {
      logger: { ...SILENT, error: (message) => log.push(message) },
    });
    await write(bad);
    await relay.reload();
    expect(events).toEqual([{ type: 'invalid-flag', flagKey: 'bad', message: 'flag "bad": no variation available' }]);
    expect(log.join('\n')).toContain('flag "bad": no variation available');
    expect((await post('/v1/flag/configuration')).text).not.toContain('bad');
    expect((await get('/v1/flag/change')).text).not.toContain('bad');
    expect((await post('/ofrep/v1/evaluate/flags/bad', { context: {} })).status).toBe(404);
    expect((await post('/ofrep/v1/evaluate/flags', { context: {} })).text).not.toContain('bad');
  });

  it('merges several files, whatever their formats', async () => {
    const folder = await temporaryFolder();
    const [yaml, toml] = [join(folder, 'one.yaml'), join(folder, 'two.conf')];
    await writeFile(yaml, 'a:\n  variations: {on: 1}\nb:\n  variations: {on: 1}\n');
    await writeFile(toml, '[b.variations]\non = 2\n[c.variations]\non = 3\n');
    const { post } = await startTestRelay('{}', { flagFiles: [yaml, { path: toml, format: 'toml' }] });
    expect((await post('/v1/flag/configuration')).text).toBe(
      '{"flags":{"a":{"variations":{"on":1}},"b":{"variations":{"on":2}},"c":{"variations":{"on":3}}}}\n',
    );
  });

  it('goes on when a listener throws, and stops telling one that was removed', async () => {
    const log: unknown[] = [];
    const { relay, write, events } = await startTestRelay(ONE, {
      logger: { ...SILENT, error: (message) => log.push(message) },
    });
    relay.onEvent(() => {
      throw new Error('mine');
    });
    let told = 0;
    const remove = relay.onEvent(() => {
      told += 1;
    });
    remove();
    await write(TWO);
    await relay.reload();
    expect([events.length, told]).toEqual([1, 0]);
    expect(log.join('\n')).toContain('a listener of the relay threw: mine');
  });

  it('never logs a key', async () => {
    const log: unknown[] = [];
    const note = (message: unknown): void => void log.push(message);
    const engine = testEngine({
      validateFlag: () => [{ message: 'something with secret-key in it' }],
    });
    const logger = { error: note, warn: note, info: note, debug: note };
    await startTestRelay(ONE, { apiKeys: ['secret-key'], logger }, engine);
    expect(log.join('\n')).toContain('something with [redacted] in it');
  });
});

describe('starting a relay', () => {
  it('names a URL that answers', async () => {
    const { relay, get } = await startTestRelay();
    expect(relay.url).toBe(`http://127.0.0.1:${relay.port}`);
    expect((await get('/health')).status).toBe(200);
  });

  it('refuses a flag file that cannot be read, and leaves nothing behind', async () => {
    const missing = join(await temporaryFolder(), 'missing.yaml');
    const start = startRelay({ flagFiles: [missing], port: 0, logger: SILENT }, testEngine());
    await expect(start).rejects.toThrow('INVALID_FLAG_FILE: missing.yaml: the file cannot be read (ENOENT)');
  });

  it('says when the port is taken, and closes what it had opened', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const file = join(await temporaryFolder(), 'flags.json');
    await writeFile(file, ONE);
    const evaluators: DefaultRuleEvaluator[] = [];
    const engine = testEngine({
      createEvaluator: async (document) => {
        const evaluator = new DefaultRuleEvaluator(document);
        evaluators.push(evaluator);
        return evaluator;
      },
    });
    await expect(startRelay({ flagFiles: [file], port, logger: SILENT }, engine)).rejects.toThrow(
      `LISTEN_FAILED: cannot listen on 127.0.0.1 port ${port} (EADDRINUSE)`,
    );
    expect(evaluators.map(({ isClosed }) => isClosed)).toEqual([true]);
  });
});

describe('closing a relay', () => {
  /** What keeps or could keep the process: everything but the runner's own pipes and the tests' requests. */
  function handles(): string[] {
    return process.getActiveResourcesInfo().filter((name) => /TCPServer|FSEvent|StatWatcher/.test(name));
  }

  it('leaves no handle open, can be done twice, and takes a reload afterwards without harm', async () => {
    const before = handles();
    const relays: Relay[] = [];
    for (let count = 0; count < 3; count += 1) relays.push((await startTestRelay(ONE)).relay);
    expect(handles().length).toBeGreaterThan(before.length);
    await Promise.all(relays.map((relay) => relay.close()));
    await Promise.all(relays.map((relay) => relay.close()));
    await until(() => handles().length <= before.length);
    await relays[0]?.reload();
  });
});
