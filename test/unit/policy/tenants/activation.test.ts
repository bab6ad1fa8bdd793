/** Many tenants become ready beside each other, and what one of them does is its own affair (V-06 to V-10, V-30, V-31, P-62, P-78). */

import { describe, expect, it } from 'vitest';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import { checkTemplate, DUMMY_TENANT } from '../../../../src/policy/tenants/template-check.ts';
import { stateOf, type TenantFacts } from '../../../../src/policy/tenants/tenant-state.ts';
import type { TenantStatus } from '../../../../src/policy/tenants/tenant-status.ts';
import { document, TenantRig } from './support/tenant-rig.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);

describe('the start of the process', () => {
  it('loads four tenants at a time, however many there are (V-06)', async () => {
    const rig = new TenantRig({ slowAfterMs: 1_000 });
    let running = 0;
    let most = 0;
    rig.answer = async () => {
      most = Math.max(most, ++running);
      await rig.after(100);
      running--;
      return document('r1');
    };
    const preloading = rig.registry.preload(names(200));
    await rig.clock.advance(10_000);
    await preloading;
    expect([most, rig.described['states']]).toEqual([4, { READY: 200 }]);
  });

  it('is over when required tenants serve; with "all" every tenant must, with "none" none (V-06, P-36)', async () => {
    const of = (readiness: 'all' | 'required' | 'none'): TenantRig =>
      new TenantRig({ readiness, required: ['core'], graceMs: 1_000, minResidencyMs: 0 });
    for (const [mode, expected] of [
      ['all', [false, false, true]],
      ['required', [false, true, true]],
      ['none', [true, true, true]],
    ] as const) {
      const rig = of(mode);
      const seen = [rig.registry.readiness().isReady];
      rig.answer = (tenant) =>
        tenant === 'slow' ? { kind: 'failed', failure: policyFailure('REMOTE_TIMEOUT', 'x') } : document('r1');
      const slow = rig.acquire('slow');
      const preloading = rig.registry.preload();
      await rig.clock.advance(0);
      await preloading;
      seen.push(rig.registry.readiness().isReady);
      rig.answer = () => document('r1');
      await rig.clock.advance(2_000);
      seen.push(rig.registry.readiness().isReady);
      expect([mode, seen]).toEqual([mode, expected]);
      slow.release();
      // Required tenants are held: the reaper does not make the process unready.
      await rig.clock.advance(120_000);
      expect(rig.registry.readiness()).toEqual({ mode, isReady: true, waitingFor: {} });
    }
  });

  it('tries the template of configurations on a tenant that does not exist (V-30)', async () => {
    const rig = new TenantRig();
    const template = { revision: 'template', memoryBytes: 0, content: undefined };
    rig.prepared = () => policyFailure('PARAMS_INVALID', 'routes[0].params.limit: must be a number');
    expect(await checkTemplate(rig.engine('e1'), template)).toMatchObject({ code: 'PARAMS_INVALID' });
    expect(rig.contexts[0]?.tenant).toBe(DUMMY_TENANT);
    rig.prepared = () => {
      throw new Error('x');
    };
    expect(await checkTemplate(rig.engine('e1'), template)).toMatchObject({ code: 'INTERNAL' });
    rig.prepared = (made) => made;
    rig.canary = async () => policyFailure('TRAP', 'x');
    expect(await checkTemplate(rig.engine('e1'), template)).toMatchObject({ code: 'TRAP' });
    rig.canary = async () => undefined;
    expect(await checkTemplate(rig.engine('e1'), template)).toBeUndefined();
    expect(rig.made.map(({ closes }) => closes)).toEqual([1, 1]);
    expect(rig.described['tenants']).toBe(0);
  });
});

