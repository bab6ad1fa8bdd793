/** An evaluator with persistPath: what it begins with, what the relay then makes of it, what it leaves for the next start. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EvaluatorEvent } from '../../../src/evaluator/abstract-evaluator.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { JsonObject } from '../../../src/internal/json.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { FakeClock, settle } from '../relay/support/fake-clock.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import type { Handler } from '../relay/support/scripted-relay.ts';
import { json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';

const document = (variation: string): JsonObject => ({
  flags: { flag: { variations: { a: 'a', b: 'b', c: 'c' }, defaultRule: { variation } } },
});
/** Spaces that a parsed document would lose. */
const bodyOf = (variation: string): string => ` ${JSON.stringify(document(variation))} \n`;
const serving = (variation: string): Handler => json(bodyOf(variation), { etag: `"${variation}"` });
const down: Handler = ({ socket }) => void socket.destroy();

let folder: string;
let path: string;
let relay: ScriptedRelay;
const open: InProcessEvaluator[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'edict-persisted-'));
  path = join(folder, 'flags.lkg');
  relay = await ScriptedRelay.start(serving('a'));
});
afterEach(async () => {
  for (const evaluator of open.splice(0)) await evaluator.close();
  await relay.close();
  rmSync(folder, { recursive: true, force: true });
});

function make(options: EdictOptions = {}) {
  const logger = new RecordingLogger();
  const clock = new FakeClock();
  const given = { endpoint: relay.url, persistPath: path, logger, clock, timeoutMs: 3_600_000, random: () => 0.5 };
  const evaluator = new InProcessEvaluator({ ...given, ...options });
  open.push(evaluator);
  const events: EvaluatorEvent[] = [];
  evaluator.onChange((event) => events.push(event));
  const value = () => evaluator.evaluate('flag', {}, 'default').value;
  const seen = () => [evaluator.state, value(), evaluator.describe().source];
  return { evaluator, logger, clock, events, value, seen };
}

/** One life that ends with the relay's configuration in the file. */
async function live(options: EdictOptions = {}): Promise<void> {
  const { evaluator } = make(options);
  await evaluator.initialize();
  await evaluator.close();
  relay.requests.length = 0;
}

describe('after a change from the relay', () => {
  it('the file holds the document as the bytes received, and close waits for the write (D-36, D-41, GOFF-IP-017)', async () => {
    await live({ apiKey: 'the-secret-key' });
    const file = readFileSync(path);
    expect(file.subarray(file.length - bodyOf('a').length).toString()).toBe(bodyOf('a'));
    expect(file.toString('latin1')).not.toContain('the-secret-key');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is written anew, and not when nothing changed, and never for a local configuration', async () => {
    const { evaluator } = make({ bootstrap: document('c') });
    await evaluator.initialize();
    await evaluator.load(document('c'));
    await evaluator.refresh('test');
    relay.handler = serving('b');
    await evaluator.refresh('test');
    await evaluator.refresh('test');
    await evaluator.close();
    const { writes } = evaluator.describe().persisted as { writes: number };
    expect(writes).toBe(2);
    expect(readFileSync(path, 'utf8')).toContain(bodyOf('b'));
  });

  it('nothing is written without a relay', async () => {
    const { evaluator } = make({ endpoint: undefined as never, bootstrap: document('c') });
    await evaluator.initialize();
    expect(evaluator.describe().persisted).toBeNull();
  });
});

