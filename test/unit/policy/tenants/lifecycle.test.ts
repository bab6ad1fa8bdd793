/** Tenants come on first use, stay while somebody holds them, and go without holding anybody up (V-01 to V-05, V-19, V-20, V-25). */

import { describe, expect, it } from 'vitest';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import { TenantHandle } from '../../../../src/policy/tenants/tenant-handle.ts';
import { facts, logOf, ScriptedSink } from '../decisions/support/scripted-sink.ts';
import { document, TenantRig } from './support/tenant-rig.ts';

describe('getting a tenant', () => {
  it('is synchronous, asks nobody, and refuses what is no key (V-01)', async () => {
    const rig = new TenantRig();
    // The failure: a start inside route processing held up the routes of everybody.
    rig.answer = () => new Promise(() => undefined);
    const handle = rig.acquire('shop');
    expect([rig.made.length, handle.state, handle.enter()]).toMatchObject([0, 'LOADING', { code: 'NOT_READY' }]);
    for (const key of ['', 'a b', 'ä', 'x'.repeat(129), '../etc', 'a/b']) {
      expect(rig.registry.acquire(key)).toMatchObject({ kind: 'failure', code: 'PARAMS_INVALID' });
    }
    for (const key of ['x'.repeat(128), 'A.b_c:d-9', '__proto__', 'constructor']) {
      expect(rig.registry.acquire(key)).toBeInstanceOf(TenantHandle);
    }
  });

  it('does not take longer the more tenants there are (V-01)', async () => {
    const rig = new TenantRig({ maxInstances: 100, hardMaxInstances: 12_000, minResidencyMs: 1e9 });
    rig.answer = () => new Promise(() => undefined);
    // All idle and none old enough to go: each further one may look at a few of them, not at all.
    for (let i = 0; i < 5_000; i++) rig.acquire(`t${i}`).release();
    expect(rig.described).toMatchObject({ tenants: 5_000, idle: 5_000, evicted: 0 });
  });

  it('many times at once makes one instance (V-02)', async () => {
    const rig = new TenantRig();
    const handles = await Promise.all(Array.from({ length: 100 }, async () => rig.acquire('shop')));
    await rig.clock.advance(0);
    expect([rig.made.length, rig.asked.length]).toEqual([1, 1]);
    expect(new Set(handles.map(({ revision }) => revision)).size).toBe(1);
    expect(rig.registry.status('shop')?.references).toBe(100);
  });
});

