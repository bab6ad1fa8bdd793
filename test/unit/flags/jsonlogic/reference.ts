/**
 * A second JSONLogic, written straight from spec/flags.md §9 with no thought of speed: what the guest is compared with.
 */

import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import { formatNumber, parseNumber, trimSpace } from './reference-numbers.ts';

/** `{"-":[]}` and `{"/":[]}`: prints as 0, is no number. */
export const SPECIAL_ZERO = Symbol('0');

/** What evaluation yields: JSON, and the special zero. */
export type Value = null | boolean | number | string | typeof SPECIAL_ZERO | Value[] | Members;
export type Members = Map<string, Value>;

/** Thrown where the specification says PANIC. */
export class Panic extends Error {}

function panic(why: string): never {
  throw new Panic(why);
}

/** JSON with maps for objects, so that names like `__proto__` need no care. */
export function fromJson(value: JsonValue): Value {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([name, member]) => [name, fromJson(member)]));
}

/** What the rule comes to; `undefined` where it panics. */
export function referenceValue(rule: JsonValue, data: JsonObject): Value | undefined {
  try {
    return parse(fromJson(rule), fromJson(data));
  } catch (error) {
    if (error instanceof Panic) return undefined;
    throw error;
  }
}

/** Whether the rule matches. */
export function referenceMatches(rule: JsonValue, data: JsonObject): boolean {
  const result = referenceValue(rule, data);
  return result !== undefined && isPrintable(result) && isMatch(result);
}

function isPrintable(value: Value): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isPrintable);
  return !(value instanceof Map) || [...value.values()].every(isPrintable);
}

function isMatch(value: Value): boolean {
  if (value === false || value === null || value === '' || value === SPECIAL_ZERO) return false;
  if (typeof value === 'number') return !Object.is(value, 0);
  return !Array.isArray(value) || value.length > 0;
}

// 9.1

function apply(map: Value, data: Value): Value {
  if (!(map instanceof Map)) return panic('logic is no map');
  if (map.size !== 1) return map;
  const [[operator, operand]] = [...map] as [[string, Value]];
  const operation = OPERATIONS.get(operator);
  return operation === undefined ? panic(`unknown operator ${operator}`) : operation(operand, data);
}

function parse(value: Value, data: Value): Value {
  if (value === SPECIAL_ZERO) return panic('the special zero cannot be parsed');
  if (value instanceof Map) return apply(value, data);
  return Array.isArray(value) ? value.map((item) => parse(item, data)) : value;
}

function truthy(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return value instanceof Map && value.size > 0;
}

function num(value: Value | undefined): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return panic('not a number');
  return parseNumber(value).value;
}

function jsnum(value: Value): number {
  if (value === null) return 0;
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string') return Number.NaN;
  if (trimSpace(value) === '') return 0;
  const parsed = parseNumber(value);
  return parsed.error === undefined ? parsed.value : Number.NaN;
}

function str(value: Value | undefined): string {
  if (typeof value === 'number') return formatNumber(value);
  if (value === null) return '';
  return typeof value === 'string' ? value : panic('no text');
}

function eq(a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b;
  if (typeof a === 'string' && typeof b === 'string') return a === b;
  return jsnum(a) === jsnum(b);
}

function less(a: Value, b: Value): boolean {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  return jsnum(b) > jsnum(a);
}

/** Truncates like Go on amd64. */
function int(value: number): number {
  const fits = value >= -(2 ** 63) && value < 2 ** 63;
  return fits ? Math.trunc(value) : -(2 ** 63);
}

function kind(value: Value): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return value instanceof Map ? 'map' : typeof value;
}

/** Equality of list elements. */
function same(a: Value, b: Value): boolean {
  if (kind(a) !== kind(b)) return false;
  if (Array.isArray(a) || a instanceof Map) return panic('incomparable');
  return a === b;
}

function list(value: Value): Value[] {
  return Array.isArray(value) ? value : panic('no array');
}

// 9.2

type Operation = (args: Value, data: Value) => Value;

