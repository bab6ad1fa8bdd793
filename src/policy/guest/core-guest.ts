/**
 * One store of a core module that speaks `edict-core/1`: one instance with its memory. Raw calls may trap; every throw out of
 * the guest poisons the store, which then is never called again, not even to free anything.
 */

import { escapeControls } from '../../telemetry/logger.ts';
import { instantiate } from '../../wasm/assemblyscript.ts';
import { GuestMemory } from '../../wasm/memory.ts';
import { sourceOf } from '../frame/body-source.ts';
import { FrameWriter } from '../frame/frame-writer.ts';
import type { HookEncoder } from '../frame/input-encoder.ts';
import { type AnswerDecoder, OutputDecoder } from '../frame/output-decoder.ts';
import { FrameKind, GuestCode, HEAD_BYTES, HostCode, HostData } from '../frame/tags.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { HookInput } from '../model/inputs.ts';
import type { InstanceInit, Outcome } from '../model/instance.ts';
import { NONE } from '../model/instance.ts';
import { type InstancePlan, SCOPES } from '../model/instance-plan.ts';
import { END_REASONS, type EndReason, Phase } from '../model/phases.ts';
import { CallGuard } from './call-guard.ts';
import { classifyCode, classifyThrow } from './classify.ts';
import { FuelMeter } from './fuel-meter.ts';
import { BrokenArena, type GuestExports } from './guest-exports.ts';
import type { GuestStore, Pending } from './guest-store.ts';
import { HostBinding, type MutableHostCall, NOBODY } from './host-binding.ts';
import { type HostFunctions, type HostResult, isHostFault } from './host-functions.ts';
import type { Capability, GuestFacts } from './imports.ts';
import type { GuestLimits } from './limits.ts';

/** The major version of the interface, in the upper half of `edict_abi_version`. */
const ABI_MAJOR = 1;
const PAGE_BYTES = 65_536;
const MAX_MESSAGE_BYTES = 4_096;
/** Answers up to this size are copied to a buffer that all stores use: nothing is called between copy and action. */
const SCRATCH_BYTES = 8_192;
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** A verified module; everything about it that a store needs to know. */
export interface CompiledGuest {
  /** A `WebAssembly.Module`; typed as an object, because its type needs a browser's library. */
  readonly module: object;
  readonly facts: GuestFacts;
}

/** What stores are made of. */
export interface CoreGuestOptions {
  readonly guest: CompiledGuest;
  readonly host: HostFunctions;
  readonly granted: ReadonlySet<Capability>;
  readonly limits: GuestLimits;
  /** Default: actions. A worker hands frames on. */
  readonly decoder?: AnswerDecoder;
  /** Asked by pausing modules: true when the call at hand is to end. */
  readonly stops?: () => boolean;
}

const PENDING: Pending = Object.freeze({ kind: 'pending' });
const YES: Outcome = Object.freeze({ kind: 'decision', needsMore: true });
const NO: Outcome = Object.freeze({ kind: 'decision', needsMore: false });
const NO_ROOM = policyFailure('MEMORY_LIMIT', 'the guest has no room for its input');

export class CoreGuest implements GuestStore {
  /** Hooks answered so far. */
  hooks = 0;
  readonly #exports: GuestExports;
  readonly #memory: GuestMemory;
  readonly #meter: FuelMeter;
  readonly #guard: CallGuard;
  readonly #limits: GuestLimits;
  readonly #decoder: AnswerDecoder;
  readonly #binding: HostBinding;
  readonly #arena: (size: number) => number;
  #baseline = 0;

