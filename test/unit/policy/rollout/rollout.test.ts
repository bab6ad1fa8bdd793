/** A candidate beside the active policy: a part of the exchanges is its own, or it only shows what it would have done. */

import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import type { Action } from '../../../../src/policy/model/actions.ts';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import type { ExchangeFacts, HookInput } from '../../../../src/policy/model/inputs.ts';
import type { Outcome } from '../../../../src/policy/model/instance.ts';
import type { RolloutEvent, RolloutStatus } from '../../../../src/policy/rollout/rollout-instance.ts';
import { BuildRig, documentOf } from '../support/build-rig.ts';
import { response } from '../support/exchange-rig.ts';

const ROUTE = 'shop:a';

type Hook = (input: HookInput) => Outcome | Action | undefined;

const marking =
  (mark: string): Hook =>
  () => ({ kind: 'request-changes', headers: { append: [['x-by', mark]] } });

interface World {
  readonly rig: BuildRig;
  readonly events: RolloutEvent[];
  readonly seen: { readonly by: string; readonly exchange: ExchangeFacts }[];
}

/** `p` v1 is active; v2 is the candidate. Both also have a response hook. */
function world(candidate: Hook = marking('v2'), active: Hook = marking('v1'), options: JsonObject = {}): World {
  const events: RolloutEvent[] = [];
  const rig = new BuildRig({ onRollback: (event) => void events.push(event), ...(options as object) });
  const seen: World['seen'] = [];
  const processing = { requestHeaders: 'process', responseHeaders: 'process' };
  const hooks = (by: string, requestHeaders: Hook) => () => ({
    requestHeaders: (input: HookInput) => {
      seen.push({ by, exchange: input.exchange });
      return requestHeaders(input);
    },
    responseHeaders: ({ exchange }: HookInput) => {
      seen.push({ by, exchange });
      return { kind: 'response-changes' as const, headers: { append: [['x-by', by] as const] } };
    },
  });
  rig.add('p', hooks('v1', active), { manifest: { processing } });
  rig.add('p', hooks('v2', candidate), { manifest: { processing, version: 'v2.0.0' } });
  return { rig, events, seen };
}

function documentWith(rollout: JsonValue | undefined, more: JsonObject = {}): JsonObject {
  return documentOf({ [ROUTE]: [{ key: 'p', use: 'p@v1', ...(rollout === undefined ? {} : { rollout }), ...more }] });
}

/** Both directions of one exchange of a client; the marks it got. */
async function ask(rig: BuildRig, clientIp: string): Promise<readonly string[]> {
  const { route, exchange, facts } = rig.exchange(ROUTE, { clientIp });
  await exchange.requestHeaders('none');
  await exchange.responseHeaders(response(), 'none');
  exchange.end('completed', 1);
  route.exit(facts);
  return [...exchange.request.headers.get('x-by'), ...(exchange.response?.headers.get('x-by') ?? [])];
}

const statusOf = (rig: BuildRig): RolloutStatus => rig.route(ROUTE).rolloutAt('p') as RolloutStatus;

