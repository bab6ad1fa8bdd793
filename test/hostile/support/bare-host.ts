/** The least that can run a policy: verify, meter, compile, link, call. No binding, no pool, no checks of answers. */

import { CORE_ABI_VERSION, policyRules } from '../../../src/wasm/core-abi.ts';
import { FUEL_EXPORT, isOutOfFuel, meterModule } from '../../../src/wasm/metering/rewrite.ts';
import { verifyModule } from '../../../src/wasm/verify-module.ts';
import type { HostileFixture } from './fixtures.ts';

/** As policies.md sets it for a hook. */
export const HOOK_FUEL = 2_000_000;
const INIT_FUEL = 500_000_000;

export interface Ended {
  /** What the guest returned. */
  readonly value?: number;
  readonly thrown?: unknown;
  readonly outOfFuel: boolean;
  readonly used: number;
}

const HOST_TYPES = new Map([['edict.log', { params: ['i32', 'i32', 'i32'], results: [] } as const]]);

/** Verifies, meters and compiles. Throws `MODULE_REJECTED`, or what the engine says of code that does not validate. */
export function compileFixture({ bytes, grants }: HostileFixture): WebAssembly.Module {
  const granted = new Map([...HOST_TYPES].filter(([path]) => grants.includes(path)));
  return new WebAssembly.Module(meterModule(verifyModule(bytes, policyRules(granted), false)).bytes);
}

export class BareHost {
  readonly memory: WebAssembly.Memory;
  readonly #guest: Record<string, (...args: number[]) => number>;
  readonly #fuel: WebAssembly.Global;
  /** Calls of host functions, by name. */
  readonly hostCalls = new Map<string, number>();

  constructor(module: WebAssembly.Module) {
    const counted = (name: string, answer: number) => () => {
      this.hostCalls.set(name, (this.hostCalls.get(name) ?? 0) + 1);
      return answer;
    };
    const exports = new WebAssembly.Instance(module, {
      edict: { log: counted('log', 0) },
      wasi_snapshot_preview1: {
        fd_write: counted('fd_write', 8),
        proc_exit: () => {
          throw new Error('proc_exit');
        },
      },
      env: {
        abort: () => {
          throw new Error('abort');
        },
      },
    }).exports;
    this.#guest = exports as Record<string, (...args: number[]) => number>;
    this.#fuel = exports[FUEL_EXPORT] as WebAssembly.Global;
    this.memory = exports['memory'] as WebAssembly.Memory;
  }

  /** One export with its own fuel; nothing it throws gets out. */
  call(name: string, fuel: number, ...args: number[]): Ended {
    this.#fuel.value = fuel;
    try {
      const value = this.#guest[name]!(...args);
      return { value, outOfFuel: false, used: fuel - this.#fuel.value };
    } catch (thrown) {
      return { thrown, outOfFuel: isOutOfFuel(this.#fuel.value), used: fuel - this.#fuel.value };
    }
  }

  /** Version, init and input arena, as a host does it; whether all went well. */
  prepare(): boolean {
    if (this.call('edict_abi_version', HOOK_FUEL).value !== CORE_ABI_VERSION) return false;
    const input = this.call('edict_input', INIT_FUEL, 64).value;
    return input !== undefined && input !== 0 && (this.call('edict_init', INIT_FUEL, 12).value ?? 0) > 0;
  }

  /** One message of 12 bytes. The end of the first export that did not return, or of the call for output. */
  hook(phase: number, fuel = HOOK_FUEL): Ended {
    const input = this.call('edict_input', fuel, 12);
    if (input.value === undefined) return input;
    const answer = this.call('edict_call', fuel, 1, phase, 12);
    if (answer.value === undefined || answer.value <= 0) return answer;
    const output = this.call('edict_output_ptr', fuel);
    return output.value === undefined ? output : answer;
  }
}
