/**
 * One store of a component: its instances of core modules with their memory. Every throw out of it, and every answer that
 * breaks the canonical ABI, poisons the store: what it holds of the answer was never given back.
 */

import { isJsonObject } from '../../internal/json.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { instantiate } from '../../wasm/assemblyscript.ts';
import { GuestMemory } from '../../wasm/memory.ts';
import type { DeclaredInputs } from '../frame/declared-inputs.ts';
import type { InputEncoder } from '../frame/input-encoder.ts';
import { GuestCode } from '../frame/tags.ts';
import { CallGuard } from '../guest/call-guard.ts';
import { classifyCode, classifyThrow } from '../guest/classify.ts';
import { FuelMeter } from '../guest/fuel-meter.ts';
import type { GuestStore } from '../guest/guest-store.ts';
import { type MutableHostCall, NOBODY } from '../guest/host-binding.ts';
import type { HostFunctions, HostResult } from '../guest/host-functions.ts';
import type { GuestLimits } from '../guest/limits.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { HookInput } from '../model/inputs.ts';
import { type InstanceInit, NONE, type Outcome } from '../model/instance.ts';
import { type InstancePlan, SCOPES } from '../model/instance-plan.ts';
import { type EndReason, Phase } from '../model/phases.ts';
import { BrokenPlace, CanonicalMemory } from './canonical-memory.ts';
import { checkSize, chunkAction, requestAction, responseAction } from './component-actions.ts';
import { ComponentImports, EndedByHost } from './component-imports.ts';
import { ComponentInputs, chunkOf, infoOf } from './component-inputs.ts';
import { type ComponentExports, DirectPort } from './direct-port.ts';
import { type GuestPort, LiftFault } from './guest-port.ts';
import type { LoadedComponent } from './load-component.ts';
import { type TranspiledGuest, TranspiledPort } from './transpiled-port.ts';
import { WIT_BODY_MODES, WIT_HEADER_MODES, type WitModes, type WitPolicyError, type WitResult } from './wit-values.ts';

const MAX_MESSAGE_LENGTH = 4_096;
const MAX_STATE_BYTES = 1_048_576;
const PAGE_BYTES = 65_536;
/** Of all that one call of a host function passes. */
const MAX_PASSED_BYTES = 16 * 1_048_576;

/** What stores are made of. */
export interface ComponentGuestOptions {
  readonly component: LoadedComponent;
  readonly inputs: DeclaredInputs;
  readonly host: HostFunctions;
  readonly limits: GuestLimits;
  /** Of all memories together, in pages; only to tell a full memory from other traps. */
  readonly maxPages: number;
}

const YES: Outcome = Object.freeze({ kind: 'decision', needsMore: true });
const NO: Outcome = Object.freeze({ kind: 'decision', needsMore: false });
const NEVER_WAITS = policyFailure('DECODE', 'components do not wait');
const NO_OPERATIONS: ReadonlyMap<number, Promise<HostResult<Uint8Array>>> = new Map();

/** The port of a component and what was seen of its core instances while it was made. */
interface Opened {
  readonly port: GuestPort;
  readonly fuels: readonly WebAssembly.Global[];
  readonly memories: readonly WebAssembly.Memory[];
}

export class ComponentGuest implements GuestStore {
  hooks = 0;
  /** Components cannot be resumed: their host functions answer at once. */
  readonly hasPending = false;
  readonly pending = NO_OPERATIONS;
  readonly #port: GuestPort;
  readonly #inputs: ComponentInputs;
  readonly #imports: ComponentImports;
  readonly #limits: GuestLimits;
  readonly #meter: FuelMeter;
  readonly #guard: CallGuard;
  readonly #memories: readonly WebAssembly.Memory[];
  #baseline = 0;

  /** Of all core modules of the component together. */
  get usedFuel(): number {
    return this.#meter.used;
  }

  forgetPending(): void {}

  /** A failure when it does not instantiate. */
  static open(options: ComponentGuestOptions): ComponentGuest | PolicyFailure {
    const call: MutableHostCall = { info: NOBODY, phase: undefined, input: undefined };
    const imports = new ComponentImports(options.host, call, options.limits.hostCalls);
    imports.begin();
    let opened: Opened;
    try {
      opened = open(options.component, imports, options.limits);
    } catch (caught) {
      const { message } = classifyThrow(caught, { fuel: undefined, isFull: false });
      return policyFailure('MODULE_INVALID', `the component does not instantiate: ${message}`);
    }
    return new ComponentGuest(opened, imports, call, options);
  }

