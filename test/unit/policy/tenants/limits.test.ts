/** What one tenant does is no other's harm: limits, breaker, refusals with a cause, labels, shared things (V-11 to V-13, V-21, V-22, V-26 to V-29). */

import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Chain } from '../../../../src/policy/chain/chain.ts';
import { Exchange } from '../../../../src/policy/chain/exchange.ts';
import { HookRecords } from '../../../../src/policy/decisions/hook-records.ts';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { ByteBudget } from '../../../../src/policy/tenants/byte-budget.ts';
import { SharedByDigest } from '../../../../src/policy/tenants/shared-by-digest.ts';
import { TenantBreaker } from '../../../../src/policy/tenants/tenant-breaker.ts';
import { TenantPass } from '../../../../src/policy/tenants/tenant-handle.ts';
import { BUNDLE_LIMITS, type RegistryOptions } from '../../../../src/policy/tenants/tenant-options.ts';
import { readBody } from '../../../../src/relay/body-reader.ts';
import { FakeClock } from '../../relay/support/fake-clock.ts';
import { logOf, ScriptedSink } from '../decisions/support/scripted-sink.ts';
import { bodyOf, type Hooks, instanceOf, position, request } from '../support/exchange-rig.ts';
import { document, TenantRig } from './support/tenant-rig.ts';

const end = (requestId = 'r-1', status = 200) => ({
  route: 'pets-get',
  requestId,
  result: { status, shortCircuit: status !== 200 },
});

interface Logged {
  readonly requestId: string;
  readonly labels: unknown;
  readonly policies: readonly { readonly code?: string }[];
  readonly result: { readonly reason?: string; readonly status: number };
}

/** A registry with a decision log whose events a test can read. */
function logging(options: Partial<RegistryOptions> = {}) {
  const clock = new FakeClock();
  const sink = new ScriptedSink();
  const events: Logged[] = [];
  sink.answer = (batch) => {
    events.push(...(JSON.parse(`[${batch.events}]`) as Logged[]));
    return { kind: 'sent' };
  };
  const log = logOf(clock, sink);
  const rig = new TenantRig(options, { clock, decisions: log });
  return { rig, clock, log, events };
}

/** The exchange of a pass over the chain of its revision. */
function exchangeOf(pass: TenantPass<{ readonly chain: Chain } & TenantRig['made'][number]>, tenant: string): Exchange {
  const api = { projectId: 'p', id: 'i', name: 'n', version: 'v', kind: 'RestApi', context: '/', operationPath: '/' };
  return new Exchange(
    pass.revision.chain,
    { requestId: 'r-1', routeName: 'pets-get', tenant, api, deadline: 1e15 },
    request(),
    { now: () => 0, monotonic: () => 0, errorId: () => 'e', record: pass.record },
  );
}

const chainOf = (hooks: Hooks) => ({ chain: new Chain({ operation: [position('p', hooks)] }) });

describe('limits of one tenant', () => {
  it('reach the engine, its own where it has some, those of the registry otherwise (V-21)', async () => {
    const rig = new TenantRig();
    rig.answer = (tenant) => document('r1', tenant === 'small' ? { limits: { fuel: 10, workerCalls: 1 } } : {});
    await rig.ready('small');
    await rig.ready('usual');
    expect(
      rig.contexts.map(({ limits }) => [limits.fuel, limits.wallMs, limits.workerCalls, limits.queuedCalls]),
    ).toEqual([
      [10, 50, 1, 64],
      [2_000_000, 50, 8, 64],
    ]);
  });

  it('of bodies are shared by the process: 100 MiB, taken or refused, never waited for (V-28)', () => {
    const { bodies } = new TenantRig().registry;
    const taken = Array.from({ length: 100 }, () => bodies.take(1_048_576));
    expect(taken.every((give) => give !== undefined)).toBe(true);
    expect([bodies.take(1), bodies.refused]).toEqual([undefined, 1]);
    taken[0]?.();
    taken[0]?.();
    expect(bodies.used).toBe(99 * 1_048_576);
    expect(bodies.take(Number.NaN)).toBeUndefined();
    expect(new ByteBudget(10).take(10)).toBeTypeOf('function');
  });

  it('refuse a bundle of 65 KiB that becomes 64 MiB, and one that is too large on the wire (V-12)', async () => {
    const read = (bytes: Uint8Array, codings: string[]) =>
      readBody(Readable.from([bytes]), codings, BUNDLE_LIMITS, () => undefined);
    const bomb = gzipSync(Buffer.alloc(67_108_864));
    expect(bomb.length).toBeLessThan(70_000);
    await expect(read(bomb, ['gzip'])).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' });
    await expect(read(Buffer.alloc(16_777_217), [])).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' });
    expect((await read(gzipSync(Buffer.from('{}')), ['gzip'])).bytes.length).toBe(2);
  });
});