describe('activations', () => {
  it('that find the queue full come back by themselves (V-07)', async () => {
    const rig = new TenantRig({ queuedTenants: 10, slowAfterMs: 1e6 });
    rig.answer = async () => {
      await rig.after(100);
      return document('r1');
    };
    for (const name of names(60)) rig.acquire(name);
    expect(rig.registry.statuses().filter(({ code }) => code === 'OVERLOAD')).toHaveLength(46);
    await rig.clock.advance(60_000);
    expect(rig.described['states']).toEqual({ READY: 60 });
  });

  it('of one tenant that always has something new leave the others their turn (V-07)', async () => {
    const rig = new TenantRig({ concurrentLoads: 1 });
    let revision = 0;
    rig.answer = async () => {
      await rig.after(10);
      return document(`r${++revision}`);
    };
    rig.acquire('busy');
    for (const name of names(20)) rig.acquire(name);
    for (let i = 0; i < 20; i++) {
      for (let again = 0; again < 50; again++) rig.registry.refresh('busy');
      await rig.clock.advance(12);
    }
    await rig.clock.advance(50);
    const order = rig.asked.map(({ tenant }) => tenant);
    expect(order.slice(0, 22)).toEqual(['busy', ...names(20), 'busy']);
  });

  it('hold one new revision beside the old ones at a time (V-08)', async () => {
    const rig = new TenantRig({ slowAfterMs: 1_000 });
    let running = 0;
    let most = 0;
    rig.canary = async () => {
      most = Math.max(most, ++running);
      await rig.after(20);
      running--;
      return undefined;
    };
    for (const name of names(30)) rig.acquire(name);
    await rig.clock.advance(5_000);
    expect([most, rig.described['states']]).toEqual([1, { READY: 30 }]);
  });

  it('look for memory for the old and the new revision before anything is made (V-08)', async () => {
    const rig = new TenantRig({ maxBytes: 1_000 });
    rig.answer = () => document('r1', { memoryBytes: 600 });
    const handle = await rig.ready('shop');
    rig.answer = () => document('r2', { memoryBytes: 600 });
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    expect([rig.made.length, handle.state, handle.revision?.name]).toEqual([1, 'DEGRADED', 'r1']);
    expect(rig.registry.status('shop')).toMatchObject({ code: 'OVERLOAD' });
    rig.answer = () => document('r3', { memoryBytes: 400 });
    await rig.clock.advance(2_000);
    expect([handle.state, handle.revision?.name, rig.described['memoryBytes']]).toEqual(['READY', 'r3', 400]);
  });

  it('of 50 tenants at once end with all healthy; a slow one delays no other by more than 100 ms (P-78, V-07, V-09)', async () => {
    const readyAt = async (slow: ReadonlySet<string>): Promise<Map<string, number>> => {
      const rig = new TenantRig();
      const began = rig.clock.monotonic();
      rig.answer = async (tenant) => {
        await rig.after(slow.has(tenant) ? 20_000 : 5);
        return document('r1');
      };
      rig.canary = async ({ tenant }) => {
        await rig.after(slow.has(tenant) ? 20_000 : 2);
        return undefined;
      };
      for (const name of names(50)) rig.acquire(name);
      const times = new Map<string, number>();
      for (let step = 0; step < 600; step++) {
        await rig.clock.advance(1);
        for (const { tenant, state } of rig.registry.statuses()) {
          if (state === 'READY' && !times.has(tenant)) times.set(tenant, rig.clock.monotonic() - began);
        }
      }
      await rig.clock.advance(60_000);
      expect(rig.described['states']).toEqual({ READY: 50 });
      return times;
    };
    const alone = await readyAt(new Set());
    expect(alone.size).toBe(50);
    for (const slow of [new Set(['t0']), new Set(['t7', 't8', 't30'])]) {
      const beside = await readyAt(slow);
      const delays = names(50)
        .filter((name) => !slow.has(name))
        .map((name) => (beside.get(name) ?? Number.POSITIVE_INFINITY) - (alone.get(name) as number));
      expect(Math.max(...delays)).toBeLessThanOrEqual(100 * slow.size);
    }
  });
});