  private constructor(
    { port, fuels, memories }: Opened,
    imports: ComponentImports,
    call: MutableHostCall,
    { inputs, limits, maxPages }: ComponentGuestOptions,
  ) {
    this.#port = port;
    this.#memories = memories;
    this.#imports = imports;
    this.#limits = limits;
    this.#meter = new FuelMeter(fuels);
    this.#guard = new CallGuard({
      meter: this.#meter,
      call,
      begin: () => imports.begin(),
      isFull: () => this.byteLength >= maxPages * PAGE_BYTES,
      explain: (caught) => this.#explain(caught),
    });
    this.#inputs = new ComponentInputs(inputs, (latin1) => port.bytesOf(latin1));
  }

  get isPoisoned(): boolean {
    return this.#guard.isPoisoned;
  }

  get isBusy(): boolean {
    return this.#guard.isBusy;
  }

  get byteLength(): number {
    return this.#memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  }

  get baseline(): number {
    return this.#baseline;
  }

  plan(init: InstanceInit, _encoder: InputEncoder): InstancePlan | undefined | PolicyFailure {
    return this.#guard.run<InstancePlan | undefined>(this.#limits.fuelInit, init, () => {
      const [word, shareKey] = this.#port.plan(infoOf(init.info), JSON.stringify(init.params));
      const scope = SCOPES.find((one) => one === word);
      return scope === undefined ? undefined : { scope, shareKey };
    });
  }

  init(
    init: InstanceInit,
    _encoder: InputEncoder,
  ): { readonly handle: number; readonly modes: number } | PolicyFailure {
    const made = this.#guard.run(this.#limits.fuelInit, init, () => {
      const result = this.#port.init(infoOf(init.info), JSON.stringify(init.params));
      if (result.tag === 'err') return this.#guestError(result.val);
      const [handle, modes] = result.val;
      if (handle === 0) return policyFailure('INIT_FAILED', 'the guest gave no handle');
      return { handle, modes: bitsOf(modes) };
    });
    if (this.#baseline === 0) this.#baseline = this.byteLength;
    return made;
  }

  call(handle: number, init: InstanceInit, _encoder: InputEncoder, phase: Phase, input: HookInput): Outcome {
    const refused = this.#guard.enter(this.#limits.fuelPerHook, init, phase, input);
    if (refused !== undefined) return refused;
    this.hooks++;
    try {
      return this.#hook(handle, phase, input);
    } catch (caught) {
      return this.#guard.poison(caught);
    } finally {
      this.#guard.leave();
    }
  }

  resume(): PolicyFailure {
    return NEVER_WAITS;
  }

  streamEnd(handle: number, init: InstanceInit, streamId: number, reason: EndReason): PolicyFailure | undefined {
    return this.#guard.run<undefined>(this.#limits.fuelPerHook, init, () => {
      this.#port.onStreamEnd(handle, streamId, reason);
      return undefined;
    });
  }

  destroy(handle: number, init: InstanceInit): PolicyFailure | undefined {
    return this.#guard.run<undefined>(this.#limits.fuelInit, init, () => {
      this.#port.destroy(handle);
      return undefined;
    });
  }

  /** The world has no such function: engines collect when they like. */
  collect(): undefined {
    return undefined;
  }

  exportState(handle: number, init: InstanceInit): Uint8Array | undefined | PolicyFailure {
    return this.#guard.run<Uint8Array | undefined>(this.#limits.fuelInit, init, () => {
      const state = this.#port.exportState(handle);
      if (state === undefined || state.length === 0) return undefined;
      if (state.length <= MAX_STATE_BYTES) return state;
      return policyFailure('OUTPUT_TOO_LARGE', `the state has ${state.length} bytes, more than ${MAX_STATE_BYTES}`);
    });
  }

  importState(handle: number, init: InstanceInit, state: Uint8Array): boolean | PolicyFailure {
    return this.#guard.run<boolean>(this.#limits.fuelInit, init, () => this.#port.importState(handle, state));
  }

  #hook(handle: number, phase: Phase, input: HookInput): Outcome {
    const port = this.#port;
    const inputs = this.#inputs;
    switch (phase) {
      case Phase.requestHeaders:
        return this.#answer(port.onRequestHeaders(handle, inputs.request(phase, input)), requestAction);
      case Phase.requestBody:
        return this.#answer(port.onRequestBody(handle, inputs.request(phase, input)), requestAction);
      case Phase.responseHeaders:
        return this.#answer(port.onResponseHeaders(handle, inputs.response(phase, input)), responseAction);
      case Phase.responseBody:
        return this.#answer(port.onResponseBody(handle, inputs.response(phase, input)), responseAction);
      case Phase.requestBodyChunk:
        return this.#answer(port.onRequestChunk(handle, inputs.request(phase, input), chunkOf(input)), (change) =>
          chunkAction(change),
        );
      case Phase.responseBodyChunk:
        return this.#answer(
          port.onResponseChunk(handle, inputs.response(phase, input), chunkOf(input)),
          ({ tag, val }) => chunkAction(val, tag),
        );
      default:
        return this.#query(handle, phase, input);
    }
  }

  #query(handle: number, phase: Phase, { pending }: HookInput): Outcome {
    if (pending === undefined) return NO;
    const { streamId, fresh, total } = pending;
    const needsMore =
      phase === Phase.needsMoreRequestData
        ? this.#port.needsMoreRequestData(handle, streamId, fresh, BigInt(total))
        : this.#port.needsMoreResponseData(handle, streamId, fresh, BigInt(total));
    return needsMore ? YES : NO;
  }

  #answer<T>(result: WitResult<T | undefined>, actionOf: (value: T) => ReturnType<typeof requestAction>): Outcome {
    if (result.tag === 'err') return this.#guestError(result.val);
    if (result.val === undefined) return NONE;
    const action = actionOf(result.val);
    checkSize(action, this.#limits.output);
    return { kind: 'action', action };
  }

  /** An error the guest reports, with its message when there is one. */
  #guestError({ code, message }: WitPolicyError): PolicyFailure {
    const text = escapeControls(message.slice(0, MAX_MESSAGE_LENGTH));
    return classifyCode(ERROR_NUMBERS[code] ?? GuestCode.internal, text, this.#imports.fault);
  }

  /** An answer that breaks the canonical ABI, or a refusal of the host for which the function's type has no error. */
  #explain(caught: unknown): PolicyFailure | undefined {
    if (caught instanceof LiftFault) return policyFailure(caught.code, caught.message);
    if (caught instanceof BrokenPlace) return policyFailure('DECODE', caught.message);
    if (caught instanceof EndedByHost) return classifyCode(GuestCode.host, '', this.#imports.fault);
    return undefined;
  }
}

