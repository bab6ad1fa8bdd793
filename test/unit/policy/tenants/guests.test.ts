/** Tenants with real guests: modules are shared, stores never; a store that trapped is not used again (V-13, V-23, V-24). */

import { describe, expect, it } from 'vitest';
import { Chain } from '../../../../src/policy/chain/chain.ts';
import { Exchange } from '../../../../src/policy/chain/exchange.ts';
import { positionOf } from '../../../../src/policy/chain/position.ts';
import type { CompiledGuest } from '../../../../src/policy/guest/core-guest.ts';
import type { CoreModulePolicy } from '../../../../src/policy/guest/core-module-policy.ts';
import { isPolicyFailure } from '../../../../src/policy/model/failure.ts';
import type { TenantEngine, TenantRevision } from '../../../../src/policy/tenants/revision.ts';
import { type Share, SharedByDigest } from '../../../../src/policy/tenants/shared-by-digest.ts';
import { TenantHandle, TenantPass } from '../../../../src/policy/tenants/tenant-handle.ts';
import { TenantRegistry } from '../../../../src/policy/tenants/tenant-registry.ts';
import { FakeClock } from '../../relay/support/fake-clock.ts';
import { INFO, policyOf } from '../guest/support/guest-rig.ts';
import { type TextGuest, textGuest } from '../guest/support/text-guest.ts';
import { request } from '../support/exchange-rig.ts';

interface GuestRevision extends TenantRevision {
  readonly chain: Chain;
}

/** A thousand tenants with one module: compiled once, one policy, a set of stores for each. */
class GuestEngine implements TenantEngine<GuestRevision> {
  readonly modules = new SharedByDigest<CoreModulePolicy>();
  readonly #guest: () => CompiledGuest;

  constructor(parts: TextGuest) {
    // The request headers alone.
    this.#guest = () => textGuest({ modes: '(i32.const 0x56)', ...parts });
  }

  policy: CoreModulePolicy | undefined;

  async prepare(_document: unknown, { tenant }: { readonly tenant: string }) {
    const share: Share<CoreModulePolicy> = await this.modules.acquire('sha256:guest', 'trusted', async () => ({
      value: policyOf(this.#guest()),
      bytes: 1_000,
    }));
    this.policy = share.value;
    const instance = await share.value.create({ info: { ...INFO, tenant }, params: {} });
    if (isPolicyFailure(instance)) {
      share.release();
      return instance;
    }
    return {
      chain: new Chain({ operation: [positionOf({ key: 'p', policy: { name: 'p', version: 'v1' }, instance })] }),
      instances: 1,
      memoryBytes: share.value.describe()[tenant]?.memoryBytes ?? 0,
      digests: ['sha256:guest'],
      canary: async () => undefined,
      close: async () => {
        await instance.destroy();
        share.release();
      },
    };
  }
}

async function rigOf(parts: TextGuest, tenants: readonly string[]) {
  const clock = new FakeClock();
  const engine = new GuestEngine(parts);
  const registry = new TenantRegistry<GuestRevision>({
    clock,
    random: () => 0.5,
    engine,
    source: {
      load: async () => ({ kind: 'document', document: { revision: 'r1', memoryBytes: 65_536, content: undefined } }),
    },
  });
  const handles = new Map<string, TenantHandle<GuestRevision>>();
  for (const tenant of tenants) {
    const handle = registry.acquire(tenant);
    if (!(handle instanceof TenantHandle)) throw new Error(handle.message);
    handles.set(tenant, handle);
    while (handle.state !== 'READY') await clock.advance(1);
  }
  /** `forward`, or the code of what refused or failed. */
  const run = (tenant: string): string => {
    const pass = handles.get(tenant)?.enter();
    if (!(pass instanceof TenantPass)) return pass?.code ?? 'none';
    const codes: string[] = [];
    const exchange = new Exchange(
      pass.revision.chain,
      { requestId: 'r', routeName: 'r', tenant, api: INFO.api, deadline: 1e15 },
      request(),
      {
        now: () => 0,
        monotonic: () => 0,
        errorId: () => 'e',
        record: (record) => {
          if (record.code !== undefined) codes.push(record.code);
          pass.record(record);
        },
      },
    );
    const step = exchange.requestHeaders('none');
    if (step instanceof Promise) throw new Error('a promise where an answer was due');
    pass.end({ route: 'r', requestId: 'r', result: { status: 200, shortCircuit: step.kind === 'respond' } });
    return codes[0] ?? step.kind;
  };
  return { clock, engine, registry, handles, run };
}

const countTo = (limit: number): string => `
  (global.set $count (i32.add (global.get $count) (i32.const 1)))
  (if (i32.gt_u (global.get $count) (i32.const ${limit})) (then (unreachable)))
  (i32.const 0)`;

describe('a store that trapped', () => {
  it('is replaced and never called again: the next, harmless call is right (V-23)', async () => {
    const { engine, run } = await rigOf({ call: countTo(3) }, ['shop']);
    // In a store that was kept the count would stay over its limit for good.
    const answers = Array.from({ length: 12 }, () => run('shop'));
    expect(answers).toEqual(Array.from({ length: 3 }, () => ['forward', 'forward', 'forward', 'TRAP']).flat());
    expect(engine.policy?.describe()['shop']).toMatchObject({ slots: 1, stores: 3, poisoned: 3 });
  });
});

describe('tenants with the same module', () => {
  it('share what was compiled and no memory: what one did is not seen by another (V-24, WH-12)', async () => {
    const { engine, run, registry } = await rigOf({ call: countTo(2) }, ['a', 'b', 'c']);
    expect(engine.modules.describe()).toMatchObject({ used: 1, made: 1, hits: 2 });
    const order = ['a', 'b', 'c', 'a', 'b', 'c'];
    expect(order.map(run)).toEqual(order.map(() => 'forward'));
    // Within a tenant memory lasts from call to call; nobody may count on it, and nobody may count on its being wiped.
    expect([run('a'), run('b')]).toEqual(['TRAP', 'TRAP']);
    expect(run('a')).toBe('forward');
    expect(run('c')).toBe('TRAP');
    expect(Object.keys(engine.policy?.describe() ?? {}).sort()).toEqual(['a', 'b', 'c']);
    expect(registry.describe()).toMatchObject({ instances: 3, memoryBytes: 3 * 65_536 });
  });

  it('give their stores back when they go, and the module with the last of them', async () => {
    const { engine, clock, handles, registry } = await rigOf({}, ['a', 'b']);
    handles.get('a')?.release();
    await clock.advance(45_000);
    expect(Object.keys(engine.policy?.describe() ?? {})).toEqual(['b']);
    handles.get('b')?.release();
    await clock.advance(45_000);
    expect([engine.policy?.describe(), engine.modules.describe().used]).toEqual([{}, 0]);
    expect(registry.describe()).toMatchObject({ tenants: 0, instances: 0, memoryBytes: 0 });
  });

  it('and one whose policy traps for ever is at rest after 5 failures, while the other answers (V-22, V-24)', async () => {
    const { engine, run } = await rigOf({ call: '(unreachable)' }, ['a']);
    const answers = Array.from({ length: 100 }, () => run('a'));
    expect(answers.filter((answer) => answer === 'TRAP')).toHaveLength(5);
    expect(answers.slice(5).every((answer) => answer === 'BREAKER_OPEN')).toBe(true);
    expect(engine.policy?.describe()['a']?.stores).toBeLessThanOrEqual(6);
  });
});