  /** A failure when the module does not instantiate, does not start, or speaks another version. */
  static open(options: CoreGuestOptions): CoreGuest | PolicyFailure {
    const { guest, host, granted, limits } = options;
    const call: MutableHostCall = { info: NOBODY, phase: undefined, input: undefined };
    const binding = new HostBinding(host, call, limits.hostCalls);
    let exports: GuestExports;
    try {
      exports = instantiate(guest.module, binding.imports(granted)) as unknown as GuestExports;
    } catch (caught) {
      const { message } = classifyThrow(caught, { fuel: undefined, isFull: false });
      return policyFailure('MODULE_INVALID', `the module does not instantiate: ${message}`);
    }
    if (!(exports.memory instanceof WebAssembly.Memory)) return policyFailure('MODULE_INVALID', 'it exports no memory');
    const store = new CoreGuest(exports, binding, call, options);
    const fault = store.#start();
    if (fault === undefined) return store;
    // What a module does before it said which interface it speaks is no call of a policy, so no failure of one either.
    if (fault.code === 'ABI_UNSUPPORTED') return fault;
    return policyFailure('MODULE_INVALID', `the module does not start: ${fault.code}: ${fault.message}`);
  }

  private constructor(
    exports: GuestExports,
    binding: HostBinding,
    call: MutableHostCall,
    { guest, limits, decoder = new OutputDecoder(limits.output), stops }: CoreGuestOptions,
  ) {
    this.#exports = exports;
    this.#memory = new GuestMemory(exports.memory);
    binding.attach(this.#memory);
    this.#binding = binding;
    const fuel = exports.__edict_fuel;
    this.#meter = new FuelMeter(fuel === undefined ? [] : [fuel], exports.__edict_pause, stops);
    const maxBytes = (guest.facts.memory?.maximum ?? 65_536) * PAGE_BYTES;
    this.#guard = new CallGuard({
      meter: this.#meter,
      call,
      begin: () => binding.begin(),
      isFull: () => this.byteLength >= maxBytes,
      explain: (caught) => (caught instanceof BrokenArena ? policyFailure('DECODE', caught.message) : undefined),
    });
    this.#limits = limits;
    this.#decoder = decoder;
    this.#arena = (size) => {
      const ptr = exports.edict_input(size) >>> 0;
      if (ptr === 0) return 0;
      if ((ptr & 7) !== 0 || ptr + size > this.#memory.byteLength) throw new BrokenArena(ptr, size);
      return ptr;
    };
  }

  /** True after a throw: never call it again. */
  get isPoisoned(): boolean {
    return this.#guard.isPoisoned;
  }

  /** True inside a call. */
  get isBusy(): boolean {
    return this.#guard.isBusy;
  }

  /** Fuel the last call took; 0 where none is counted. */
  get usedFuel(): number {
    return this.#meter.used;
  }

  /** True when calls of this store wait for the host. */
  get hasPending(): boolean {
    return this.#binding.pending.size > 0;
  }

  get byteLength(): number {
    return this.#memory.byteLength;
  }

  /** Bytes of memory after the first init. */
  get baseline(): number {
    return this.#baseline;
  }

  /** What the policy itself says about how many instances of it there are; `undefined` when it leaves that to the manifest. */
  plan(init: InstanceInit, encoder: HookEncoder): InstancePlan | undefined | PolicyFailure {
    const { edict_plan } = this.#exports;
    if (edict_plan === undefined) return undefined;
    return this.#guard.run<InstancePlan | undefined>(this.#limits.fuelInit, init, () => {
      const length = encoder.encodeInit(this.#memory, this.#arena, init);
      if (length === 0) return NO_ROOM;
      const scope = edict_plan(length);
      if (scope < 0) return this.#guestError(scope);
      if (scope === 0) return undefined;
      const word = SCOPES[scope - 1];
      if (word === undefined) return policyFailure('INIT_FAILED', `the policy asks for the scope ${scope}`);
      return { scope: word, shareKey: this.#message() };
    });
  }

  /** The state an instance hands over to its successor; `undefined` when it has none. */
  exportState(handle: number, init: InstanceInit): Uint8Array | undefined | PolicyFailure {
    const { edict_export_state } = this.#exports;
    if (edict_export_state === undefined) return undefined;
    return this.#guard.run<Uint8Array | undefined>(this.#limits.fuelInit, init, () => {
      const length = edict_export_state(handle);
      if (length < 0) return this.#guestError(length);
      if (length > this.#limits.output.frameBytes) {
        return policyFailure(
          'OUTPUT_TOO_LARGE',
          `the state has ${length} bytes, more than ${this.#limits.output.frameBytes}`,
        );
      }
      const ptr = this.#exports.edict_output_ptr() >>> 0;
      if (ptr + length > this.#memory.byteLength) return policyFailure('DECODE', 'the state lies outside the memory');
      return length === 0 ? undefined : this.#memory.read(ptr, length, length);
    });
  }

  /** Offers the state of a predecessor; false when the instance does not want it. */
  importState(handle: number, init: InstanceInit, state: Uint8Array): boolean | PolicyFailure {
    const { edict_import_state } = this.#exports;
    if (edict_import_state === undefined) return false;
    return this.#guard.run<boolean>(this.#limits.fuelInit, init, () => {
      const ptr = this.#arena(state.length);
      if (ptr === 0) return NO_ROOM;
      this.#memory.write(ptr, state);
      const taken = edict_import_state(handle, state.length);
      return taken < 0 ? this.#guestError(taken) : taken === 1;
    });
  }

  /** Makes an instance; its handle, above zero, and the bits of its modes. */
  init(init: InstanceInit, encoder: HookEncoder): { readonly handle: number; readonly modes: number } | PolicyFailure {
    const made = this.#guard.run(this.#limits.fuelInit, init, () => {
      const length = encoder.encodeInit(this.#memory, this.#arena, init);
      if (length === 0) return NO_ROOM;
      const handle = this.#exports.edict_init(length);
      if (handle < 0) return this.#guestError(handle);
      if (handle === 0) return policyFailure('INIT_FAILED', 'the guest gave no handle');
      return { handle, modes: this.#exports.edict_modes(handle) >>> 0 };
    });
    if (this.#baseline === 0) this.#baseline = this.byteLength;
    return made;
  }

  /** Calls a hook. `init` is that of the instance whose handle this is. */
  call(handle: number, init: InstanceInit, encoder: HookEncoder, phase: Phase, input: HookInput): Outcome | Pending {
    const refused = this.#guard.enter(this.#limits.fuelPerHook, init, phase, input);
    if (refused !== undefined) return refused;
    this.hooks++;
    try {
      const length = encoder.encode(this.#memory, this.#arena, phase, input);
      if (length === 0) return NO_ROOM;
      return this.#answer(this.#exports.edict_call(handle, phase, length), phase, input);
    } catch (caught) {
      return this.#guard.poison(caught);
    } finally {
      this.#guard.leave();
    }
  }

  /** Operations the host has begun for this store, by token. */
  get pending(): ReadonlyMap<number, Promise<HostResult<Uint8Array>>> {
    return this.#binding.pending;
  }

  /** Nobody will go on with what is pending: the answers may be dropped. */
  forgetPending(): void {
    this.#binding.pending.clear();
  }

  /** Goes on with a pending call after one of its operations ended. */
  resume(
    handle: number,
    init: InstanceInit,
    phase: Phase,
    input: HookInput,
    token: number,
    result: HostResult<Uint8Array>,
  ): Outcome | Pending {
    const { edict_resume } = this.#exports;
    if (edict_resume === undefined) return policyFailure('DECODE', 'the guest waits, but has no edict_resume');
    const refused = this.#guard.enter(this.#limits.fuelPerHook, init, phase, input);
    if (refused !== undefined) return refused;
    this.#binding.pending.delete(token);
    try {
      const length = this.#writeResult(result);
      if (length === 0) return NO_ROOM;
      return this.#answer(edict_resume(handle, token, length), phase, input);
    } catch (caught) {
      return this.#guard.poison(caught);
    } finally {
      this.#guard.leave();
    }
  }

  streamEnd(handle: number, init: InstanceInit, streamId: number, reason: EndReason): PolicyFailure | undefined {
    const { edict_stream_end } = this.#exports;
    if (edict_stream_end === undefined) return undefined;
    return this.#guard.run(this.#limits.fuelPerHook, init, () => {
      const code = edict_stream_end(handle, streamId, END_REASONS.indexOf(reason));
      return code < 0 ? this.#guestError(code) : undefined;
    });
  }

  destroy(handle: number, init: InstanceInit): PolicyFailure | undefined {
    return this.#guard.run(this.#limits.fuelInit, init, () => {
      const code = this.#exports.edict_destroy(handle);
      return code < 0 ? this.#guestError(code) : undefined;
    });
  }

  /** Lets the guest collect its garbage; between calls, never during one. */
  collect(init: InstanceInit): PolicyFailure | undefined {
    const { edict_gc } = this.#exports;
    if (edict_gc === undefined) return undefined;
    return this.#guard.run(this.#limits.fuelInit, init, () => void edict_gc());
  }

  #start(): PolicyFailure | undefined {
    return this.#guard.run(this.#limits.fuelInit, undefined, () => {
      this.#exports._initialize?.();
      const version = this.#exports.edict_abi_version() >>> 0;
      if (version >>> 16 === ABI_MAJOR) return undefined;
      return policyFailure('ABI_UNSUPPORTED', `the module speaks version ${version >>> 16}.${version & 0xffff}`);
    });
  }

  /** What a number from a hook means. */
  #answer(code: number, phase: Phase, input: HookInput): Outcome | Pending {
    if (phase === Phase.needsMoreRequestData || phase === Phase.needsMoreResponseData) {
      if (code === 1) return YES;
      if (code === 0) return NO;
      return code < 0 ? this.#guestError(code) : policyFailure('DECODE', `the guest answered ${code} to a question`);
    }
    if (code === 0) return NONE;
    if (code === GuestCode.pending) {
      return this.hasPending ? PENDING : policyFailure('DECODE', 'the guest waits for nothing');
    }
    if (code < 0) return this.#guestError(code);
    const action = this.#decodeOutput(code, phase, input);
    return action.kind === 'failure' ? action : { kind: 'action', action };
  }

  #decodeOutput(length: number, phase: Phase, input: HookInput): ReturnType<AnswerDecoder['decode']> {
    if (length > this.#decoder.maxFrameBytes) {
      return policyFailure(
        'OUTPUT_TOO_LARGE',
        `the answer has ${length} bytes, more than ${this.#decoder.maxFrameBytes}`,
      );
    }
    const ptr = this.#exports.edict_output_ptr() >>> 0;
    if (ptr + length > this.#memory.byteLength) {
      return policyFailure('DECODE', `the answer is at ${ptr} to ${ptr + length} of ${this.#memory.byteLength}`);
    }
    // A copy first: what is parsed must not change, and must not be a view when the guest runs again.
    const frame = length <= SCRATCH_BYTES ? scratch : Buffer.allocUnsafe(length);
    this.#memory.buffer.copy(frame, 0, ptr, ptr + length);
    return this.#decoder.decode(frame, length, phase, sourceOf(phase, input));
  }

  /** An error the guest reports, with its message when there is one. */
  #guestError(code: number): PolicyFailure {
    return classifyCode(code, this.#message(), this.#binding.fault);
  }

  #message(): string {
    const length = Math.min((this.#exports.edict_output_len?.() ?? 0) >>> 0, MAX_MESSAGE_BYTES);
    if (length === 0) return '';
    const ptr = this.#exports.edict_output_ptr() >>> 0;
    if (ptr + length > this.#memory.byteLength) return '';
    return escapeControls(this.#memory.buffer.toString('utf8', ptr, ptr + length));
  }

  #writeResult(result: HostResult<Uint8Array>): number {
    const writer = new FrameWriter();
    const size = HEAD_BYTES + 16 + (isHostFault(result) ? 4 : result.length);
    const ptr = this.#arena(size);
    if (ptr === 0) return 0;
    writer.begin(this.#memory, ptr, size);
    if (isHostFault(result)) writer.u32(HostData.error, HostCode[result.fault]);
    else writer.bytes(HostData.result, result);
    return writer.end(FrameKind.hostData);
  }
}