describe('the breaker of a tenant', () => {
  it('opens after 5 failures in 10 s; the policy that traps is then not called, and no other tenant notices (V-22)', async () => {
    const { rig, clock } = logging();
    let instantiated = 0;
    rig.answer = (tenant) =>
      document('r1', {
        content: chainOf({
          requestHeaders: () => {
            if (tenant !== 'bad') return undefined;
            // The failure: a trap makes a store useless, so each request made another one.
            instantiated++;
            return policyFailure('TRAP', 'unreachable');
          },
        }),
      });
    const bad = rig.acquire('bad');
    const good = rig.acquire('good');
    await clock.advance(0);
    const refused: string[] = [];
    const run = async (handle: typeof bad, tenant: string): Promise<void> => {
      const pass = handle.enter();
      if (!(pass instanceof TenantPass)) {
        refused.push(`${tenant}: ${pass.code}`);
        return;
      }
      await exchangeOf(pass, tenant).requestHeaders('none');
      pass.end(end());
    };
    for (let i = 0; i < 1_000; i++) {
      await run(bad, 'bad');
      await run(good, 'good');
    }
    expect(instantiated).toBe(5);
    expect(new Set(refused)).toEqual(new Set(['bad: BREAKER_OPEN']));
    expect([bad.state, good.state, rig.registry.status('bad')?.breaker]).toEqual([
      'DEGRADED',
      'READY',
      { isOpen: true, opened: 1 },
    ]);
    // One trial after 1 s, 2 s, 4 s …
    for (const pause of [1_000, 2_000, 4_000]) {
      await clock.advance(pause - 1);
      const before = instantiated;
      await run(bad, 'bad');
      expect(instantiated).toBe(before);
      await clock.advance(1);
      await run(bad, 'bad');
      await run(bad, 'bad');
      expect(instantiated).toBe(before + 1);
    }
  });

  it('lets one trial through at a time, doubles its pause to 60 s, and closes with a success (V-22)', async () => {
    const clock = new FakeClock();
    const breaker = new TenantBreaker(clock);
    const straggler = breaker.enter();
    const fail = (): void => breaker.enter()?.judge('failed');
    for (let i = 0; i < 4; i++) fail();
    // Failures that are older than the window count for nothing.
    await clock.advance(10_001);
    for (let i = 0; i < 4; i++) fail();
    expect(breaker.isOpen).toBe(false);
    fail();
    expect([breaker.isOpen, breaker.enter()]).toEqual([true, undefined]);
    straggler?.judge('failed');
    const pauses: number[] = [];
    for (let i = 0; i < 9; i++) {
      let pause = 0;
      let trial = breaker.enter();
      for (; trial === undefined; trial = breaker.enter()) {
        await clock.advance(500);
        pause += 500;
      }
      pauses.push(pause);
      expect([trial.isTrial, breaker.enter()]).toEqual([true, undefined]);
      trial.judge(i === 0 ? 'abandoned' : 'failed');
      trial.judge('succeeded');
    }
    expect(pauses).toEqual([1_000, 0, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    await clock.advance(60_000);
    breaker.enter()?.judge('succeeded');
    expect([breaker.isOpen, breaker.enter()?.isTrial]).toEqual([false, false]);
    for (let i = 0; i < 5; i++) fail();
    await clock.advance(1_000);
    expect(breaker.enter()?.isTrial).toBe(true);
  });

  it('is not opened again by calls that began before it opened (V-22)', () => {
    const breaker = new TenantBreaker(new FakeClock());
    const passes = Array.from({ length: 20 }, () => breaker.enter());
    for (const pass of passes) pass?.judge('failed');
    expect([breaker.isOpen, breaker.opened]).toEqual([true, 1]);
  });

  it('counts what a policy did wrong, not what was refused or given up', () => {
    const faultOf = (code: 'TRAP' | 'CANCELLED' | 'CONDITION_ERROR' | 'ACTION_INVALID' | 'OVERLOAD'): boolean => {
      const records = new HookRecords();
      const record = { position: 'p', name: 'p', version: 'v', phase: Phase.requestHeaders, durationUs: 1 };
      records.add({ ...record, outcome: 'failed', code });
      return records.hasFault;
    };
    expect((['TRAP', 'ACTION_INVALID', 'CANCELLED', 'CONDITION_ERROR', 'OVERLOAD'] as const).map(faultOf)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('hears once of a stream with a million chunks, in bounded memory', () => {
    const records = new HookRecords();
    const record = { position: 'p', name: 'p', version: 'v', phase: Phase.requestBodyChunk, durationUs: 1 };
    for (let i = 0; i < 10_000; i++) records.add({ ...record, outcome: i === 5_000 ? 'changed' : 'none' });
    expect(records.all).toEqual([{ ...record, outcome: 'changed', durationUs: 10_000 }]);
  });
});

describe('an exchange that its tenant cannot decide', () => {
  it('is denied, with the reason in its decision event: no silent 503 (V-26)', async () => {
    const { rig, clock, log, events } = logging();
    rig.answer = () => new Promise(() => undefined);
    const handle = rig.acquire('shop');
    const failure = handle.enter();
    if (failure instanceof TenantPass) throw new Error('there is nothing to pass');
    const refusal = handle.refuse(failure, { route: 'pets-get', requestId: 'r-1' });
    expect(refusal).toEqual({ answer: { kind: 'respond', status: 503 }, code: 'NOT_READY', rule: 'deny' });
    await log.flush();
    expect(events[0]).toMatchObject({ requestId: 'r-1', result: { status: 503, reason: 'NOT_READY' } });
    await clock.advance(0);
    expect(rig.registry.status('shop')?.counters).toMatchObject({ requests: 1, refused: 1 });
  });

  it('gets the answer that was set, or what was decided last for the same caller (V-26)', async () => {
    const fixed = logging({ onRefusal: { kind: 'default', answer: { kind: 'respond', status: 429 } } }).rig;
    const one = await fixed.acquire('shop');
    expect(one.refuse(policyFailure('OVERLOAD', 'x'), { route: 'r', requestId: '1' })).toEqual({
      answer: { kind: 'respond', status: 429 },
      code: 'OVERLOAD',
      rule: 'default',
    });
    const { rig, clock, log, events } = logging({ onRefusal: { kind: 'last-decision' } });
    const handle = rig.acquire('shop');
    await clock.advance(0);
    rig.pass(handle).end({ ...end('r-1'), decisionKey: 'pets alice' });
    rig.pass(handle).end({ ...end('r-2', 403), decisionKey: 'pets bob' });
    const refuse = (decisionKey?: string) =>
      handle.refuse(policyFailure('BREAKER_OPEN', 'x'), {
        route: 'pets',
        requestId: 'r-3',
        ...(decisionKey === undefined ? {} : { decisionKey }),
      }).answer;
    expect(refuse('pets alice')).toEqual({ kind: 'allow' });
    expect(refuse('pets bob')).toEqual({ kind: 'respond', status: 403 });
    // Nobody is let in by what was decided for another caller.
    expect([refuse('pets carol'), refuse()]).toEqual([
      { kind: 'respond', status: 503 },
      { kind: 'respond', status: 503 },
    ]);
    await log.flush();
    expect(events.slice(2).every(({ result }) => result.reason === 'BREAKER_OPEN')).toBe(true);
  });

  it('because its body was cut is denied, and the event says so (V-27)', async () => {
    const { rig, clock, log, events } = logging();
    let calls = 0;
    rig.answer = () => document('r1', { content: chainOf({ requestBody: () => void calls++ }) });
    const handle = rig.acquire('shop');
    await clock.advance(0);
    const pass = rig.pass(handle);
    const exchange = exchangeOf(pass, 'shop');
    await exchange.requestHeaders('buffer');
    const step = await exchange.requestBody(bodyOf('half of it', { truncated: true }));
    expect([step.kind, calls]).toEqual(['respond', 0]);
    pass.end(end('r-1', 500));
    await log.flush();
    expect(events[0]?.policies).toMatchObject([{ code: 'TRUNCATED' }]);
    expect(events[0]?.result.status).toBe(500);
  });
});

describe('labels', () => {
  it('are on decisions and status; metrics carry the tenant alone, 50 at most and the rest as other (V-11)', async () => {
    const { rig, clock, log, events } = logging();
    rig.answer = (tenant) => document('r1', { labels: { team: `team of ${tenant}` } });
    // The failure: each restart brought random ids, and every one of them was a series for ever.
    for (let round = 0; round < 3; round++) {
      const handles = Array.from({ length: 100 }, (_, i) => rig.acquire(`r${round}-${i}`));
      await clock.advance(10_000);
      for (const [i, handle] of handles.entries()) for (let n = 0; n <= i; n++) rig.pass(handle).abandon();
      await clock.advance(10_000);
      for (const handle of handles) rig.pass(handle).end(end());
      const { requests } = rig.described as { requests: Record<string, number> };
      expect(Object.keys(requests).length).toBe(51);
      expect(requests[`r${round}-99`]).toBe(1);
      expect(requests).not.toHaveProperty(`r${round}-1`);
      expect(rig.registry.status(`r${round}-7`)?.labels).toEqual({ team: `team of r${round}-7` });
      for (const handle of handles) handle.release();
      await log.flush();
      await clock.advance(60_000);
      expect(rig.described['tenants']).toBe(0);
    }
    expect(events).toHaveLength(300);
    expect(events[7]?.labels).toEqual({ team: 'team of r0-7' });
  });
});

describe('what never changes', () => {
  it('is made once per digest and options, shared read-only, and let go when nobody uses it (V-13)', async () => {
    const shared = new SharedByDigest<{ readonly rows: number }>({ maxUnused: 2, maxUnusedBytes: 1_000 });
    let made = 0;
    const make = async () => {
      made++;
      return { value: Object.freeze({ rows: 10 }), bytes: 400 };
    };
    const shares = await Promise.all(
      Array.from({ length: 50 }, (_, i) => shared.acquire('sha256:aa', i % 2 === 0 ? 'fuel' : 'plain', make)),
    );
    expect(made).toBe(2);
    expect(new Set(shares.map(({ value }) => value)).size).toBe(2);
    for (const share of shares) {
      share.release();
      share.release();
    }
    expect(shared.describe()).toMatchObject({ used: 0, unused: 2, bytes: 800 });
    // What is used is never evicted, whatever else comes and goes.
    const kept = await shared.acquire('sha256:aa', 'fuel', make);
    for (let i = 0; i < 10; i++) (await shared.acquire(`sha256:${i}`, '', make)).release();
    expect((await shared.acquire('sha256:aa', 'fuel', make)).value).toBe(kept.value);
    expect(shared.describe()).toMatchObject({ used: 1, unused: 2, bytes: 1_200 });
  });

  it('and fails to be made is tried again: a failure is kept for nobody', async () => {
    const shared = new SharedByDigest<object>();
    const failing = async (): Promise<never> => {
      throw new Error('down');
    };
    const both = await Promise.allSettled([shared.acquire('d', '', failing), shared.acquire('d', '', failing)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const share = await shared.acquire('d', '', async () => ({ value: {}, bytes: 1 }));
    expect(share.value).toEqual({});
  });

  it('about a revision is found out once, not with each request (V-29)', async () => {
    const { rig, clock } = logging();
    let reads = 0;
    const instance = instanceOf({ requestHeaders: () => undefined, responseHeaders: () => undefined });
    const watched = new Proxy(instance, {
      get: (target, name) => {
        if (name === 'modes') reads++;
        return Reflect.get(target, name);
      },
    });
    const chain = new Chain({ operation: [position('p', {}, { instance: watched })] });
    rig.answer = () => document('r1', { content: { chain } });
    const handle = rig.acquire('shop');
    await clock.advance(0);
    const before = reads;
    for (let i = 0; i < 1_000; i++) {
      const pass = rig.pass(handle);
      await exchangeOf(pass, 'shop').requestHeaders('none');
      pass.end(end());
    }
    expect([before > 0, reads - before]).toEqual([true, 0]);
  });
});