describe('an unused tenant', () => {
  it('goes 30 s after its last release; polls, updates and status do not keep it (V-03)', async () => {
    const rig = new TenantRig({ pollIntervalMs: 2_000 });
    const handle = await rig.ready('shop');
    handle.release();
    handle.release();
    // The failure: every update of any route re-stamped all unused instances, so that none was ever old enough.
    for (let i = 0; i < 29; i++) {
      rig.registry.refresh('shop');
      rig.registry.status('shop');
      await rig.clock.advance(1_000);
    }
    expect(rig.state('shop')).toBe('READY');
    await rig.clock.advance(11_000);
    expect([rig.state('shop'), rig.made[0]?.closes, rig.described['reaped']]).toEqual(['ABSENT', 1, 1]);
    await rig.clock.advance(60_000);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it('stays when it is taken again within the grace period, as the same instance (V-03, P-78)', async () => {
    const rig = new TenantRig();
    let handle = await rig.ready('shop');
    for (let i = 0; i < 10; i++) {
      handle.release();
      await rig.clock.advance(20_000);
      handle = rig.acquire('shop');
    }
    await rig.clock.advance(100_000);
    expect([rig.made.length, rig.made[0]?.closes, handle.state]).toEqual([1, 0, 'READY']);
  });

  it('goes although others come and go faster than the grace period (V-03, P-78)', async () => {
    const rig = new TenantRig();
    for (let i = 0; i < 100; i++) {
      rig.acquire(`churn-${i}`).release();
      await rig.clock.advance(1_000);
    }
    // 30 s of grace and 10 s between two looks: at most forty are left.
    expect(rig.described['tenants']).toBeLessThanOrEqual(41);
    expect(rig.described['reaped']).toBeGreaterThanOrEqual(59);
    await rig.clock.advance(50_000);
    expect(rig.described).toMatchObject({ tenants: 0, instances: 0, memoryBytes: 0, closed: 100 });
  });

  it('whose end hangs delays no other end and no new tenant: each has 5 s of its own (V-04)', async () => {
    const rig = new TenantRig();
    const handles = [];
    for (const key of ['hangs', 'a', 'b']) handles.push(await rig.ready(key));
    const hanging = rig.made.find(({ tenant }) => tenant === 'hangs');
    if (hanging !== undefined) hanging.closing = () => new Promise(() => undefined);
    for (const handle of handles) handle.release();
    await rig.clock.advance(31_000);
    expect(rig.made.map(({ closes }) => closes)).toEqual([1, 1, 1]);
    expect(rig.described).toMatchObject({ tenants: 0, ending: 1, closed: 2 });
    const again = await rig.ready('hangs');
    expect(again.revision).not.toBe(hanging);
    await rig.clock.advance(5_000);
    expect(rig.described).toMatchObject({ tenants: 1, ending: 0, closed: 3 });
  });

  it('is not ended while an exchange is on it, also without a handle', async () => {
    const rig = new TenantRig();
    const handle = await rig.ready('shop');
    const pass = rig.pass(handle);
    handle.release();
    expect(handle.enter()).toMatchObject({ code: 'CLOSED' });
    await rig.clock.advance(100_000);
    expect(rig.made[0]?.closes).toBe(0);
    pass.abandon();
    await rig.clock.advance(45_000);
    expect(rig.made[0]?.closes).toBe(1);
  });
});

describe('a start that fails', () => {
  it('leaves no dead instance, is tried again by itself from 1 s to 60 s ±20 %, and heals (V-05)', async () => {
    const rig = new TenantRig();
    rig.answer = () => ({ kind: 'failed', failure: policyFailure('REMOTE_UNAVAILABLE', 'down') });
    const handle = rig.acquire('shop');
    await rig.clock.advance(400_000);
    expect(handle.enter()).toMatchObject({ code: 'NOT_READY', message: expect.stringContaining('REMOTE_UNAVAILABLE') });
    const times = rig.asked.map(({ atMs }) => atMs);
    expect(times.slice(1, 9).map((at, i) => at - (times[i] as number))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000,
    ]);
    rig.answer = () => document('r1');
    await rig.clock.advance(60_000);
    // The failure: a closed instance stayed in the map and answered 503 for ever.
    expect([handle.state, rig.registry.status('shop')?.code]).toEqual(['READY', null]);
  });

  it('of a newer revision keeps the one that serves and its ETag, whichever step fails (V-05)', async () => {
    const rig = new TenantRig({ attemptMs: 1_000 });
    const handle = await rig.ready('shop');
    const steps: [string, () => void][] = [
      ['load', () => (rig.answer = () => ({ kind: 'failed', failure: policyFailure('REMOTE_TIMEOUT', 'x') }))],
      [
        'load throws',
        () =>
          (rig.answer = () => {
            throw new Error('reset');
          }),
      ],
      ['load hangs', () => (rig.answer = () => new Promise(() => undefined))],
      ['prepare', () => (rig.prepared = () => policyFailure('MODULE_INVALID', 'x'))],
      [
        'prepare throws',
        () =>
          (rig.prepared = () => {
            throw new RangeError('x');
          }),
      ],
      ['prepare hangs', () => (rig.prepared = () => new Promise(() => undefined))],
      ['canary', () => (rig.canary = async () => policyFailure('TRAP', 'x'))],
      ['canary hangs', () => (rig.canary = () => new Promise(() => undefined))],
    ];
    for (const [name, breakIt] of steps) {
      rig.answer = () => document('r2');
      rig.prepared = (made) => made;
      rig.canary = async () => undefined;
      breakIt();
      rig.registry.refresh('shop');
      await rig.clock.advance(1_000);
      expect([name, handle.state, handle.revision?.name]).toEqual([name, 'DEGRADED', 'r1']);
      expect(rig.registry.status('shop')?.code, name).not.toBeNull();
      expect(rig.made.slice(1).every(({ closes }) => closes === 1)).toBe(true);
    }
    // The failure: the ETag was dropped with the error, and the whole fleet downloaded everything.
    expect(new Set(rig.asked.slice(1).map(({ known }) => known.etag))).toEqual(new Set(['"r1"']));
    expect(rig.made[0]?.closes).toBe(0);
    rig.answer = () => ({ kind: 'unchanged' });
    rig.registry.refresh('shop');
    await rig.clock.advance(0);
    expect([handle.state, rig.registry.status('shop')?.code]).toEqual(['READY', null]);
  });

  it('and whose late result comes after all is closed and never serves: attempts are fenced (V-05)', async () => {
    const rig = new TenantRig({ attemptMs: 1_000 });
    const handle = await rig.ready('shop');
    rig.answer = () => document('late');
    rig.prepared = async (made) => {
      await rig.after(5_000);
      return made;
    };
    rig.registry.refresh('shop');
    await rig.clock.advance(1_000);
    rig.prepared = (made) => made;
    rig.answer = () => document('r2');
    rig.registry.refresh('shop');
    await rig.clock.advance(10_000);
    expect(rig.made.map(({ name, closes }) => [name, closes])).toEqual([
      ['r1', 1],
      ['r2', 0],
      ['late', 1],
    ]);
    expect(handle.revision?.name).toBe('r2');
  });
});

describe('room for tenants', () => {
  it('is made by closing the least recently used idle ones, and ends with a typed failure (V-19)', async () => {
    const rig = new TenantRig({ maxInstances: 3, hardMaxInstances: 5, minResidencyMs: 0 });
    const handles = [];
    for (const key of ['a', 'b', 'c']) handles.push(await rig.ready(key));
    handles[1]?.release();
    await rig.clock.advance(1);
    handles[0]?.release();
    await rig.ready('d');
    expect([rig.state('b'), rig.state('a')]).toEqual(['ABSENT', 'READY']);
    await rig.ready('e');
    expect(rig.state('a')).toBe('ABSENT');
    await rig.ready('f');
    await rig.ready('g');
    expect(rig.registry.acquire('h')).toMatchObject({ kind: 'failure', code: 'OVERLOAD' });
    expect(rig.described).toMatchObject({ tenants: 5, instances: 5, evicted: 2, refused: 1 });
    expect(rig.acquire('c').state).toBe('READY');
  });

  it('counts the linear memories of revisions, not only tenants (V-19)', async () => {
    const rig = new TenantRig({ maxInstances: 10, hardMaxInstances: 20 });
    rig.prepared = (made) => {
      made.instances = 25;
      return made;
    };
    await rig.ready('large');
    expect(rig.registry.acquire('next')).toMatchObject({ code: 'OVERLOAD' });
  });

  it('is 512 MiB of linear memory: idle tenants go first, then activations are refused and tried again (V-19, V-08)', async () => {
    const mib = 1_048_576;
    const rig = new TenantRig({ maxBytes: 512 * mib, minResidencyMs: 0 });
    rig.answer = () => document('r1', { memoryBytes: 200 * mib });
    const a = await rig.ready('a');
    await rig.ready('b');
    const c = rig.acquire('c');
    await rig.clock.advance(0);
    expect([c.state, rig.registry.status('c')?.code]).toEqual(['LOADING', 'OVERLOAD']);
    a.release();
    await rig.clock.advance(5_000);
    expect([rig.state('a'), c.state, rig.described['memoryBytes']]).toEqual(['ABSENT', 'READY', 400 * mib]);
  });

  it('is not looked for among tenants that have just come: none is loaded and evicted in a loop (V-20)', async () => {
    const rig = new TenantRig({ maxInstances: 2, hardMaxInstances: 100 });
    for (let round = 0; round < 5; round++) {
      for (const key of ['a', 'b', 'c', 'd']) rig.acquire(key).release();
      await rig.clock.advance(1_000);
    }
    expect([rig.made.length, rig.described['evicted']]).toEqual([4, 0]);
    await rig.clock.advance(6_000);
    rig.acquire('e').release();
    expect(rig.described['evicted']).toBe(1);
  });

  it('is not made by a short grace either: a tenant stays its least time (V-20)', async () => {
    const rig = new TenantRig({ graceMs: 0, reapIntervalMs: 1_000 });
    rig.acquire('shop').release();
    await rig.clock.advance(9_500);
    expect(rig.state('shop')).toBe('READY');
    await rig.clock.advance(1_000);
    expect(rig.state('shop')).toBe('ABSENT');
  });

  it('is made of tenants that are older than they may be, without grace (V-20)', async () => {
    const rig = new TenantRig({ maxResidencyMs: 20_000, graceMs: 1e9 });
    const held = await rig.ready('held');
    (await rig.ready('idle')).release();
    await rig.clock.advance(31_000);
    expect([rig.state('idle'), held.state]).toEqual(['ABSENT', 'READY']);
  });

  it('that was given up is taken again from what the source has on disk: the first load says that this will do (V-19)', async () => {
    const rig = new TenantRig({ minResidencyMs: 0 });
    let downloads = 0;
    const disk = new Map<string, ReturnType<typeof document>>();
    rig.answer = (tenant, { warm }) => {
      const cached = disk.get(tenant);
      if (warm && cached !== undefined) return cached;
      downloads++;
      disk.set(tenant, document('r1'));
      return document('r1');
    };
    (await rig.ready('shop')).release();
    await rig.clock.advance(45_000);
    expect(rig.state('shop')).toBe('ABSENT');
    await rig.ready('shop');
    expect([rig.made.length, downloads]).toEqual([2, 1]);
  });
});

describe('closing the registry', () => {
  it('lets nobody in, ends what is in flight, has decisions sent, then drops memory (V-25)', async () => {
    const sink = new ScriptedSink();
    const rig = new TenantRig();
    const decisions = logOf(rig.clock, sink);
    const full = new TenantRig({}, { decisions, clock: rig.clock });
    const handle = full.acquire('shop');
    await rig.clock.advance(0);
    const order: string[] = [];
    const pass = full.pass(handle);
    sink.answer = () => {
      order.push('decisions');
      return { kind: 'sent' };
    };
    const revision = full.made[0];
    if (revision !== undefined)
      revision.closing = async () => {
        order.push('memory');
      };
    const closing = full.registry.close();
    expect(full.registry.acquire('shop')).toMatchObject({ code: 'CLOSED' });
    expect(handle.enter()).toMatchObject({ code: 'CLOSED' });
    await rig.clock.advance(1_000);
    order.push('exchange');
    pass.end(facts('r-1'));
    await rig.clock.advance(0);
    expect(await closing).toEqual({ closed: 1, unfinished: 0 });
    expect([order, sink.requestIds]).toEqual([['exchange', 'decisions', 'memory'], ['r-1']]);
    expect(full.registry.close()).toBe(full.registry.close());
  });

  it('ends tenants side by side, so that hanging ones do not use up the time of the others (V-25)', async () => {
    const rig = new TenantRig();
    for (let i = 0; i < 20; i++) await rig.ready(`t${i}`);
    for (const [i, revision] of rig.made.entries()) {
      revision.closing = () => (i < 10 ? new Promise(() => undefined) : rig.after(2_000));
    }
    const closing = rig.registry.close(30_000);
    await rig.clock.advance(2_000);
    expect(rig.described['ending']).toBe(10);
    await rig.clock.advance(28_000);
    expect(await closing).toMatchObject({ closed: expect.any(Number) });
    expect(rig.made.every(({ closes }) => closes === 1)).toBe(true);
    await rig.clock.advance(60_000);
    expect(rig.clock.pendingTimers).toBe(0);
  });
});