describe('health', () => {
  it('follows from the facts, whatever order they came in: states only ever say what is (V-09)', () => {
    const base: TenantFacts = {
      isEnding: false,
      isClosed: false,
      isActive: false,
      stage: 'idle',
      hasFailed: false,
      isBreakerOpen: false,
    };
    expect(stateOf(base)).toBe('LOADING');
    expect(stateOf({ ...base, stage: 'canary' })).toBe('CANARY');
    expect(stateOf({ ...base, isActive: true, stage: 'canary' })).toBe('READY');
    expect(stateOf({ ...base, isActive: true, hasFailed: true })).toBe('DEGRADED');
    expect(stateOf({ ...base, isActive: true, isBreakerOpen: true })).toBe('DEGRADED');
    expect(stateOf({ ...base, isActive: true, isEnding: true, hasFailed: true })).toBe('DRAINING');
    expect(stateOf({ ...base, isEnding: true, isClosed: true })).toBe('CLOSED');
  });

  it('passes LOADING, CANARY, READY, DEGRADED and back, each with a greater generation (V-09)', async () => {
    const rig = new TenantRig();
    const seen: [string, number][] = [];
    const handle = rig.acquire('shop');
    const look = (): number => seen.push([handle.state, handle.generation]);
    look();
    rig.canary = async () => {
      look();
      return undefined;
    };
    await rig.clock.advance(0);
    look();
    rig.answer = () => ({ kind: 'failed', failure: policyFailure('REMOTE_TIMEOUT', 'x') });
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    look();
    rig.answer = () => ({ kind: 'unchanged' });
    await rig.clock.advance(1_000);
    look();
    handle.release();
    const closing = rig.registry.close();
    look();
    await rig.clock.advance(0);
    await closing;
    look();
    expect(seen.map(([state]) => state)).toEqual([
      'LOADING',
      'CANARY',
      'READY',
      'DEGRADED',
      'READY',
      'DRAINING',
      'CLOSED',
    ]);
    const generations = seen.map(([, generation]) => generation);
    expect(generations.every((generation, i) => i === 0 || generation > (generations[i - 1] as number))).toBe(true);
  });

  it('of one broken tenant is its own: the process stays ready unless it is required (V-10, P-36)', async () => {
    for (const [required, isReady] of [
      [[], true],
      [['good'], true],
      [['broken'], false],
    ] as const) {
      const rig = new TenantRig({ required });
      rig.answer = (tenant) =>
        tenant === 'broken' ? { kind: 'failed', failure: policyFailure('MODULE_INVALID', 'x') } : document('r1');
      rig.acquire('broken');
      rig.acquire('good');
      await rig.clock.advance(0);
      expect(rig.registry.readiness().isReady).toBe(isReady);
      expect([rig.state('good'), rig.state('broken')]).toEqual(['READY', 'LOADING']);
    }
  });
});

describe('the status', () => {
  it('says what serves, what was tried and why it failed; it is told on change and every 60 s (V-18)', async () => {
    const told: TenantStatus[][] = [];
    const rig = new TenantRig({}, { report: (statuses) => told.push([...statuses]) });
    rig.answer = () => document('r1', { labels: { team: 'a' } });
    const handle = rig.acquire('shop');
    await rig.clock.advance(20);
    expect(told).toHaveLength(1);
    expect(told[0]?.[0]).toMatchObject({
      tenant: 'shop',
      state: 'READY',
      isServing: true,
      labels: { team: 'a' },
      revision: 'r1',
      digests: ['sha256:ab'],
      lastRequestAt: '2026-01-01T00:00:00.000Z',
      lastSuccessAt: '2026-01-01T00:00:00.000Z',
      lastActivationAt: '2026-01-01T00:00:00.000Z',
      code: null,
      sizes: { instances: 1, memoryBytes: 65_536 },
      counters: { loads: 1, activations: 1 },
    });
    await rig.clock.advance(60_000);
    expect(told).toHaveLength(2);
    rig.answer = () => ({ kind: 'failed', failure: policyFailure('DIGEST_MISMATCH', 'sha256 of jwt-auth') });
    rig.registry.refresh('shop');
    await rig.clock.advance(20);
    expect(told[2]?.[0]).toMatchObject({
      state: 'DEGRADED',
      code: 'DIGEST_MISMATCH',
      message: 'sha256 of jwt-auth',
      lastRequestAt: '2026-01-01T00:01:00.020Z',
      lastSuccessAt: '2026-01-01T00:00:00.000Z',
    });
    expect(rig.registry.status('nobody')).toMatchObject({ state: 'ABSENT', revision: null });
    rig.answer = () => ({ kind: 'unchanged' });
    handle.release();
    await rig.clock.advance(60_000);
    expect(told.at(-1)?.[0]).toMatchObject({ tenant: 'shop', state: 'ABSENT' });
    await rig.clock.advance(100_000);
    expect(rig.clock.pendingTimers).toBe(0);
  });
});