function between(test: (a: Value, b: Value) => boolean, swapped: boolean): Operation {
  return (args, data) => {
    const [a, b, c, ...rest] = list(parse(args, data));
    if (a === undefined || b === undefined) return false;
    if (c === undefined || rest.length > 0) return swapped ? test(b, a) : test(a, b);
    return swapped ? test(c, b) && test(b, a) : test(a, b) && test(b, c);
  };
}

const lessOrEqual = (a: Value, b: Value) => less(a, b) || eq(a, b);

function equals(args: Value, data: Value): boolean {
  const [a, b] = list(parse(args, data));
  return a !== undefined && b !== undefined && eq(a, b);
}

function hardEquals(args: Value, data: Value): boolean {
  const parsed = parse(args, data);
  if (!Array.isArray(parsed) || parsed.length < 2) return false;
  const [a, b] = parsed as [Value, Value];
  if (a === null || b === null) return a === b;
  return a !== SPECIAL_ZERO && kind(a) === kind(b) && eq(a, b);
}

function not(args: Value, data: Value): boolean {
  const parsed = parse(args, data);
  return Array.isArray(parsed) && parsed.length > 0 ? !truthy(parsed[0] as Value) : !truthy(parsed);
}

function branch(clause: Value, data: Value): Value {
  const value = parse(clause, data);
  return value instanceof Map ? apply(value, data) : value;
}

function conditional(args: Value, data: Value): Value {
  const clauses = list(args);
  let at = 0;
  for (; at + 1 < clauses.length; at += 2) {
    if (truthy(parse(clauses[at] as Value, data))) return branch(clauses[at + 1] as Value, data);
  }
  return at < clauses.length ? branch(clauses[at] as Value, data) : null;
}

/** `max` and `min`. */
function extreme(better: (a: number, b: number) => boolean): Operation {
  return (args, data) => {
    const parsed = parse(args, data);
    if (!Array.isArray(parsed) || parsed.length === 0) return null;
    return parsed.map(num).reduce((best, value) => (better(value, best) ? value : best));
  };
}

/** `-` and `/`. */
function chain(single: (a: number) => number, step: (a: number, b: number) => number): Operation {
  return (args, data) => {
    const parsed = parse(args, data);
    if (!Array.isArray(parsed) || parsed.length === 0) return SPECIAL_ZERO;
    const [first, ...rest] = parsed.map(num) as [number, ...number[]];
    return rest.length === 0 ? single(first) : rest.reduce(step, first);
  };
}

function inRange(a: Value, range: readonly Value[]): boolean {
  if (range.length < 2) return panic('short range');
  const value = num(a);
  return value >= num(range[0]) && num(range[1]) >= value;
}

function contained(args: Value, data: Value): boolean {
  const [a, b = null] = list(parse(args, data));
  if (a === undefined) return panic('nothing to look for');
  if (typeof b === 'string') return typeof a === 'string' ? b.includes(a) : panic('no text to look for');
  if (!Array.isArray(b)) return false;
  return b.some((element) => {
    if (Array.isArray(element)) return inRange(a, element);
    return typeof a === 'number' ? num(element) === a : same(element, a);
  });
}

function cat(args: Value, data: Value): Value {
  const parsed = parse(args, data);
  if (typeof parsed === 'string') return parsed;
  const texts = list(parsed).map(str);
  return texts.length === 1 ? (texts[0] as string) : trimSpace(texts.join(''));
}

function substr(args: Value, data: Value): Value {
  const parsed = list(parse(args, data));
  const text = [...str(parsed[0])];
  if (parsed.length === 0) return panic('no text');
  let from = int(num(parsed[1]));
  if (from < 0) from += text.length;
  if (from < 0 || from > text.length) return text.join('');
  let end = text.length;
  if (parsed.length === 3) {
    const length = int(num(parsed[2]));
    end = Math.min(length < 0 ? text.length + length : from + length, text.length);
  }
  return end < from ? panic('end before start') : text.slice(from, end).join('');
}