describe('the next start (S-02)', () => {
  it('while the relay is down decides with the file, STALE, before bootstrap', async () => {
    await live();
    relay.handler = down;
    const { evaluator, seen, events } = make({ bootstrap: document('c') });
    await evaluator.initialize();
    expect(seen()).toEqual(['stale', 'a', 'persisted']);
    await settle();
    expect(evaluator.confirmedAgeMs).toBeUndefined();
    expect(evaluator.describe().persisted).toMatchObject({ ageMs: expect.any(Number) });
    expect(events.every(({ type }) => type === 'stale')).toBe(true);
  });

  it('takes the relay before the file, and the file before bootstrap', async () => {
    await live();
    relay.handler = serving('b');
    const { evaluator, seen, events } = make({ bootstrap: document('c') });
    await evaluator.initialize();
    expect(seen()).toEqual(['ready', 'b', 'relay']);
    expect(events).toEqual([]);
  });

  it('sends the stored validator with its first request, and a 304 makes it READY, not STALE (D-12, D-14)', async () => {
    await live();
    relay.handler = reply(304, '');
    const { evaluator, seen, events } = make();
    await evaluator.initialize();
    expect(relay.requests.map(({ headers }) => headers['if-none-match'])).toEqual(['"a"']);
    expect(seen()).toEqual(['ready', 'a', 'persisted']);
    expect(evaluator.confirmedAgeMs).toBe(0);
    expect(evaluator.describe().feed).toMatchObject({ validator: '"a"', polls: { unchanged: 1 } });
    await evaluator.close();
    expect([events, (evaluator.describe().persisted as JsonObject).writes]).toEqual([[], 0]);
  });

  it('recognises the same content that comes without validator: no second compile, no event, no write', async () => {
    await live();
    relay.handler = json(bodyOf('a'));
    const { evaluator, seen, events } = make();
    await evaluator.initialize();
    expect(seen()).toEqual(['ready', 'a', 'persisted']);
    await evaluator.close();
    expect([events, (evaluator.describe().persisted as JsonObject).writes]).toEqual([[], 0]);
  });

  it.each([
    ['different', 'b', ['stale', 'ready', 'changed']],
    ['the same', 'a', ['stale', 'ready']],
  ])('hears READY with the first snapshot of the relay, and of a change when it is %s', async (_, variation, types) => {
    await live();
    relay.handler = down;
    const { evaluator, clock, events, seen } = make();
    await evaluator.initialize();
    await clock.advance(1);
    relay.handler = json(bodyOf(variation));
    await evaluator.refresh('test');
    expect(events.map(({ type }) => type)).toEqual(types);
    expect(seen()).toEqual(['ready', variation, variation === 'a' ? 'persisted' : 'relay']);
  });

  it.each([401, 403])(
    'whose key is refused with %d serves the file, STALE, and names the status (S-04, GOFF-EVT-007)',
    async (status) => {
      await live();
      relay.handler = reply(status, '{"message":"invalid key"}');
      const { evaluator, seen, logger } = make();
      await evaluator.initialize();
      expect(seen()).toEqual(['stale', 'a', 'persisted']);
      expect(logger.at('error').join()).toContain(`the relay answered ${status}`);
    },
  );

  it('does not wait longer than a second for a relay that hangs', async () => {
    await live();
    relay.handler = () => undefined;
    const { evaluator, seen, clock } = make();
    const starting = evaluator.initialize();
    while (relay.requests.length === 0) await settle();
    await clock.advance(999);
    expect(evaluator.state).toBe('starting');
    await clock.advance(1);
    await starting;
    expect(seen()).toEqual(['stale', 'a', 'persisted']);
  });

  it('with polling off still pursues the relay until it has answered once', async () => {
    await live();
    relay.handler = down;
    const { evaluator, clock, seen } = make({ pollIntervalMs: 0 });
    await evaluator.initialize();
    relay.handler = serving('b');
    while (evaluator.state !== 'ready') {
      await clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(seen()).toEqual(['ready', 'b', 'relay']);
  });
});

describe('a file that cannot be used (S-40, D-41)', () => {
  it.each<[string, () => void, EdictOptions, string]>([
    ['is corrupt', () => writeFileSync(path, 'rubbish'), {}, 'it has another format'],
    ['is of another tenant', () => undefined, { apiKey: 'tenant-2' }, 'another endpoint, key or filter'],
    ['is too old', () => undefined, { persistMaxAgeMs: 1 }, 'raise persistMaxAgeMs'],
  ])('because it %s: the start goes on with bootstrap, with one warning', async (_, harm, options, words) => {
    await live();
    harm();
    relay.handler = down;
    const { evaluator, seen, logger, clock } = make({ bootstrap: document('c'), ...options });
    clock.wallMs += 60_000;
    await evaluator.initialize();
    expect(seen()).toEqual(['stale', 'c', 'bootstrap']);
    expect(logger.at('warn').filter((line) => line.includes('is ignored'))).toEqual([expect.stringContaining(words)]);
  });

  it('because it holds no configuration that compiles is ignored as well, and replaced by the next one', async () => {
    relay.handler = json('{"flags":{}}', { etag: '"z"' });
    await live();
    const text = readFileSync(path, 'utf8');
    const { createHash } = await import('node:crypto');
    const sha = (value: string) => createHash('sha256').update(value).digest('hex');
    const broken = '{"flags":[]}';
    const facts = (text.split('\n')[1] as string).replace(/"digest":"[0-9a-f]+"/, `"digest":"${sha(broken)}"`);
    writeFileSync(path, `edict-last-known-good 1 ${sha(facts)}\n${facts}\n${broken}`);
    relay.handler = serving('a');
    const { evaluator, seen, logger } = make();
    await evaluator.initialize();
    expect(seen()).toEqual(['ready', 'a', 'relay']);
    expect(relay.requests[0]?.headers).not.toHaveProperty('if-none-match');
    expect(logger.at('warn')).toEqual([expect.stringContaining('is ignored: INVALID_BODY')]);
    await evaluator.close();
    expect(readFileSync(path, 'utf8')).toContain(bodyOf('a'));
  });

  it('cannot be written: evaluations and refreshes go on, with one warning', async () => {
    const { evaluator, seen, logger } = make({ persistPath: join(folder, 'missing', 'flags.lkg') });
    await evaluator.initialize();
    for (const variation of ['b', 'c']) {
      relay.handler = serving(variation);
      expect(await evaluator.refresh('test')).toBe('changed');
      expect(seen()).toEqual(['ready', variation, 'relay']);
    }
    await evaluator.close();
    expect(logger.at('warn')).toEqual([expect.stringContaining('the configuration could not be persisted: ENOENT')]);
  });
});