describe('a percentage', () => {
  it('is of clients, the same ones each time, for all hooks of an exchange, and grows without moving any (P-61)', async () => {
    const { rig } = world();
    const chosen = async (percent: number): Promise<ReadonlySet<number>> => {
      const report = await rig.sets.activate(documentWith({ percent, use: 'p@v2' }));
      expect(report.problems).toEqual([]);
      const found = new Set<number>();
      for (let i = 0; i < 1_000; i++) {
        const marks = await ask(rig, `10.0.${i >> 8}.${i & 255}`);
        expect(new Set(marks).size).toBe(1);
        expect(marks).toHaveLength(2);
        if (marks[0] === 'v2') found.add(i);
      }
      return found;
    };
    const ten = await chosen(10);
    expect(ten.size).toBeGreaterThan(70);
    expect(ten.size).toBeLessThan(130);
    const again = await chosen(10);
    expect([...again]).toEqual([...ten]);
    const thirty = await chosen(30);
    expect(thirty.size).toBeGreaterThan(250);
    expect([...ten].every((one) => thirty.has(one))).toBe(true);
    expect((await chosen(0)).size).toBe(0);
    expect((await chosen(100)).size).toBe(1_000);
  });

  it('may be a flag: whoever has it has the candidate (P-61)', async () => {
    const keys: unknown[] = [];
    const flags = {
      evaluate: (kind: string, key: string, targetingKey: string | undefined) => {
        keys.push([kind, key]);
        return targetingKey?.endsWith('7');
      },
    };
    const { rig } = world(undefined, undefined, { conditions: { flags } } as never);
    expect((await rig.sets.activate(documentWith({ flag: 'new-p', use: 'p@v2' }))).problems).toEqual([]);
    expect(await ask(rig, '10.0.0.7')).toEqual(['v2', 'v2']);
    expect(await ask(rig, '10.0.0.8')).toEqual(['v1', 'v1']);
    expect(keys).toEqual([
      ['boolean', 'new-p'],
      ['boolean', 'new-p'],
    ]);
  });

  it('keeps the instance of the active policy, and that of the candidate when it becomes the active one', async () => {
    const { rig } = world();
    await rig.sets.activate(documentWith(undefined));
    const report = await rig.sets.activate(documentWith({ percent: 50, use: 'p@v2' }));
    expect(report.counts).toMatchObject({ REUSED: 1, REBUILT: 0 });
    expect(rig.made).toHaveLength(2);
    await rig.sets.activate(documentOf({ [ROUTE]: [{ key: 'p', use: 'p@v2' }] }));
    expect(rig.made).toHaveLength(2);
    expect(rig.made.map(({ destroyed }) => destroyed)).toEqual([1, 0]);
    rig.sets.close();
    expect(rig.alive).toEqual([]);
    expect(rig.sets.instances).toMatchObject({ live: 0, referenced: 0 });
  });
});

describe('a candidate that fails', () => {
  const failing = (every: number): Hook => {
    let calls = 0;
    return () => (++calls % every === 0 ? policyFailure('TRAP', 'x') : undefined);
  };

  it('is rolled back by itself, told once, and not tried again until the configuration changes (P-61)', async () => {
    const { rig, events } = world(failing(20));
    const document = documentWith({ percent: 50, use: 'p@v2' }, { failureMode: 'open' });
    await rig.sets.activate(document);
    for (let i = 0; i < 600; i++) await ask(rig, `10.1.${i >> 8}.${i & 255}`);
    expect(events).toMatchObject([{ kind: 'rolled-back', route: ROUTE, position: 'p', code: 'TRAP' }]);
    expect(events[0]?.counts.candidate.calls).toBe(200);
    expect(statusOf(rig)).toMatchObject({ state: 'rolled-back', lastCode: 'TRAP' });
    const all = async (): Promise<Set<string>> => {
      const marks = new Set<string>();
      for (let i = 0; i < 100; i++) for (const mark of await ask(rig, `10.2.0.${i}`)) marks.add(mark);
      return marks;
    };
    expect(await all()).toEqual(new Set(['v1']));
    // A configuration that says the same of this position is no reason to try again.
    await rig.sets.activate({ ...document, revision: 'r2' });
    expect(await all()).toEqual(new Set(['v1']));
    await rig.sets.activate(documentWith({ percent: 51, use: 'p@v2' }, { failureMode: 'open' }));
    expect(await all()).toEqual(new Set(['v1', 'v2']));
    expect(events).toHaveLength(1);
  });

  it('no more often than the active one stays (P-61)', async () => {
    const { rig, events } = world(failing(20), failing(20));
    await rig.sets.activate(documentWith({ percent: 50, use: 'p@v2' }, { failureMode: 'open' }));
    for (let i = 0; i < 1_200; i++) await ask(rig, `10.1.${i >> 8}.${i & 255}`);
    expect(events).toEqual([]);
    const { candidate } = statusOf(rig).counts;
    expect(candidate.failures).toBeGreaterThan(10);
  });

  it('by answers that may not be applied is rolled back too', async () => {
    const { rig, events } = world(() => ({ kind: 'immediate', status: 7 }));
    await rig.sets.activate(documentWith({ percent: 100, use: 'p@v2' }, { failureMode: 'open' }));
    for (let i = 0; i < 150; i++) await ask(rig, `10.1.0.${i}`);
    expect(events).toMatchObject([{ code: 'ACTION_INVALID' }]);
  });
});