function merge(args: Value, data: Value): Value {
  const parsed = parse(args, data);
  if (typeof parsed === 'boolean' || typeof parsed === 'number' || typeof parsed === 'string') return [parsed];
  return list(parsed).flatMap((item) => (Array.isArray(item) ? item : [item]));
}

function variable(args: Value, data: Value): Value {
  let key = parse(args, data);
  if (key === null) return ['boolean', 'number', 'string'].includes(typeof data) ? data : null;
  if (key === '') return data;
  if (typeof key === 'number') key = formatNumber(key);
  let fallback: Value = null;
  if (Array.isArray(key)) {
    if (key.length === 0) return data;
    if (key.length === 2) fallback = key[1] as Value;
    key = key[0] as Value;
    if (typeof key !== 'string') return panic('no path');
  }
  if (data === null) return fallback;
  if (typeof key !== 'string') return panic('no path');
  let value: Value | undefined = data;
  for (const piece of key.split('.')) {
    if (piece === '') continue;
    if (value instanceof Map) value = value.get(piece);
    else if (Array.isArray(value)) {
      const { value: index, error }: { value: number; error: string | undefined } = parseNumber(piece);
      if (error !== undefined) return fallback;
      const position = int(index);
      value = position < 0 ? undefined : value[position];
    } else return fallback;
    if (value === undefined || value === null) return fallback;
  }
  return value;
}

function missing(args: Value, data: Value): Value {
  const parsed = parse(args, data);
  const keys = typeof parsed === 'string' ? [parsed] : list(parsed);
  return keys.filter((key) => variable(key, data) === null);
}

function missingSome(args: Value, data: Value): Value {
  const parsed = list(parse(args, data));
  const wanted = int(num(parsed[0]));
  if (parsed.length < 2) return panic('no keys');
  const keys = parsed[1] as Value;
  if (!Array.isArray(keys) || keys.length === 0) return [];
  const absent = keys.filter((key) => variable(key, data) === null);
  return wanted > keys.length - absent.length ? absent : [];
}

function subject(args: Value[], data: Value): Value {
  const [first] = args;
  if (first === undefined) return panic('no subject');
  if (Array.isArray(first)) return first;
  return first instanceof Map ? apply(first, data) : null;
}

function solve(value: Value, data: Value): Value {
  if (Array.isArray(value)) return value.map((item) => solve(item, data));
  if (!(value instanceof Map)) return value;
  const copy: Members = new Map();
  for (const [name, member] of value) {
    if (name !== 'var') {
      copy.set(name, solve(member, data));
      continue;
    }
    if (!(typeof member === 'string' && (member === '' || member.startsWith('.')))) {
      const found = variable(member, data);
      if (found !== null) return found;
    }
    copy.set(name, member);
  }
  return copy;
}

function filter(args: Value, data: Value): Value {
  const parts = list(args);
  if (parts.length < 2) return [];
  const items = subject(parts, data);
  if (items === null) return [];
  const logic = solve(parts[1] as Value, data);
  return list(items).filter((item) => truthy(parse(logic, item)));
}

function map(args: Value, data: Value): Value {
  const parts = list(args);
  if (parts.length < 2) return [];
  const items = subject(parts, data);
  return items === null ? [] : list(items).map((item) => parse(parts[1] as Value, item));
}

/** `all`, `none`, `some`. */
function quantifier(
  whenFalsy: boolean,
  decide: (items: Value[], test: (item: Value) => boolean) => boolean,
): Operation {
  return (args, data) => {
    const parts = list(args);
    const items = subject(parts, data);
    if (!truthy(items)) return whenFalsy;
    if (parts.length < 2) return panic('no logic');
    const logic = solve(parts[1] as Value, data);
    return decide(list(items), (item) => truthy(apply(logic, item)));
  };
}

