/** How many instances there are, how long each lives, and that each is destroyed once. */

import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import type { Outcome } from '../../../../src/policy/model/instance.ts';
import type { Scope } from '../../../../src/policy/model/instance-plan.ts';
import { settle } from '../../relay/support/fake-clock.ts';
import { BuildRig, documentOf } from '../support/build-rig.ts';

const TENANTS = ['shop', 'bank'];

/** Three routes for each of two tenants; each route attaches the policy with both parameter sets. */
function world(scope: Scope, tags: readonly number[] = [1, 2]): JsonObject {
  const positions: JsonValue[] = tags.map((tag) => ({ key: `k${tag}`, use: 'counter', scope, params: { tag } }));
  const routes = TENANTS.flatMap((tenant) => ['a', 'b', 'c'].map((name) => `${tenant}:${name}`));
  return documentOf(Object.fromEntries(routes.map((route) => [route, positions])));
}

function counting(options = {}): BuildRig {
  const rig = new BuildRig(options);
  rig.add('counter', () => {
    let count = 0;
    return {
      requestHeaders: () => ({ kind: 'request-changes', headers: { append: [['x-count', String(++count)]] } }),
    };
  });
  return rig;
}

async function counts(rig: BuildRig, key: string): Promise<readonly string[]> {
  const { route, exchange, facts } = rig.exchange(key);
  await exchange.requestHeaders('none');
  route.exit(facts);
  return exchange.request.headers.get('x-count');
}

describe('P-32: instances of 3 routes, 2 tenants and 2 parameter sets', () => {
  const table: [scope: Scope, made: number][] = [
    ['per-route', 12],
    ['shared-by-params', 4],
    ['singleton', 2],
  ];
  it.each(table)('%s: %i', async (scope, made) => {
    const rig = counting();
    const report = await rig.sets.activate(world(scope));
    expect(report.problems).toEqual([]);
    expect(rig.made).toHaveLength(made);
    expect(rig.sets.instances).toEqual({ live: made, referenced: made, created: made });
    // Never one instance for two tenants.
    expect(rig.made.filter(({ init }) => init.info.tenant === 'shop')).toHaveLength(made / 2);
  });

  it('share what they should share, and nothing else', async () => {
    const seen: Record<string, readonly string[][]> = {};
    for (const scope of ['per-route', 'shared-by-params', 'singleton', 'per-request'] as const) {
      const rig = counting();
      await rig.sets.activate(world(scope));
      const lines: string[][] = [];
      for (const key of ['shop:a', 'shop:b', 'shop:a', 'bank:a']) lines.push([...(await counts(rig, key))]);
      seen[scope] = lines;
    }
    expect(seen).toEqual({
      'per-route': [
        ['1', '1'],
        ['1', '1'],
        ['2', '2'],
        ['1', '1'],
      ],
      'shared-by-params': [
        ['1', '1'],
        ['2', '2'],
        ['3', '3'],
        ['1', '1'],
      ],
      singleton: [
        ['1', '2'],
        ['3', '4'],
        ['5', '6'],
        ['1', '2'],
      ],
      'per-request': [
        ['1', '1'],
        ['1', '1'],
        ['1', '1'],
        ['1', '1'],
      ],
    });
  });

  it('per-request: one an exchange and position, made on its first hook and dropped when it is over', async () => {
    const rig = counting();
    await rig.sets.activate(world('per-request'));
    const before = rig.made.length;
    const one = rig.exchange('shop:a', { requestId: '1' });
    const two = rig.exchange('shop:a', { requestId: '2' });
    const three = rig.exchange('shop:a', { requestId: '3' });
    await one.exchange.requestHeaders('none');
    await two.exchange.requestHeaders('none');
    expect(rig.made.length - before).toBe(2);
    for (const { route, facts } of [one, two, three]) route.exit(facts);
    expect(rig.made.slice(before).map(({ destroyed }) => destroyed)).toEqual([1, 1]);
    rig.sets.close();
    expect(rig.made.every(({ destroyed }) => destroyed === 1)).toBe(true);
  });

  it('a share key parts instances of one scope', async () => {
    const rig = counting();
    const at = (shareKey: string): JsonValue => [{ use: 'counter', scope: 'singleton', shareKey }];
    await rig.sets.activate(documentOf({ 'shop:a': at('x') as JsonValue[], 'shop:b': at('y') as JsonValue[] }));
    expect(rig.made).toHaveLength(2);
  });
});

