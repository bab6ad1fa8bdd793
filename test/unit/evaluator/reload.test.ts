/** Changing the configuration: what is reported as changed, and what evaluations see meanwhile. */

import { afterEach, describe, expect, it } from 'vitest';
import type { EvaluatorEvent } from '../../../src/evaluator/abstract-evaluator.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { JsonObject } from '../../../src/internal/json.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { settle } from '../relay/support/fake-clock.ts';

const open: InProcessEvaluator[] = [];
afterEach(async () => {
  for (const evaluator of open.splice(0)) await evaluator.close();
});

async function start(document: JsonObject, options: EdictOptions = {}) {
  const evaluator = new InProcessEvaluator({ bootstrap: document, ...options });
  open.push(evaluator);
  await evaluator.initialize();
  await settle();
  const changes: (readonly string[])[] = [];
  evaluator.onChange((event: EvaluatorEvent) => {
    if (event.type === 'changed') changes.push(event.flagsChanged);
  });
  return { evaluator, changes };
}

const plain = (variation: string): JsonObject => ({
  variations: { on: 'on', off: 'off' },
  defaultRule: { variation },
});
const ruled = (query: string): JsonObject => ({ ...plain('off'), targeting: [{ query, variation: 'on' }] });

describe('flagsChanged', () => {
  it('names added, removed and changed flags, sorted, and no other', async () => {
    const { evaluator, changes } = await start({ flags: { same: plain('on'), gone: plain('on'), z: plain('on') } });
    await evaluator.load({ flags: { same: plain('on'), z: plain('off'), b: plain('on'), B: plain('on') } });
    await settle();
    expect(changes).toEqual([['B', 'b', 'gone', 'z']]);
  });

  it('is not reported when every flag stayed the same, in whatever order they come', async () => {
    const { evaluator, changes } = await start({ flags: { a: ruled('a eq 1'), b: plain('on') } });
    await evaluator.load({ flags: { b: plain('on'), a: ruled('a eq 1') } });
    await settle();
    expect(changes).toEqual([]);
  });

  it('sees a change of every part of a flag', async () => {
    const base: JsonObject = {
      ...ruled('a eq 1'),
      version: '1',
      metadata: { owner: 'x' },
      trackEvents: true,
      disable: false,
      bucketingKey: 'team',
      experimentation: { start: '2026-01-01T00:00:00Z', end: '2026-02-01T00:00:00Z' },
      scheduledRollout: [{ date: '2026-03-01T00:00:00Z', defaultRule: { variation: 'on' } }],
    };
    const { evaluator, changes } = await start({ flags: { flag: base } });
    const others: JsonObject[] = [
      { variations: { on: 'ON', off: 'off' } },
      { targeting: [{ query: 'a eq 2', variation: 'on' }] },
      { targeting: [{ name: 'named', query: 'a eq 1', variation: 'on' }] },
      { version: '2' },
      { metadata: { owner: 'y' } },
      { trackEvents: false },
      { disable: true },
      { bucketingKey: 'user' },
      { experimentation: { start: '2026-01-01T00:00:00Z', end: '2026-02-01T00:00:01Z' } },
      { scheduledRollout: [{ date: '2026-03-02T00:00:00Z', defaultRule: { variation: 'on' } }] },
      { defaultRule: { variation: 'on' } },
    ];
    for (const other of others) {
      await evaluator.load({ flags: { flag: { ...base, ...other } } });
      await evaluator.load({ flags: { flag: base } });
      await settle();
      expect(changes.splice(0), JSON.stringify(other)).toEqual([['flag'], ['flag']]);
    }
  });

  it('names, when only the enrichment changed, at least the flags that read it (S-21, D-37)', async () => {
    const flags = {
      reads: ruled('env eq "prod"'),
      logic: ruled('{"==": [{"var": "env"}, "prod"]}'),
      fixed: plain('on'),
    };
    const { evaluator, changes } = await start({ flags, evaluationContextEnrichment: { env: 'test' } });
    expect(evaluator.evaluate('reads', {}).value).toBe('off');
    await evaluator.load({ flags, evaluationContextEnrichment: { env: 'prod' } });
    await settle();
    expect(changes).toHaveLength(1);
    expect(changes[0]).toEqual(expect.arrayContaining(['logic', 'reads']));
    for (const key of ['reads', 'logic']) expect(evaluator.evaluate(key, {}).value).toBe('on');
    await evaluator.load({ flags, evaluationContextEnrichment: { env: 'prod' } });
    await settle();
    expect(changes).toHaveLength(1);
  });
});