function reduce(args: Value, data: Value): Value {
  const parts = list(args);
  if (parts.length < 3) return 0;
  const [, logic, third] = parts as [Value, Value, Value];
  let accumulator = third instanceof Map ? apply(third, data) : third;
  const type = typeof accumulator;
  if (type !== 'boolean' && type !== 'number' && type !== 'string') return panic('accumulator');
  const items = subject(parts, data);
  if (items === null) return 0;
  for (const item of list(items)) {
    if (item === null) continue;
    const context: Members = new Map<string, Value>([
      ['current', item],
      ['accumulator', accumulator],
      ['valueType', type === 'boolean' ? 'bool' : type],
    ]);
    const result = apply(logic, context);
    if (type === 'boolean') accumulator = truthy(result);
    else accumulator = type === 'number' ? num(result) : str(result);
  }
  return accumulator;
}

function set(args: Value, data: Value): Value {
  const parsed = parse(args, data);
  if (!Array.isArray(parsed) || parsed.length === 0) return null;
  const [object, name, member] = parsed as [Value, Value, Value];
  if (parsed.length < 3 || !(object instanceof Map) || typeof name !== 'string') return object;
  return new Map(object).set(name, parse(member, data));
}

/** The `contains_*` family. */
function contains(
  otherwise: boolean,
  decide: (wanted: Value[], found: (item: Value) => boolean) => boolean,
): Operation {
  return (args, data) => {
    const parsed = parse(args, data);
    if (!Array.isArray(parsed) || parsed.length !== 2) return otherwise;
    const [searched, wanted] = parsed as [Value, Value];
    if (!Array.isArray(searched) || !Array.isArray(wanted)) return otherwise;
    return decide(wanted, (item) => searched.some((element) => same(element, item)));
  };
}

/** `and`, `or`: the first value of that truth, else the last. */
function firstOf(truth: boolean): Operation {
  return (args, data) => {
    let last: Value = null;
    for (const item of list(args)) {
      last = parse(item, data);
      if (truthy(last) === truth) break;
    }
    return last;
  };
}

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['and', firstOf(false)],
  ['or', firstOf(true)],
  ['if', conditional],
  ['?:', conditional],
  ['!', not],
  ['!!', (args, data) => !not(args, data)],
  ['==', equals],
  ['!=', (args, data) => !equals(args, data)],
  ['===', hardEquals],
  ['!==', (args, data) => !hardEquals(args, data)],
  ['<', between(less, false)],
  ['<=', between(lessOrEqual, false)],
  ['>', between(less, true)],
  ['>=', between(lessOrEqual, true)],
  [
    '+',
    (args, data) => {
      const parsed = parse(args, data);
      return Array.isArray(parsed) ? parsed.reduce<number>((sum, item) => sum + num(item), 0) : num(parsed);
    },
  ],
  [
    '-',
    chain(
      (a) => -1 * a,
      (a, b) => a - b,
    ),
  ],
  [
    '*',
    (args, data) => {
      const parsed = parse(args, data);
      return Array.isArray(parsed) ? parsed.reduce<number>((product, item) => product * num(item), 1) : 1;
    },
  ],
  [
    '/',
    chain(
      (a) => a,
      (a, b) => a / b,
    ),
  ],
  [
    '%',
    (args, data) => {
      const parsed = list(parse(args, data));
      return num(parsed[0]) % num(parsed[1]);
    },
  ],
  ['max', extreme((a, b) => a > b)],
  ['min', extreme((a, b) => a < b)],
  [
    'abs',
    (args, data) => {
      const parsed = parse(args, data);
      if (!Array.isArray(parsed)) return Math.abs(num(parsed));
      return parsed.length === 0 ? 0 : Math.abs(num(parsed[0]));
    },
  ],
  ['in', contained],
  ['cat', cat],
  ['substr', substr],
  ['merge', merge],
  ['var', variable],
  ['missing', missing],
  ['missing_some', missingSome],
  ['filter', filter],
  ['map', map],
  ['all', quantifier(false, (items, test) => items.every(test))],
  ['none', quantifier(true, (items, test) => !items.some(test))],
  ['some', quantifier(false, (items, test) => items.some(test))],
  ['reduce', reduce],
  ['set', set],
  ['contains_all', contains(false, (wanted, found) => wanted.every(found))],
  ['contains_any', contains(false, (wanted, found) => wanted.some(found))],
  ['contains_none', contains(true, (wanted, found) => !wanted.some(found))],
]);
