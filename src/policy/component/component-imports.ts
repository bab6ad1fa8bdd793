/**
 * The interfaces a component may import, served from the port of host functions. A function whose type can say no says it;
 * where it cannot, the refusal ends the call.
 */

import { escapeControls } from '../../telemetry/logger.ts';
import type { FunctionType } from '../../wasm/binary/types.ts';
import type { MutableHostCall } from '../guest/host-binding.ts';
import {
  FLAG_KINDS,
  type HostFaultName,
  type HostFunctions,
  type HostResult,
  isHostFault,
  type LogLevel,
} from '../guest/host-functions.ts';
import type { Capability } from '../guest/imports.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { CanonicalMemory } from './canonical-memory.ts';
import { coreFunction, coreTypeOf, HOST_SIGNATURES } from './host-signatures.ts';

const PACKAGE = 'edict:policy';
const VERSION = '0.1.0';

const MAX_LINE_BYTES = 4_096;
const MAX_TEXT_LENGTH = 65_536;
const MAX_DATA_BYTES = 1_048_576;
const MAX_RANDOM_BYTES = 65_536;

/** Which capability opens each interface; those of types alone need none. */
const INTERFACES: Readonly<Record<string, Capability | undefined>> = {
  types: undefined,
  'host-types': undefined,
  log: 'log',
  clock: 'clock',
  random: 'random',
  'feature-flags': 'flags',
  kv: 'kv',
  crypto: 'crypto',
  http: 'http',
  metadata: 'metadata',
  metrics: 'metrics',
  resources: 'resources',
};

/** The words of the world for kinds of flags, in the order of the port's. */
const KIND_WORDS = ['boolean', 'text', 'number', 'object'];

/** Imports by their names in the component: everything that is wrong is in the message. */
export function importFailure(imports: readonly string[], granted: ReadonlySet<Capability>): PolicyFailure | undefined {
  const unknown: string[] = [];
  const refused: string[] = [];
  for (const name of imports) {
    const word = interfaceOf(name);
    if (word === undefined) {
      unknown.push(name);
      continue;
    }
    const capability = INTERFACES[word];
    if (capability === 'http')
      return policyFailure('MODULE_INVALID', `it imports ${name}, which blocks: it cannot run here`);
    if (capability !== undefined && !granted.has(capability)) refused.push(`${name} (${capability})`);
  }
  const faults: string[] = [];
  if (unknown.length > 0) faults.push(`it imports ${unknown.join(', ')}, which the host does not have`);
  if (refused.length > 0) faults.push(`it imports ${refused.join(', ')}, which it was not granted`);
  return faults.length === 0 ? undefined : policyFailure('MODULE_INVALID', faults.join('; '));
}

/** What a core module with these grants may import, of the interfaces that its component imports. */
export function coreImports(
  imports: readonly string[],
  granted: Iterable<Capability>,
): ReadonlyMap<string, FunctionType> {
  const all = new Set(granted);
  const types = new Map<string, FunctionType>();
  for (const path of imports) {
    const word = interfaceOf(path);
    const capability = word === undefined ? undefined : INTERFACES[word];
    if (word === undefined || capability === undefined || !all.has(capability)) continue;
    for (const [name, signature] of Object.entries(HOST_SIGNATURES[word] ?? {})) {
      types.set(`${path}.${name}`, coreTypeOf(signature));
    }
  }
  return types;
}

/** The word of an interface of the world. */
export function interfaceOf(name: string): string | undefined {
  if (!name.startsWith(`${PACKAGE}/`) || !name.endsWith(`@${VERSION}`)) return undefined;
  const word = name.slice(PACKAGE.length + 1, -VERSION.length - 1);
  return Object.hasOwn(INTERFACES, word) ? word : undefined;
}

/** Thrown through jco's glue, which hands `payload` to the guest. */
class Refusal extends Error {
  readonly payload: HostFaultName;

  constructor(name: HostFaultName) {
    super(name);
    this.payload = name;
  }
}

const refusalOf = (caught: unknown): HostFaultName | undefined =>
  caught instanceof Refusal ? caught.payload : undefined;

/** A refusal that the type of the function cannot express. */
export class EndedByHost extends Error {}

/** One store's imports. */
export class ComponentImports {
  /** Why the last host function of this call said no. */
  fault: HostFaultName | undefined;
  readonly #host: HostFunctions;
  readonly #call: MutableHostCall;
  readonly #maxCalls: number;
  #calls = 0;

  constructor(host: HostFunctions, call: MutableHostCall, maxCalls: number) {
    this.#host = host;
    this.#call = call;
    this.#maxCalls = maxCalls;
  }

  /** Begins a hook: the budget of host calls is whole again. */
  begin(): void {
    this.fault = undefined;
    this.#calls = 0;
  }

  /** For a core module that is bound directly; its memory is there when it calls. */
  core(memory: () => CanonicalMemory): WebAssembly.Imports {
    const functions = this.interfaces();
    const imports: WebAssembly.Imports = {};
    for (const [word, signatures] of Object.entries(HOST_SIGNATURES)) {
      const bound: WebAssembly.ModuleImports = {};
      for (const [name, signature] of Object.entries(signatures)) {
        const call = functions[`${PACKAGE}/${word}`]?.[camelCase(name)] as (...args: readonly unknown[]) => unknown;
        bound[name] = coreFunction(signature, call, memory, refusalOf);
      }
      imports[`${PACKAGE}/${word}@${VERSION}`] = bound;
    }
    return imports;
  }

