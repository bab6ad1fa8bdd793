/** A new instance is tried before it serves; one that fails never does, and nothing of the trial shows. */

import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import type { Clock } from '../../../../src/options/clock.ts';
import type { ActivationReport } from '../../../../src/policy/build/policy-sets.ts';
import { apiOf } from '../../../../src/policy/build/specification.ts';
import { RECORD_LIMITS, RecentInputs } from '../../../../src/policy/canary/recent-inputs.ts';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import type { ExchangeFacts, HookInput } from '../../../../src/policy/model/inputs.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { NOTHING_GATHERED } from '../../../../src/policy/model/views.ts';
import { BuildRig, documentOf } from '../support/build-rig.ts';
import { request } from '../support/exchange-rig.ts';

/** Stands still but for what a hook takes. */
class WorkClock implements Clock {
  ms = 1_000;
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms;
  }
  setTimeout(callback: () => void): unknown {
    return setImmediate(callback);
  }
  clearTimeout(handle: unknown): void {
    clearImmediate(handle as NodeJS.Immediate);
  }
}

const MODULE: JsonObject = { abi: 'edict-core/1', module: { file: 'm.wasm', sha256: `sha256:${'0'.repeat(64)}` } };
const ROUTE = 'shop:a';

const using = (version: string): JsonObject => documentOf({ [ROUTE]: [{ key: 'p', use: `p@${version}` }] });

type Answer = (input: HookInput, clock: WorkClock) => ReturnType<typeof policyFailure> | undefined;

/** `p` v1 serves and was asked `asked` times; v2 has `answer` and further members of its manifest. */
async function replaced(
  answer: Answer,
  { asked = 20, manifest = {}, ...options }: { asked?: number; manifest?: JsonObject } & Record<string, unknown> = {},
): Promise<{ rig: BuildRig; report: ActivationReport; clock: WorkClock; tried: HookInput[] }> {
  const clock = new WorkClock();
  const rig = new BuildRig({ clock, ...options });
  const tried: HookInput[] = [];
  const marked = (mark: string, work: Answer) => () => ({
    requestHeaders: (input: HookInput) => {
      if (input.exchange.dryRun !== undefined) tried.push(input);
      return work(input, clock) ?? { kind: 'request-changes' as const, headers: { set: [['x-by', mark] as const] } };
    },
  });
  const quick: Answer = () => {
    clock.ms += 1;
    return undefined;
  };
  rig.add('p', marked('v1', quick), { manifest: { ...MODULE } });
  rig.add('p', marked('v2', answer), { manifest: { ...MODULE, version: 'v2.0.0', ...manifest } });
  expect((await rig.sets.activate(using('v1'))).problems).toEqual([]);
  for (let i = 0; i < asked; i++) await rig.ask(ROUTE);
  const report = await rig.sets.activate(using('v2'));
  return { rig, report, clock, tried };
}

async function servedBy(rig: BuildRig): Promise<readonly string[]> {
  const { route, exchange, facts: one } = rig.exchange(ROUTE);
  await exchange.requestHeaders('none');
  route.exit(one);
  return exchange.request.headers.get('x-by');
}

describe('a new revision of a policy', () => {
  it('serves when it passes what the old one was asked, which it sees as a trial (P-60)', async () => {
    const { rig, report, tried } = await replaced(() => undefined);
    expect(report.problems).toEqual([]);
    expect(await servedBy(rig)).toEqual(['v2']);
    expect(tried.length).toBeGreaterThanOrEqual(20);
    expect(new Set(tried.map(({ exchange }) => exchange.routeName))).toEqual(new Set([ROUTE]));
    // One trial instance, one that serves, and none of the old revision.
    expect(rig.alive).toHaveLength(1);
  });

  it.each<[string, Answer, string]>([
    ['traps', () => policyFailure('TRAP', 'unreachable'), 'TRAP: unreachable'],
    [
      'answers what may not be applied',
      () => ({ kind: 'action', action: { kind: 'immediate', status: 7 } }) as never,
      'ACTION_INVALID',
    ],
    ['runs out of fuel', () => policyFailure('FUEL_EXHAUSTED', 'all of it'), 'FUEL_EXHAUSTED'],
  ])(
    'that %s on a recorded input is rejected with its path, and the old one serves (P-60)',
    async (_, answer, reason) => {
      const { rig, report } = await replaced(answer);
      expect(report.problems).toMatchObject([{ path: '/chains/chain-shop:a/api/0', code: 'CANARY_FAILED' }]);
      expect(report.problems[0]?.message).toContain(reason);
      expect(report.routes.get(ROUTE)).toBe('kept');
      expect(await servedBy(rig)).toEqual(['v1']);
      expect(rig.alive).toHaveLength(1);
      expect(rig.sets.instances).toMatchObject({ live: 1, referenced: 1 });
    },
  );

  it('that takes more than twice the time is rejected; a median under the floor is never slow (P-60)', async () => {
    const given = async (ms: number): Promise<ActivationReport> => {
      const { report } = await replaced((_, clock) => {
        clock.ms += ms;
        return undefined;
      });
      return report;
    };
    expect((await given(2)).problems).toEqual([]);
    const { problems } = await given(9);
    expect(problems).toMatchObject([{ code: 'CANARY_FAILED' }]);
    expect(problems[0]?.message).toMatch(/takes 9\.000 ms where its predecessor took 1\.000 ms/);
  });

  it('that is not as its manifest says is rejected before it was ever asked (P-60)', async () => {
    const manifest: JsonObject = {
      selfTest: [
        { phase: 'requestHeaders', input: {}, expect: { kind: 'request-changes', headers: { set: { 'x-by': 'v3' } } } },
      ],
    };
    const { rig, report } = await replaced(() => undefined, { asked: 0, manifest });
    expect(report.problems).toMatchObject([{ path: '/chains/chain-shop:a/api/0', code: 'CANARY_FAILED' }]);
    expect(report.problems[0]?.message).toContain('self test 1 (requestHeaders): /headers/set/x-by');
    expect(await servedBy(rig)).toEqual(['v1']);
    const { report: without } = await replaced(() => undefined, { asked: 0, manifest, canary: { selfTests: false } });
    expect(without.problems).toEqual([]);
  });

  it('is not judged by what it could not do without an answer from outside', async () => {
    const { report } = await replaced(({ exchange: { dryRun } }) => {
      if (dryRun === undefined) return undefined;
      dryRun.trial.refusals++;
      return policyFailure('HOST_ERROR', 'no answer');
    });
    expect(report.problems).toEqual([]);
  });

  it('is not tried where nothing is kept, nor where it is native code, whose effects nobody could keep in', async () => {
    const off = await replaced(() => policyFailure('TRAP', 'x'), { canary: { recordedInputs: 0 } });
    expect(off.report.problems).toEqual([]);
    const native = await replaced(() => policyFailure('TRAP', 'x'), { manifest: { abi: 'native' } });
    expect(native.report.problems).toEqual([]);
    expect([...off.tried, ...native.tried]).toEqual([]);
  });
});

