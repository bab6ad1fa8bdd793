import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FlagDocument } from '../../../src/server/flag-set.ts';
import type { Relay } from '../../../src/server/relay.ts';
import { startRelay } from '../../../src/server/relay.ts';
import { DefaultRuleEvaluator, SHOP, SILENT, startTestRelay, temporaryFolder, until } from './test-relay.ts';

const ONE = JSON.stringify({ a: SHOP.checkout });
/** File, line and column, flag, field, GO Feature Flag's words. */
const WHY = /flags\.yaml:1:\d+: flag "bad", field defaultRule: missing default rule/;
const TWO = JSON.stringify({ b: SHOP.checkout });

const evaluatorOf = async (document: FlagDocument) => new DefaultRuleEvaluator(document);

describe('the relay', () => {
  it('serves a change of the file within moments: in place, renamed over, and in OFREP as in the feed', async () => {
    const { post, write, replace, events } = await startTestRelay(ONE);
    await write(TWO);
    await until(async () => (await post('/v1/flag/configuration')).text.includes('"b"'));
    expect((await post('/ofrep/v1/evaluate/flags/a', { context: {} })).status).toBe(404);
    expect((await post('/ofrep/v1/evaluate/flags/b', { context: {} })).status).toBe(200);
    await replace(ONE);
    await until(async () => (await post('/ofrep/v1/evaluate/flags/a', { context: {} })).status === 200);
    // Between truncating and writing a file is empty; whoever looks just then keeps the last good flags.
    expect(events.filter(({ type }) => type === 'changed')).toEqual([
      { type: 'changed', flagsChanged: ['a', 'b'] },
      { type: 'changed', flagsChanged: ['a', 'b'] },
    ]);
  });

  it('keeps the last good flags while the file is broken, and takes the next good one', async () => {
    const { post, replace, events } = await startTestRelay(ONE);
    const good = await post('/v1/flag/configuration');
    await replace('a: {"variations": [');
    await until(() => events.length === 1);
    expect(events).toMatchObject([{ type: 'source-failed', source: 'flags.yaml' }]);
    const kept = await post('/v1/flag/configuration', undefined, { 'if-none-match': String(good.headers.etag) });
    expect(kept.status).toBe(304);
    await replace(TWO);
    await until(() => events.length === 3);
    expect(events.slice(1)).toEqual([
      { type: 'source-recovered', source: 'flags.yaml' },
      { type: 'changed', flagsChanged: ['a', 'b'] },
    ]);
  });

  it('leaves an invalid flag out of every answer, and tells its host and its log', async () => {
    const log: unknown[] = [];
    const bad = JSON.stringify({ a: SHOP.checkout, bad: { variations: { on: true } } });
    const { post, get, replace, relay, events } = await startTestRelay(ONE, {
      logger: { ...SILENT, error: (message) => log.push(message) },
    });
    await replace(bad);
    await relay.reload();
    expect(events).toEqual([{ type: 'invalid-flag', flagKey: 'bad', message: expect.stringMatching(WHY) }]);
    expect(log.join('\n')).toMatch(WHY);
    expect((await post('/v1/flag/configuration')).text).not.toContain('bad');
    expect((await get('/v1/flag/change')).text).not.toContain('bad');
    expect((await post('/ofrep/v1/evaluate/flags/bad', { context: {} })).status).toBe(404);
    expect((await post('/ofrep/v1/evaluate/flags', { context: {} })).text).not.toContain('bad');
  });

  it('merges several files, whatever their formats', async () => {
    const folder = await temporaryFolder();
    const [yaml, toml] = [join(folder, 'one.yaml'), join(folder, 'two.conf')];
    await writeFile(yaml, 'a: &one\n  variations: {on: 1}\n  defaultRule: {variation: on}\nb: *one\n');
    await writeFile(toml, '[b]\nvariations = {on = 2}\ndefaultRule = {variation = "on"}\n');
    const { post } = await startTestRelay('{}', { flagFiles: [yaml, { path: toml, format: 'toml' }] });
    expect((await post('/v1/flag/configuration')).text).toBe(
      '{"flags":{"a":{"defaultRule":{"variation":"on"},"variations":{"on":1}},' +
        '"b":{"defaultRule":{"variation":"on"},"variations":{"on":2}}}}\n',
    );
  });

  it('goes on when a listener throws, and stops telling one that was removed', async () => {
    const log: unknown[] = [];
    const { relay, replace, events } = await startTestRelay(ONE, {
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
    await replace(TWO);
    await relay.reload();
    expect([events.length, told]).toEqual([1, 0]);
    expect(log.join('\n')).toContain('a listener of the relay threw: mine');
  });

  it('never logs a key', async () => {
    const log: unknown[] = [];
    const note = (message: unknown): void => void log.push(message);
    const logger = { error: note, warn: note, info: note, debug: note };
    await startTestRelay('{"with secret-key inside": {}}', { apiKeys: ['secret-key'], logger });
    expect(log.join('\n')).toContain('with [redacted] inside');
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
    const start = startRelay({ flagFiles: [missing], port: 0, logger: SILENT }, evaluatorOf);
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
    const start = startRelay({ flagFiles: [file], port, logger: SILENT }, async (document) => {
      const evaluator = await evaluatorOf(document);
      evaluators.push(evaluator);
      return evaluator;
    });
    await expect(start).rejects.toThrow(`LISTEN_FAILED: cannot listen on 127.0.0.1 port ${port} (EADDRINUSE)`);
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
