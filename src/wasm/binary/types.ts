/** The types of a module: values, functions, limits, tables, memories and globals. */

import type { ByteReader } from './reader.ts';
import { moduleRefused } from './refusal.ts';

const VALUE_TYPES = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
  112: 'funcref',
  111: 'externref',
} as const satisfies Record<number, string>;

export type ValueType = (typeof VALUE_TYPES)[keyof typeof VALUE_TYPES];

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface Limits {
  readonly minimum: number;
  readonly maximum: number | undefined;
  readonly shared: boolean;
  /** Where the limits stand in the bytes. */
  readonly start: number;
  readonly end: number;
}

export interface Memory extends Limits {
  readonly imported: boolean;
}

export interface Table extends Limits {
  readonly imported: boolean;
  readonly element: ValueType;
}

export interface Global {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly imported: boolean;
}

const FUNCTION_TYPE = 0x60;
const FUNCREF = 0x70;
const EXTERNREF = 0x6f;
const EXNREF = 0x69;
const NOEXN = 0x74;

export function readValueType(reader: ByteReader): ValueType {
  const byte = reader.u8();
  const type = (VALUE_TYPES as Record<number, ValueType>)[byte];
  if (type !== undefined) return type;
  throw unknownType(byte, reader.position - 1);
}

function unknownType(byte: number, at: number): Error {
  if (byte === EXNREF || byte === NOEXN) return moduleRefused('it uses exception handling', at);
  // 0x63 and 0x64: typed references; the rest are heap types of the garbage collection proposal.
  if ((byte >= 0x63 && byte <= 0x73) || byte === 0x77 || byte === 0x78) return moduleRefused('it uses GC types', at);
  return moduleRefused(`a value is of the unknown type 0x${byte.toString(16)}`, at);
}

/** `funcref` or `externref`. */
export function readReferenceType(reader: ByteReader): ValueType {
  const type = readValueType(reader);
  if (type !== 'funcref' && type !== 'externref') throw moduleRefused(`${type} is no reference`, reader.position - 1);
  return type;
}

/** An entry of the type section; only functions, since structs and arrays are of the GC proposal. */
export function readFunctionType(reader: ByteReader): FunctionType {
  const form = reader.u8();
  if (form !== FUNCTION_TYPE) {
    if (form >= 0x4e && form <= 0x5f) throw moduleRefused('it uses GC types', reader.position - 1);
    throw moduleRefused(`a type has the unknown form 0x${form.toString(16)}`, reader.position - 1);
  }
  return { params: readValueTypes(reader), results: readValueTypes(reader) };
}

function readValueTypes(reader: ByteReader): ValueType[] {
  const types: ValueType[] = [];
  for (let left = reader.varU32(); left > 0; left--) types.push(readValueType(reader));
  return types;
}

export function readMemory(reader: ByteReader, imported: boolean): Memory {
  return { ...readLimits(reader, 'memory', 3), imported };
}

export function readTable(reader: ByteReader, imported: boolean): Table {
  const at = reader.position;
  const byte = reader.u8();
  // 0x40 0x00 announces a table with an initial value, which only typed references need.
  if (byte === 0x40) throw moduleRefused('it uses GC types', at);
  if (byte !== FUNCREF && byte !== EXTERNREF) throw unknownType(byte, at);
  return { ...readLimits(reader, 'table', 1), element: byte === FUNCREF ? 'funcref' : 'externref', imported };
}

/** Bit 0: there is a maximum. Bit 1: shared. Bit 2: 64-bit addresses. Bit 3: pages of another size. */
function readLimits(reader: ByteReader, what: 'memory' | 'table', known: number): Limits {
  const start = reader.position;
  const flags = reader.u8();
  if ((flags & 4) !== 0 && flags < 8) throw moduleRefused(`its ${what} is of an unknown kind: 64-bit addresses`, start);
  if (flags > known) throw moduleRefused(`its ${what} is of an unknown kind`, start);
  const minimum = reader.varU32();
  const maximum = (flags & 1) === 1 ? reader.varU32() : undefined;
  return { minimum, maximum, shared: (flags & 2) === 2, start, end: reader.position };
}

export function readGlobal(reader: ByteReader, imported: boolean): Global {
  const type = readValueType(reader);
  const mutability = reader.u8();
  if (mutability > 1) throw moduleRefused('a global is of an unknown kind', reader.position - 1);
  return { type, mutable: mutability === 1, imported };
}

/** '(i32, i32) -> i32', as refusals say it. */
export function showFunctionType({ params, results }: FunctionType): string {
  return `(${params.join(', ')}) -> ${results.length === 1 ? results[0] : `(${results.join(', ')})`}`;
}

export function isSameFunctionType(one: FunctionType, other: FunctionType): boolean {
  const isSame = (a: readonly ValueType[], b: readonly ValueType[]): boolean =>
    a.length === b.length && a.every((type, index) => type === b[index]);
  return isSame(one.params, other.params) && isSame(one.results, other.results);
}
