/** A store of the flag kernel: one instance with its memory, holding at most one image. */

import { EdictError } from '../errors.ts';
import { instantiate } from './assemblyscript.ts';
import { GuestMemory } from './memory.ts';
import type { ModuleRules } from './verify-module.ts';
import { denyWasi, WASI_IMPORTS, WASI_MODULE } from './wasi.ts';

/** Every export the host calls; checked before the module is compiled, and the type of the calls. */
const KERNEL_EXPORTS = [
  'memory',
  'abiVersion',
  'reserve',
  'loadImage',
  'slots',
  'context',
  'contextEnd',
  'results',
  'evaluate',
  'evaluateAll',
] as const;

/** 64 MiB: images of up to 48 MiB, plus context, arena and results. */
export const KERNEL_RULES: ModuleRules = {
  imports: WASI_IMPORTS,
  exports: new Map(KERNEL_EXPORTS.map((name) => [name, name === 'memory' ? 'memory' : 'function'])),
  maxPages: 1_024,
};

type KernelCall = Exclude<(typeof KERNEL_EXPORTS)[number], 'memory'>;
type KernelExports = Record<KernelCall, (...args: number[]) => number> & { readonly memory: WebAssembly.Memory };

/** Reasons of `loadImage`, by number (assembly/flags/verify.ts). */
const REFUSALS = ['', 'no memory', 'header', 'flag record', 'constant slot', 'instruction'];

/**
 * The raw calls may trap. Any throw out of the guest poisons the store: it refuses every further call, and its owner
 * destroys it without another guest call, not even a free (a trapped instance may answer nonsense for good,
 * go-feature-flag#5651; a stack overflow is a `RangeError`, not a `RuntimeError`).
 */
export class FlagStore {
  readonly memory: GuestMemory;
  readonly #kernel: KernelExports;
  #poisoned = false;

  /** Throws `MODULE_REJECTED` when the module does not instantiate or speaks another ABI. */
  constructor(module: object, abi: number) {
    let spoken: number;
    try {
      this.#kernel = instantiate(module as WebAssembly.Module, {
        [WASI_MODULE]: denyWasi(),
      }) as unknown as KernelExports;
      spoken = this.#kernel.abiVersion();
    } catch (caught) {
      throw new EdictError('MODULE_REJECTED', `the module does not start: ${(caught as Error).message}`, {
        cause: caught,
      });
    }
    if (spoken !== abi) {
      throw new EdictError('MODULE_REJECTED', `the module speaks ABI ${spoken}, this version of Edict ABI ${abi}`);
    }
    this.memory = new GuestMemory(this.#kernel.memory);
  }

  /** True after a trap: never call it again. */
  get isPoisoned(): boolean {
    return this.#poisoned;
  }

  /** Copies an image in and has the guest verify it. Throws `IMAGE_REJECTED`, `CONFIGURATION_TOO_LARGE` or `TRAP`. */
  load(image: Uint8Array): void {
    const base = this.#call('reserve', image.length, 0);
    if (base === 0)
      throw new EdictError('CONFIGURATION_TOO_LARGE', `the image of ${image.length} bytes passes the guest's memory`);
    this.memory.write(base, image);
    const verdict = this.#call('loadImage', image.length, 0);
    if (verdict === 1)
      throw new EdictError('CONFIGURATION_TOO_LARGE', `the image of ${image.length} bytes passes the guest's memory`);
    if (verdict !== 0) {
      throw new EdictError('IMAGE_REJECTED', `the guest refused the image: bad ${REFUSALS[verdict] ?? verdict}`);
    }
  }

  /** Addresses of the loaded image's regions. */
  layout(): { slots: number; context: number; contextEnd: number; results: number } {
    return {
      slots: this.#call('slots', 0, 0) >>> 0,
      context: this.#call('context', 0, 0) >>> 0,
      contextEnd: this.#call('contextEnd', 0, 0) >>> 0,
      results: this.#call('results', 0, 0) >>> 0,
    };
  }

  /** The outcome of one flag; below zero a RESULT_* of the ABI. `now` in milliseconds since 1970. Throws `TRAP`. */
  evaluate(flag: number, now: number): number {
    if (this.#poisoned) throw poisoned();
    try {
      return this.#kernel.evaluate(flag, now);
    } catch (caught) {
      throw this.#trap(caught);
    }
  }

  /** Outcomes of all flags, left at `layout().results`; their count. Throws `TRAP`. */
  evaluateAll(now: number, targetingKeySlot: number): number {
    return this.#call('evaluateAll', now, targetingKeySlot);
  }

  #call(name: KernelCall, a: number, b: number): number {
    if (this.#poisoned) throw poisoned();
    try {
      return this.#kernel[name](a, b);
    } catch (caught) {
      throw this.#trap(caught);
    }
  }

  #trap(caught: unknown): EdictError {
    this.#poisoned = true;
    return new EdictError('TRAP', `the guest threw (${(caught as Error)?.message ?? caught})`, { cause: caught });
  }
}

function poisoned(): EdictError {
  return new EdictError('TRAP', 'the store trapped before and awaits its replacement');
}
