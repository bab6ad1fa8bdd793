/** The host's side of the world as core functions: how the canonical ABI flattens what is passed, and where answers go. */

import type { FunctionType, ValueType } from '../../wasm/binary/types.ts';
import type { HostFaultName } from '../guest/host-functions.ts';
import type { CanonicalMemory } from './canonical-memory.ts';
import {
  bytes,
  enumeration,
  f64,
  option,
  pair,
  text,
  u8Bool,
  type WitType,
  wordOf,
  written,
} from './canonical-types.ts';

/** One parameter: the numbers it becomes, and the value they stand for. */
interface Param {
  readonly flat: readonly ValueType[];
  lift(memory: CanonicalMemory, flat: readonly number[], at: number): unknown;
}

/** An answer of one number is given back; a longer one is written where the last parameter says. */
type Answer =
  | { readonly kind: 'none' }
  | { readonly kind: 'flat'; readonly type: ValueType }
  | { readonly kind: 'placed'; readonly type: WitType<never> }
  /** Can also be one of the words for a refusal; `undefined` stands for nothing but that it went well. */
  | { readonly kind: 'refusable'; readonly type: WitType<never> | undefined };

export interface HostSignature {
  readonly params: readonly Param[];
  readonly answer: Answer;
}

const number = (type: ValueType, lift: (value: number) => unknown): Param => ({
  flat: [type],
  lift: (_memory, flat, at) => lift(flat[at] as number),
});
const U32 = number('i32', (value) => value >>> 0);
const F64 = number('f64', (value) => value);
const BOOL = number('i32', (value) => value !== 0);
const words = (...all: readonly string[]): Param => number('i32', (value) => wordOf(all, value));
const range = (lift: (memory: CanonicalMemory, ptr: number, length: number) => unknown): Param => ({
  flat: ['i32', 'i32'],
  lift: (memory, flat, at) => lift(memory, (flat[at] as number) >>> 0, (flat[at + 1] as number) >>> 0),
});
const TEXT = range((memory, ptr, length) => memory.text(ptr, length));
const BYTES = range((memory, ptr, length) => memory.copy(ptr, length));
const OPTIONAL_TEXT: Param = {
  flat: ['i32', ...TEXT.flat],
  lift: (memory, flat, at) => (flat[at] === 0 ? undefined : TEXT.lift(memory, flat, at + 1)),
};

const takes =
  (...params: readonly Param[]) =>
  (answer: Answer): HostSignature => ({ params, answer });
const none: Answer = { kind: 'none' };
const flat = (type: ValueType): Answer => ({ kind: 'flat', type });
const placed = <T>(type: WitType<T>): Answer => ({ kind: 'placed', type: type as WitType<never> });
const refusable = <T>(type?: WitType<T>): Answer => ({ kind: 'refusable', type: type as WitType<never> | undefined });

/** By interface and by name, as wasm/wit/policy.wit has them. `http` waits, so it is not among them. */
export const HOST_SIGNATURES: Readonly<Record<string, Readonly<Record<string, HostSignature>>>> = {
  log: { write: takes(words('trace', 'debug', 'info', 'warn', 'error'), TEXT)(none) },
  clock: { 'now-ms': takes()(flat('f64')), 'monotonic-ms': takes()(flat('f64')) },
  random: { bytes: takes(U32)(placed(bytes)) },
  'feature-flags': {
    evaluate: takes(TEXT, words('boolean', 'text', 'number', 'object'), TEXT, OPTIONAL_TEXT)(placed(text)),
  },
  kv: {
    get: takes(TEXT, TEXT)(refusable(option(pair(bytes, f64)))),
    set: takes(TEXT, TEXT, BYTES, U32)(refusable(f64)),
    delete: takes(TEXT, TEXT)(refusable(u8Bool)),
    increment: takes(TEXT, TEXT, F64, U32, BOOL)(refusable(f64)),
    'compare-and-set': takes(TEXT, TEXT, F64, BYTES, U32)(refusable(f64)),
  },
  crypto: {
    hash: takes(TEXT, BYTES)(refusable(bytes)),
    equal: takes(BYTES, BYTES)(flat('i32')),
    hmac: takes(TEXT, TEXT, BYTES)(refusable(bytes)),
    sign: takes(TEXT, TEXT, BYTES)(refusable(bytes)),
    verify: takes(TEXT, TEXT, BYTES, BYTES)(refusable(u8Bool)),
  },
  metadata: {
    get: takes(TEXT)(placed(option(text))),
    set: takes(TEXT, TEXT)(refusable()),
    delete: takes(TEXT)(refusable()),
  },
  metrics: { add: takes(U32, F64)(none), observe: takes(U32, F64)(none) },
  resources: { get: takes(TEXT, TEXT)(placed(option(bytes))) },
};

/** The type a core module imports it with. */
export function coreTypeOf({ params, answer }: HostSignature): FunctionType {
  const types = params.flatMap((param) => param.flat);
  if (answer.kind === 'flat') return { params: types, results: [answer.type] };
  return { params: answer.kind === 'none' ? types : [...types, 'i32'], results: [] };
}

const HOST_ERRORS: readonly HostFaultName[] = [
  ...(['denied', 'not-found', 'too-large', 'limit', 'deadline', 'conflict', 'unavailable', 'bad-argument'] as const),
];
const hostError = enumeration(...HOST_ERRORS);

/** `call` with what the guest passed, its answer where the guest wants it. What is thrown that is no refusal goes through. */
export function coreFunction(
  { params, answer }: HostSignature,
  call: (...args: readonly unknown[]) => unknown,
  memory: () => CanonicalMemory,
  refusalOf: (caught: unknown) => HostFaultName | undefined,
): (...flat: number[]) => number | undefined {
  return (...given) => {
    const place = memory();
    place.beginAnswer();
    let at = 0;
    const args = params.map((param) => {
      const value = param.lift(place, given, at);
      at += param.flat.length;
      return value;
    });
    if (answer.kind === 'none') {
      call(...args);
      return undefined;
    }
    if (answer.kind === 'flat') return Number(call(...args));
    const target = (given[at] as number) >>> 0;
    if (answer.kind === 'placed') {
      written(place, target, answer.type, call(...args) as never);
      return undefined;
    }
    let value: unknown;
    try {
      value = call(...args);
    } catch (caught) {
      const refusal = refusalOf(caught);
      if (refusal === undefined) throw caught;
      const { size, align, offset } = resultLayout(answer.type);
      place.checkArray(target, 1, size, align);
      place.storeByte(target, 1);
      hostError.store(place, target + offset, refusal);
      return undefined;
    }
    const { size, align, offset } = resultLayout(answer.type);
    place.checkArray(target, 1, size, align);
    place.storeByte(target, 0);
    answer.type?.store(place, target + offset, value as never);
    return undefined;
  };
}

/** Of a `result` whose error is a word. */
function resultLayout(ok: WitType<never> | undefined): { size: number; align: number; offset: number } {
  const align = ok?.align ?? 1;
  const end = align + Math.max(ok?.size ?? 0, hostError.size);
  return { size: (end + align - 1) & -align, align, offset: align };
}
