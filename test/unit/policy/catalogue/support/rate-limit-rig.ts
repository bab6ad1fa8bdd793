/** A host with counters and a time that moves when told, for advanced-ratelimit. */

import type { HostFunctions } from '../../../../../src/policy/guest/host-functions.ts';
import { MemoryKv } from '../../../../../src/policy-host/kv/memory-kv.ts';
import type { PolicyHost } from '../../../../../src/policy-host/policy-host.ts';
import { hostOf } from '../../../policy-host/support/host-rig.ts';

export const GRANTS = { clock: true, kv: { namespaces: ['limits'] }, crypto: ['hash'] };

export class RateLimitRig {
  nowMs = 1_700_000_000_000;
  readonly kv = new MemoryKv({ monotonic: () => this.nowMs });
  readonly host: PolicyHost = hostOf(GRANTS, {
    kv: this.kv,
    time: { now: () => this.nowMs, monotonic: () => this.nowMs },
  });

  /** The same host, with something that happens once after a counter was read: what another thread could do. */
  interrupted(between: () => void): HostFunctions {
    const { host } = this;
    let isDone = false;
    return new Proxy(host, {
      get(target, name) {
        const member = Reflect.get(target, name, target) as unknown;
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const result = Reflect.apply(member, target, args) as unknown;
          if (name === 'kvGet' && !isDone) {
            isDone = true;
            between();
          }
          return result;
        };
      },
    }) as HostFunctions;
  }
}