describe('during a reload', () => {
  it('every evaluation sees one whole configuration: flags and enrichment of the same document (GOFF-IP-004, GOFF-LIFE-007)', async () => {
    const document = (n: number): JsonObject => ({
      flags: {
        a: {
          variations: { v: n },
          targeting: [{ query: `n eq ${n}`, variation: 'v' }],
          defaultRule: { variation: 'w' },
        },
        b: {
          variations: { v: n, w: -n },
          targeting: [{ query: `n eq ${n}`, variation: 'v' }],
          defaultRule: { variation: 'w' },
        },
      },
      evaluationContextEnrichment: { n },
    });
    const { evaluator } = await start(document(0));
    const prepared = evaluator.prepare({ targetingKey: 'u', n: 'overridden' });
    let isLoading = true;
    let checked = 0;
    const look = async (): Promise<void> => {
      while (isLoading) {
        const seen = [
          evaluator.evaluate('a', { n: -1 }).value,
          evaluator.evaluate('b', { n: -1 }).value,
          prepared.evaluate('a').value,
          prepared.evaluate('b').value,
          ...evaluator.evaluateAll({}).map(({ value }) => value),
        ];
        expect(new Set(seen).size, seen.join()).toBe(1);
        checked++;
        await settle();
      }
    };
    const looking = look();
    for (let n = 1; n <= 200; n++) {
      await evaluator.load(document(n));
      await settle();
    }
    isLoading = false;
    await looking;
    expect(evaluator.evaluate('a', {}).value).toBe(200);
    expect(checked).toBeGreaterThan(100);
  });

  it('a document that is none changes nothing and says why', async () => {
    const { evaluator, changes } = await start({ flags: { a: plain('on') } });
    for (const document of [[], { flags: [] }, { flags: null }, { errorCode: 'X', flags: {} }]) {
      await expect(evaluator.load(document)).rejects.toMatchObject({ name: 'EdictError', code: 'INVALID_BODY' });
    }
    expect(evaluator.evaluate('a', {}).value).toBe('on');
    expect(changes).toEqual([]);
  });

  it('loads are taken one after the other, the last one wins', async () => {
    const { evaluator } = await start({ flags: {} });
    const loads = Array.from({ length: 20 }, (_, n) =>
      evaluator.load({ flags: { a: { variations: { v: n }, defaultRule: { variation: 'v' } } } }),
    );
    await Promise.all(loads);
    expect(evaluator.evaluate('a', {}).value).toBe(19);
  });

  it('works with a pool of one slot', async () => {
    const { evaluator, changes } = await start({ flags: { a: ruled('x eq 1') } }, { wasmPoolSize: 1 });
    expect(evaluator.evaluate('a', { x: 1 }).value).toBe('on');
    for (let i = 0; i < 5; i++) {
      await evaluator.load({ flags: { a: ruled(`x eq ${i}`) } });
      expect(evaluator.evaluate('a', { x: i }).value).toBe('on');
      expect(evaluator.evaluate('a', { x: i + 1 }).value).toBe('off');
    }
    await settle();
    expect(changes).toHaveLength(5);
    expect(evaluator.describe()).toMatchObject({ pool: { size: 1, created: 1 } });
  });

  it('keeps the memory of the guest where it was, after 60 reloads of the same size', async () => {
    const many = (n: number): JsonObject => ({
      flags: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`flag-${i}`, ruled(`x eq ${n}`)])),
    });
    const { evaluator } = await start(many(0));
    await evaluator.load(many(1));
    await evaluator.load(many(2));
    const before = evaluator.describe()['guestMemoryBytes'];
    for (let n = 3; n < 63; n++) await evaluator.load(many(n));
    expect(evaluator.describe()).toMatchObject({ guestMemoryBytes: before, pool: { created: 2 } });
  });
});

describe('a getter of the context that calls back into the evaluator', () => {
  it('gets its own answer, and the outer evaluation stays right (D-03, GOFF-WASM-005, GOFF-WASM-007)', async () => {
    const { evaluator } = await start({
      flags: { outer: ruled('plan eq "on" and region eq "eu"'), inner: ruled('who eq "ann"') },
    });
    const seen: unknown[] = [];
    const context = {
      get plan() {
        const { value } = evaluator.evaluate('inner', { who: 'ann' });
        seen.push(value);
        return value;
      },
      region: 'eu',
    };
    for (let i = 0; i < 3; i++) expect(evaluator.evaluate('outer', context).value).toBe('on');
    expect(evaluator.prepare(context).evaluate('outer').value).toBe('on');
    expect(evaluator.evaluateAll(context).map(({ value }) => value)).toEqual(['off', 'on']);
    expect(seen).toEqual(['on', 'on', 'on', 'on', 'on']);
  });

  it('deeper than there are slots gets an error with a code, never a wrong answer', async () => {
    const { evaluator } = await start({ flags: { flag: ruled('plan eq "on"') } }, { wasmPoolSize: 2 });
    const inner: (string | undefined)[] = [];
    const context = {
      get plan(): unknown {
        const resolution = evaluator.evaluate('flag', context, 'default');
        inner.push(resolution.errorMessage);
        return 'on';
      },
    };
    expect(evaluator.evaluate('flag', context).value).toBe('on');
    expect(inner[0]).toMatch(/^POOL_EXHAUSTED: /);
    expect(evaluator.evaluate('flag', { plan: 'on' }).value).toBe('on');
  });
});