  /** For jco's modules. */
  interfaces(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
    const host = this.#host;
    const call = this.#call;
    return {
      [`${PACKAGE}/log`]: {
        write: (level: LogLevel, message: string) => {
          if (this.#pay()) host.log(call, level, escapeControls(cut(message)));
        },
      },
      [`${PACKAGE}/clock`]: {
        nowMs: () => this.#must(() => host.nowMs(call)),
        monotonicMs: () => this.#must(() => host.monotonicMs(call)),
      },
      [`${PACKAGE}/metrics`]: {
        add: (series: number, value: number) => {
          if (this.#pay()) host.counterAdd(call, series, value);
        },
        observe: (series: number, value: number) => {
          if (this.#pay()) host.histogramRecord(call, series, value);
        },
      },
      [`${PACKAGE}/random`]: {
        bytes: (length: number) =>
          this.#must(() => (length > MAX_RANDOM_BYTES ? { fault: 'too-large' } : host.random(call, length))),
      },
      [`${PACKAGE}/feature-flags`]: {
        evaluate: (key: string, kind: string, defaultJson: string, contextJson: string | undefined) =>
          this.#must(
            () => host.flag(call, key, FLAG_KINDS[KIND_WORDS.indexOf(kind)] ?? 'object', defaultJson, contextJson),
            [key, defaultJson, contextJson ?? ''],
          ),
      },
      [`${PACKAGE}/kv`]: this.#kv(),
      [`${PACKAGE}/crypto`]: this.#crypto(),
      [`${PACKAGE}/metadata`]: {
        get: (key: string) => this.#must(() => host.metaGet(call, key), [key]),
        set: (key: string, json: string) => void this.#may(() => host.metaSet(call, key, json), [key, json]),
        delete: (key: string) => void this.#may(() => host.metaDelete(call, key), [key]),
      },
      [`${PACKAGE}/resources`]: {
        get: (kind: string, id: string) => this.#must(() => host.resourceGet(call, kind, id), [kind, id]),
      },
    };
  }

  #kv() {
    const host = this.#host;
    const call = this.#call;
    return {
      get: (ns: string, key: string) => {
        const entry = this.#may(() => host.kvGet(call, ns, key), [ns, key]);
        return entry === undefined ? undefined : [entry.value, entry.version];
      },
      set: (ns: string, key: string, value: Uint8Array, ttlMs: number) =>
        this.#may(() => host.kvSet(call, ns, key, value, ttlMs), [ns, key], value),
      delete: (ns: string, key: string) => this.#may(() => host.kvDelete(call, ns, key), [ns, key]),
      increment: (ns: string, key: string, delta: number, ttlMs: number, refresh: boolean) =>
        this.#may(() => host.kvIncrement(call, ns, key, delta, ttlMs, refresh), [ns, key]),
      compareAndSet: (ns: string, key: string, expected: number, value: Uint8Array, ttlMs: number) =>
        this.#may(() => host.kvCompareAndSet(call, ns, key, expected, value, ttlMs), [ns, key], value),
    };
  }

  #crypto() {
    const host = this.#host;
    const call = this.#call;
    return {
      hash: (algorithm: string, data: Uint8Array) =>
        this.#may(() => host.hash(call, algorithm, data), [algorithm], data),
      hmac: (algorithm: string, key: string, data: Uint8Array) =>
        this.#may(() => host.hmac(call, algorithm, key, data), [algorithm, key], data),
      sign: (algorithm: string, key: string, data: Uint8Array) =>
        this.#may(() => host.sign(call, algorithm, key, data), [algorithm, key], data),
      verify: (algorithm: string, key: string, signature: Uint8Array, data: Uint8Array) =>
        this.#may(() => host.verify(call, algorithm, key, signature, data), [algorithm, key], data),
      equal: (left: Uint8Array, right: Uint8Array) => this.#must(() => host.equal(call, left, right)),
    };
  }

  /** One host call of the hook's budget. */
  #pay(): boolean {
    if (++this.#calls <= this.#maxCalls) return true;
    this.fault = 'limit';
    return false;
  }

  /** A function that can refuse. */
  #may<T>(ask: () => HostResult<T>, texts: readonly string[] = [], data?: Uint8Array): T {
    const given = this.#ask(ask, texts, data);
    if (!isHostFault(given)) return given as T;
    this.fault = given.fault;
    throw new Refusal(given.fault);
  }

  /** A function that cannot. */
  #must<T>(ask: () => HostResult<T>, texts: readonly string[] = []): T {
    const given = this.#ask(ask, texts, undefined);
    if (!isHostFault(given)) return given as T;
    this.fault = given.fault;
    throw new EndedByHost();
  }

  #ask<T>(ask: () => HostResult<T>, texts: readonly string[], data: Uint8Array | undefined): HostResult<T> {
    if (!this.#pay()) return { fault: 'limit' };
    if (texts.some(({ length }) => length > MAX_TEXT_LENGTH)) return { fault: 'too-large' };
    if (data !== undefined && data.length > MAX_DATA_BYTES) return { fault: 'too-large' };
    try {
      return ask();
    } catch {
      return { fault: 'unavailable' };
    }
  }
}

const camelCase = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function cut(message: string): string {
  if (Buffer.byteLength(message) <= MAX_LINE_BYTES) return message;
  return Buffer.from(message, 'utf8').subarray(0, MAX_LINE_BYTES).toString('utf8');
}