describe('a rollback', () => {
  it('goes to a kept revision without asking the source, at once, and the revision that was left stays away (P-62)', async () => {
    const rig = new TenantRig();
    const handle = await rig.ready('shop');
    rig.answer = () => document('r2');
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    const asked = rig.asked.length;
    const pass = rig.pass(handle);
    const began = rig.clock.monotonic();
    expect(await rig.registry.rollback('shop')).toBeUndefined();
    expect([handle.revision?.name, rig.asked.length, rig.clock.monotonic() - began]).toEqual(['r1', asked, 0]);
    // The exchange that was on the revision that was left ends on it.
    expect([pass.revision.name, pass.revision.closes]).toEqual(['r2', 0]);
    pass.abandon();
    await rig.clock.advance(0);
    expect(pass.revision.closes).toBe(1);
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    expect(handle.revision?.name).toBe('r1');
    rig.answer = () => document('r3');
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    expect(handle.revision?.name).toBe('r3');
    expect(await rig.registry.rollback('shop', 'r1')).toBeUndefined();
    expect(handle.revision?.name).toBe('r1');
    // Once it has had another one, the source may come back to the revision that was left.
    rig.answer = () => document('r4');
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    rig.answer = () => document('r2');
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    expect(handle.revision?.name).toBe('r2');
    expect(await rig.registry.rollback('shop', 'r9')).toMatchObject({ code: 'POLICY_MISSING' });
    expect(await rig.registry.rollback('nobody')).toMatchObject({ code: 'NOT_READY' });
  });

  it('overtakes an activation that is at work, which then changes nothing (P-62)', async () => {
    const rig = new TenantRig();
    const handle = await rig.ready('shop');
    rig.answer = () => document('r2');
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    rig.answer = () => document('r3');
    rig.canary = async ({ name }) => {
      if (name === 'r3') await rig.after(5_000);
      return undefined;
    };
    rig.registry.refresh('shop');
    await rig.clock.advance(100);
    expect(await rig.registry.rollback('shop')).toBeUndefined();
    await rig.clock.advance(10_000);
    expect(handle.revision?.name).toBe('r1');
    expect(rig.made.map(({ name, closes }) => [name, closes])).toEqual([
      ['r1', 1],
      ['r2', 1],
      ['r3', 1],
      ['r1', 0],
    ]);
  });
});

describe('another engine', () => {
  it('serves a tenant only after its canary; where that fails, the revision of the old one stays (V-31)', async () => {
    const rig = new TenantRig();
    const good = await rig.ready('good');
    const bad = await rig.ready('bad');
    rig.canary = async ({ tenant, engine }) =>
      tenant === 'bad' && engine === 'e2' ? policyFailure('TRAP', 'x') : undefined;
    rig.answer = () => ({ kind: 'unchanged' });
    rig.registry.useEngine(rig.engine('e2'));
    await rig.clock.advance(0);
    expect([good.revision?.engine, good.state]).toEqual(['e2', 'READY']);
    expect([bad.revision?.engine, bad.state]).toEqual(['e1', 'DEGRADED']);
    rig.canary = async () => undefined;
    await rig.clock.advance(2_000);
    expect([bad.revision?.engine, bad.state]).toEqual(['e2', 'READY']);
  });
});