describe('P-29, U-16: a configuration that did not change', () => {
  it.each(['per-route', 'shared-by-params', 'singleton', 'per-request'] as const)(
    'rebuilds nothing: %s',
    async (scope) => {
      const rig = counting();
      await rig.sets.activate(world(scope));
      const made = rig.made.length;
      // Other spelling, same meaning.
      const again = JSON.parse(JSON.stringify({ revision: 'r2', ...world(scope) })) as JsonObject;
      const report = await rig.sets.activate(again);
      expect(report.counts).toEqual({ REUSED: 12, REBUILT: 0, NEW: 0, REMOVED: 0 });
      expect(rig.made).toHaveLength(made);
      expect(rig.made.every(({ destroyed }) => destroyed === 0)).toBe(true);
      if (scope === 'per-route') {
        await counts(rig, 'shop:a');
        await rig.sets.activate(again);
        expect(await counts(rig, 'shop:a')).toEqual(['2', '2']);
      }
    },
  );

  it('keeps an instance through changes that are not its own: order, place of the failure mode, other routes', async () => {
    const rig = counting();
    const a = { key: 'a', use: 'counter', params: { tag: 1 } };
    await rig.sets.activate(documentOf({ r: [a] }));
    const report = await rig.sets.activate(
      documentOf({
        r: [
          { key: 'b', use: 'counter' },
          { ...a, failureMode: 'open', late: true },
        ],
        s: [a],
      }),
    );
    expect(report.counts).toEqual({ REUSED: 1, REBUILT: 0, NEW: 2, REMOVED: 0 });
  });

  it('rebuilds the position alone whose parameters, condition or scope changed', async () => {
    const rig = counting();
    const chain = (more: JsonObject): JsonObject =>
      documentOf({
        r: [
          { key: 'a', use: 'counter', ...more },
          { key: 'b', use: 'counter' },
        ],
      });
    await rig.sets.activate(chain({}));
    for (const more of [{ params: { tag: 2 } }, { condition: 'true' }, { scope: 'singleton' }] as JsonObject[]) {
      const report = await rig.sets.activate(chain(more));
      expect(report.decisions).toEqual([
        { route: 'r', position: 'a', decision: 'REBUILT' },
        { route: 'r', position: 'b', decision: 'REUSED' },
      ]);
    }
    expect(rig.sets.instances).toMatchObject({ live: 2, referenced: 2 });
  });
});