describe('what an instance keeps of its inputs', () => {
  const modes = {
    requestHeaders: 'process',
    requestBody: 'buffer',
    responseHeaders: 'skip',
    responseBody: 'skip',
  } as const;
  const ask = (recent: RecentInputs, input: HookInput, phase: Phase = Phase.requestHeaders): boolean => {
    const isWanted = recent.wants(phase, input);
    if (isWanted) recent.keep(phase, input, 1);
    return isWanted;
  };
  const facts = (): ExchangeFacts => ({
    requestId: 'r',
    routeName: ROUTE,
    tenant: 'shop',
    api: apiOf({}, '/'),
    deadline: Number.MAX_SAFE_INTEGER,
  });
  const fresh = (body = ''): HookInput => {
    const content = new Uint8Array(Buffer.from(body));
    const whole = { content, present: true, endOfStream: true, truncated: false };
    return { exchange: facts(), request: { ...request(), body: whole }, gathered: NOTHING_GATHERED };
  };
  const count = (recent: RecentInputs): number => recent.exchanges.flatMap(({ inputs }) => inputs).length;

  it('is bounded in number and bytes, by itself and in all, and recent', () => {
    const budget = { maxBytes: 100_000, used: 0 };
    const many = new RecentInputs(modes, 100, budget);
    for (let i = 0; i < 20_000; i++) ask(many, { ...fresh(), exchange: { ...facts(), requestId: `r${i}` } });
    expect(count(many)).toBeLessThanOrEqual(100);
    expect(count(many)).toBeGreaterThan(50);
    expect(many.exchanges.every(({ exchange }) => Number(exchange.requestId.slice(1)) > 12_000)).toBe(true);
    const large = new RecentInputs(modes, 100, budget);
    for (let i = 0; i < 2_000; i++) ask(large, fresh('x'.repeat(8_000)));
    expect(budget.used).toBeLessThanOrEqual(budget.maxBytes);
    expect(count(large)).toBeLessThanOrEqual(RECORD_LIMITS.bytes / 8_000);
    many.clear();
    large.clear();
    expect(budget.used).toBe(0);
  });

  it('is whole exchanges, copied, without those that have a large body', () => {
    const recent = new RecentInputs(modes, 100, { maxBytes: 1_000_000, used: 0 });
    const one = fresh('abc');
    const again = { ...one };
    expect([ask(recent, one), ask(recent, again, Phase.requestBody)]).toEqual([true, true]);
    one.request.body.content.fill(0);
    const [kept] = recent.exchanges;
    expect(kept?.inputs.map(({ phase }) => phase)).toEqual([Phase.requestHeaders, Phase.requestBody]);
    expect(Buffer.from(kept?.inputs[1]?.input.request.body.content ?? []).toString()).toBe('abc');
    expect(kept?.exchange).not.toBe(one.exchange);
    ask(recent, fresh('x'.repeat(RECORD_LIMITS.bodyBytes + 1)));
    expect(recent.exchanges).toHaveLength(1);
  });

  it('is no trial', () => {
    const recent = new RecentInputs(modes, 100, { maxBytes: 1_000_000, used: 0 });
    const input = fresh();
    expect(ask(recent, { ...input, exchange: { ...input.exchange, dryRun: { trial: { refusals: 0 } } } })).toBe(false);
  });
});