describe('a shadow', () => {
  it('runs beside every exchange, shows where it differs, and changes nothing (P-60)', async () => {
    const { rig, seen } = world((input) => ({
      kind: 'request-changes',
      headers: { set: [['x-by', 'v2']], remove: ['x-secret'] },
      metadataPatch: { left: true },
      ...(input.exchange.clientIp === '10.0.0.2' ? { path: '/other' } : {}),
    }));
    await rig.sets.activate(documentWith({ shadow: true, use: 'p@v2' }));
    expect(await ask(rig, '10.0.0.1')).toEqual(['v1', 'v1']);
    expect(await ask(rig, '10.0.0.2')).toEqual(['v1', 'v1']);
    const { shadow } = statusOf(rig);
    expect(shadow).toMatchObject({ compared: 4, different: 4, skipped: 0 });
    expect(shadow.first.map(({ places }) => places.map(({ pointer }) => pointer))).toEqual([
      ['/headers/append', '/headers/set', '/headers/remove', '/metadataPatch'],
      ['/headers/append/x-by/0'],
      ['/headers/append', '/headers/set', '/headers/remove', '/metadataPatch', '/path'],
      ['/headers/append/x-by/0'],
    ]);
    // The candidate knows that it is only tried; no text of anybody is kept.
    for (const { by, exchange } of seen) expect(exchange.dryRun === undefined).toBe(by === 'v1');
    expect(JSON.stringify(statusOf(rig))).not.toContain('v1');
  });

  it('keeps no more than its first differences, and its failures are differences (P-60)', async () => {
    const { rig } = world(
      () => policyFailure('GUEST_ERROR', 'no'),
      () => undefined,
    );
    await rig.sets.activate(documentWith({ shadow: true, use: 'p@v2' }));
    for (let i = 0; i < 50; i++) expect(await ask(rig, '10.0.0.1')).toEqual(['v1']);
    const { shadow } = statusOf(rig);
    expect(shadow.different).toBe(100);
    expect(shadow.first).toHaveLength(20);
    expect(shadow.first[0]?.places).toEqual([
      { pointer: '/kind', active: 'none', candidate: 'failure' },
      { pointer: '/code', candidate: 'GUEST_ERROR' },
    ]);
  });
});

describe('what a document says of a rollout', () => {
  it.each<[JsonValue, string]>([
    [{ use: 'p@v2' }, '/rollout'],
    [{ use: 'p@v2', percent: 1, flag: 'f' }, '/rollout'],
    [{ use: 'p@v2', percent: 101 }, '/rollout/percent'],
    [{ use: 'nobody', percent: 1 }, '/rollout/use'],
    [{ use: 'p@v2', flag: 'f' }, '/rollout/flag'],
    [{ use: 'p@v1.0.0', percent: 1 }, '/rollout/use'],
  ])('is wrong with its path: %j (P-63)', async (rollout, path) => {
    const { rig } = world();
    const { problems, routes } = await rig.sets.activate(documentWith(rollout));
    expect(problems.map((one) => one.path)).toEqual([`/chains/chain-shop:a/api/0${path}`]);
    expect(routes.get(ROUTE)).toBe('closed');
  });

  it('may bring parameters of its own, checked by the schema of the candidate', async () => {
    const { rig } = world();
    const parameters = { type: 'object', properties: { max: { type: 'integer' } } };
    rig.add('q', () => ({ requestHeaders: () => undefined }), { manifest: { parameters } });
    const bad = await rig.sets.activate(documentWith({ use: 'q', percent: 1, params: { max: 'x' } }));
    expect(bad.problems).toMatchObject([
      { path: '/chains/chain-shop:a/api/0/rollout/params/max', code: 'PARAMS_INVALID' },
    ]);
    const good = await rig.sets.activate(documentWith({ use: 'q', percent: 1, params: { max: 3 } }));
    expect(good.problems).toEqual([]);
    expect(rig.made.map(({ init }) => init.params)).toMatchObject([{}, { max: 3 }]);
  });
});