describe('P-31: destroy', () => {
  it('runs once, after the last exchange on the old chain is done', async () => {
    const rig = counting();
    await rig.sets.activate(documentOf({ r: [{ use: 'counter', params: { tag: 1 } }] }));
    const { route, exchange, facts } = rig.exchange('r');
    await rig.sets.activate(documentOf({ r: [{ use: 'counter', params: { tag: 2 } }] }));
    expect(rig.made.map(({ destroyed }) => destroyed)).toEqual([0, 0]);
    // It goes on with what it started with.
    expect(await exchange.requestHeaders('none')).toMatchObject({ kind: 'forward' });
    route.exit(facts);
    expect(rig.made.map(({ destroyed }) => destroyed)).toEqual([1, 0]);
    expect(rig.clock.pendingTimers).toBe(0);
    await rig.sets.activate(documentOf({}));
    expect(rig.made.map(({ destroyed }) => destroyed)).toEqual([1, 1]);
    expect(rig.sets.instances).toMatchObject({ live: 0, referenced: 0 });
  });

  it('runs after 30 s though an exchange never ends; its later hooks fail as CLOSED', async () => {
    const rig = counting();
    await rig.sets.activate(documentOf({ r: [{ use: 'counter' }] }));
    const { route, exchange, facts } = rig.exchange('r');
    await rig.sets.activate(documentOf({}));
    await rig.clock.advance(29_999);
    expect(rig.made[0]?.destroyed).toBe(0);
    await rig.clock.advance(1);
    expect(rig.made[0]?.destroyed).toBe(1);
    expect(await exchange.requestHeaders('none')).toMatchObject({ kind: 'respond', response: { status: 500 } });
    route.exit(facts);
    await rig.clock.advance(60_000);
    expect(rig.made[0]?.destroyed).toBe(1);
  });

  it('never runs under a call that is still waiting', async () => {
    const rig = new BuildRig();
    let answer: ((outcome: Outcome) => void) | undefined;
    rig.add('slow', () => ({ requestHeaders: () => new Promise<Outcome>((resolve) => (answer = resolve)) }));
    await rig.sets.activate(documentOf({ r: [{ use: 'slow' }] }));
    const { route, exchange, facts } = rig.exchange('r');
    const step = exchange.requestHeaders('none');
    await rig.sets.activate(documentOf({}));
    // The client went away; the call did not hear of it.
    route.exit(facts);
    expect(rig.made[0]?.destroyed).toBe(0);
    answer?.({ kind: 'none' });
    await step;
    await settle();
    expect(rig.made[0]?.destroyed).toBe(1);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it('runs once, and under none of a thousand calls that wait while their route goes (U-17)', async () => {
    const rig = new BuildRig();
    const answers: ((outcome: Outcome) => void)[] = [];
    rig.add('slow', () => ({ requestHeaders: () => new Promise<Outcome>((resolve) => answers.push(resolve)) }));
    await rig.sets.activate(documentOf({ r: [{ use: 'slow' }] }));
    const opened = Array.from({ length: 1_000 }, () => rig.exchange('r'));
    const steps = opened.map(({ route, exchange, facts }, i) => {
      const step = exchange.requestHeaders('none');
      // Every other client goes away without its call hearing of it.
      if (i % 2 === 0) route.exit(facts);
      return step;
    });
    await rig.sets.activate(documentOf({}));
    for (const [i, answer] of answers.entries()) {
      expect(rig.made[0]?.destroyed).toBe(0);
      answer({ kind: 'none' });
      const { route, facts } = opened[i] as (typeof opened)[number];
      await steps[i];
      if (i % 2 === 1) route.exit(facts);
    }
    await settle();
    expect(rig.made.map(({ destroyed }) => destroyed)).toEqual([1]);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it('runs once for an instance that many routes share, when the last of them lets go', async () => {
    const rig = counting();
    await rig.sets.activate(world('singleton'));
    await rig.sets.activate(
      documentOf({ 'shop:a': [{ key: 'k1', use: 'counter', scope: 'singleton', params: { tag: 1 } }] }),
    );
    expect(rig.made.map(({ init, destroyed }) => [init.info.tenant, destroyed])).toEqual([
      ['shop', 0],
      ['bank', 1],
    ]);
    rig.sets.close();
    expect(rig.made.map(({ destroyed }) => destroyed)).toEqual([1, 1]);
  });

  it('leaves no instance behind after a thousand configurations', async () => {
    const rig = counting();
    for (let i = 0; i < 1_000; i++) {
      const { route, facts } = i === 0 ? { route: undefined, facts: undefined } : rig.exchange('r');
      await rig.sets.activate(documentOf({ r: [{ use: 'counter', params: { tag: i % 7 } }] }));
      if (route !== undefined) route.exit(facts as NonNullable<typeof facts>);
    }
    expect(rig.sets.instances).toMatchObject({ live: 1, referenced: 1 });
    expect(rig.made.every(({ destroyed }) => destroyed <= 1)).toBe(true);
    expect(rig.clock.pendingTimers).toBe(0);
  });
});