function open(component: LoadedComponent, imports: ComponentImports, limits: GuestLimits): Opened {
  const fuels: WebAssembly.Global[] = [];
  const memories: WebAssembly.Memory[] = [];
  const note = (exports: WebAssembly.Exports): WebAssembly.Exports => {
    const { __edict_fuel: fuel } = exports;
    if (fuel instanceof WebAssembly.Global) {
      fuel.value = limits.fuelInit;
      fuels.push(fuel);
    }
    for (const one of Object.values(exports)) {
      if (one instanceof WebAssembly.Memory && !memories.includes(one)) memories.push(one);
    }
    return exports;
  };
  if (component.kind === 'direct') {
    // Arguments are counted apart from answers, and bounded by what the functions of the host take.
    let passed: CanonicalMemory | undefined;
    const memory = (): CanonicalMemory => {
      if (passed === undefined) throw new LiftFault('the host was called before there was a memory');
      return passed;
    };
    const exports = note(instantiate(component.guest.module, imports.core(memory))) as unknown as ComponentExports;
    passed = new CanonicalMemory(new GuestMemory(exports.memory), exports.cabi_realloc, MAX_PASSED_BYTES);
    const { _initialize: initialize } = exports;
    if (typeof initialize === 'function') initialize();
    const { frameBytes, bodyBytes } = limits.output;
    return { port: new DirectPort(exports, frameBytes + bodyBytes), fuels, memories };
  }
  const exports = component.instantiate(
    (name) => {
      const module = component.modules.get(name);
      if (module === undefined) throw new Error(`there is no core module ${name}`);
      return module;
    },
    imports.interfaces(),
    (module, coreImports) => {
      const instance = new WebAssembly.Instance(module, coreImports);
      note(instance.exports);
      return instance;
    },
  );
  return { port: new TranspiledPort(guestOf(exports)), fuels, memories };
}

function guestOf(exports: unknown): TranspiledGuest {
  const guest = isJsonObject(exports) ? exports.guest : undefined;
  if (!isJsonObject(guest)) throw new Error('it exports no policy, or not at once');
  return guest as unknown as TranspiledGuest;
}

const ERROR_NUMBERS: Readonly<Record<WitPolicyError['code'], number>> = {
  internal: GuestCode.internal,
  decode: GuestCode.decode,
  params: GuestCode.params,
  unsupported: GuestCode.phase,
  'no-instance': GuestCode.handle,
  'no-memory': GuestCode.memory,
  host: GuestCode.host,
  limit: GuestCode.limit,
  cancelled: GuestCode.cancelled,
};

/** The bits that `edict_modes` of the core interface gives for the same modes. */
function bitsOf({ requestHeaders, requestBody, responseHeaders, responseBody }: WitModes): number {
  return (
    (WIT_HEADER_MODES.indexOf(requestHeaders) + 1) |
    ((WIT_BODY_MODES.indexOf(requestBody) + 1) << 2) |
    ((WIT_HEADER_MODES.indexOf(responseHeaders) + 1) << 4) |
    ((WIT_BODY_MODES.indexOf(responseBody) + 1) << 6)
  );
}
