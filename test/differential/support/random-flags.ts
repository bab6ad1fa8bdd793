/** Random flags with nikunjy rules, percentages and schedules, and contexts their queries meet. One number replays a case. */

import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import { Random } from '../../unit/flags/jsonlogic/random-cases.ts';

/** What a rule or default rule serves. */
export type Serve = { readonly variation: string } | { readonly percentage: Readonly<Record<string, number>> };

export interface RandomRule {
  readonly name: string;
  readonly query: string;
  readonly serve: Serve;
  readonly disable: boolean;
}

/** A step overwrites queries and outcomes of the rules it names, and the default rule's variation. */
export interface RandomStep {
  /** Days after the first of January 2025. */
  readonly day: number;
  readonly rules: readonly { readonly name: string; readonly query?: string; readonly variation?: string }[];
  readonly defaultVariation: string | undefined;
  readonly disable: boolean | undefined;
}

export interface RandomFlag {
  readonly key: string;
  readonly rules: readonly RandomRule[];
  readonly fallback: Serve;
  readonly steps: readonly RandomStep[];
}

export interface RandomConfiguration {
  readonly flags: readonly RandomFlag[];
  readonly enrichment: JsonObject;
  readonly contexts: readonly JsonObject[];
}

export const YEAR_START = Date.UTC(2025, 0, 1);
export const DAY_MS = 86_400_000;

export function randomConfiguration(seed: number, flagCount = 4, contextCount = 5): RandomConfiguration {
  const random = new Random(seed);
  return {
    flags: Array.from({ length: flagCount }, (_, i) => flag(random, `${random.pick(KEYS)}${i}`)),
    enrichment: random.chance(0.3) ? attributes(random, 3) : {},
    contexts: Array.from({ length: contextCount }, () => context(random)),
  };
}

/** The flag as the relay would send it. */
export function flagJson({ rules, fallback, steps }: RandomFlag): JsonObject {
  return {
    variations: Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, name])),
    targeting: rules.map(({ name, query, serve, disable }) => ({ name, query, disable, ...serve })),
    defaultRule: { ...fallback },
    ...(steps.length === 0 ? {} : { scheduledRollout: steps.map(stepJson) }),
  };
}

function stepJson({ day, rules, defaultVariation, disable }: RandomStep): JsonObject {
  return {
    date: new Date(YEAR_START + day * DAY_MS).toISOString(),
    targeting: rules.map((rule) => ({ ...rule })),
    ...(defaultVariation === undefined ? {} : { defaultRule: { variation: defaultVariation } }),
    ...(disable === undefined ? {} : { disable }),
  };
}

const KEYS = ['flag', 'ключ', 'new-checkout-', '日本', ''];
const VARIATIONS = ['a', 'b', 'c', 'd', 'unknown'];
const NAMES = ['a', 'b', 'c', 'x', 'plan', 'name', 'n', 'v', 'key', 'targetingKey', 'anonymous', 'constructor'];
const TEXTS = [
  '',
  'a',
  'A',
  'abc',
  'ABC',
  'b',
  'pro',
  'Pro',
  'é',
  'É',
  'ß',
  'ẞ',
  'İ',
  'σΣς',
  '日本',
  '😀',
  '1',
  'true',
];
export const VERSIONS = [
  '1.2.3',
  '1.2.4',
  '0.0.0',
  '10.0.0',
  '1.2.3-rc.1',
  '1.2.3-rc.2',
  '1.2.3-1',
  '1.2.3-a-b',
  '1.2.3+b.7',
];
const INTEGERS = [0, 1, 2, 3, -1, 42, 2 ** 31, 2 ** 32 + 1, 2 ** 53, -(2 ** 53), 2 ** 62];
const FLOATS = [0.5, 1.9, -0.5, -1.5, 1e21, 1e300, 2 ** 63, -(2 ** 63), 5e-324, 1.0000000000000002];
const ORDERS = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', '==', '!=', '>', '<', '>=', '<='];

function flag(random: Random, key: string): RandomFlag {
  const rules = Array.from({ length: 1 + random.below(4) }, (_, i) => ({
    name: `r${i}`,
    query: query(random, 3),
    serve: serve(random),
    disable: random.chance(0.1),
  }));
  return { key, rules, fallback: serve(random), steps: random.chance(0.3) ? random.list(3, () => step(random)) : [] };
}

function serve(random: Random): Serve {
  if (random.chance(0.6)) return { variation: random.pick(VARIATIONS) };
  const shares = [[50, 50], [100], [10, 20, 70], [0.1, 32.3], [0, 100], [33.5, 66.5], [1, 2, 3]];
  const percentage: Record<string, number> = {};
  for (const [i, share] of random.pick(shares).entries()) percentage[VARIATIONS[i] as string] = share;
  return { percentage };
}

function step(random: Random): RandomStep {
  const names = ['r0', 'r1', 'r2', 'r3'].filter(() => random.chance(0.4));
  return {
    day: random.below(10),
    rules: names.map((name) => ({
      name,
      ...(random.chance(0.5) ? { query: query(random, 2) } : {}),
      variation: random.pick(VARIATIONS),
    })),
    defaultVariation: random.chance(0.4) ? random.pick(VARIATIONS) : undefined,
    disable: random.chance(0.2) ? random.chance(0.5) : undefined,
  };
}

/** A query of the grammar, now and then with a scar. */
export function query(random: Random, depth: number): string {
  if (random.chance(0.03)) return random.pick(['', '   ', 'foo', '(', 'a eq', 'a eq 1 and', 'x in []', 'not a eq 1']);
  const text = expression(random, depth);
  if (!random.chance(0.06)) return text;
  const at = random.below(text.length);
  const scar = random.pick(['', ' ', '(', ')', '.', '-', '"', '\t', '=', 'not ', '\n', '1', 'é']);
  return text.slice(0, at) + scar + text.slice(at + random.below(2));
}

function expression(random: Random, depth: number): string {
  let text = operand(random, depth);
  for (let more = random.pick([0, 0, 0, 1, 1, 2, 4]); more > 0; more--) {
    text += ` ${random.pick(['and', 'or'])} ${operand(random, depth)}`;
  }
  return text;
}

function operand(random: Random, depth: number): string {
  if (depth > 0 && random.chance(0.3))
    return `${random.pick(['', '', 'not ', 'NOT'])}(${expression(random, depth - 1)})`;
  const path = [
    random.pick(NAMES),
    ...random.pick([[], [], [], [1], [1], [1, 2], [1, 2, 3]]).map(() => random.pick(NAMES)),
  ];
  if (random.chance(0.12)) return `${path.join('.')} pr`;
  return `${path.join('.')} ${comparison(random)}`;
}

function comparison(random: Random): string {
  const order = random.pick(ORDERS);
  switch (random.below(12)) {
    case 0:
      return `${random.pick(['eq', 'ne', order])} null`;
    case 1:
      return `${random.pick(['eq', 'ne', 'eq', 'ne', order])} ${random.pick(['true', 'false'])}`;
    case 2:
    case 3:
      return `${order} ${text(random)}`;
    case 4:
    case 5:
      return `${random.pick(['co', 'sw', 'ew', 'CO'])} ${random.chance(0.95) ? text(random) : '1'}`;
    case 6:
      return `${order} ${random.pick(VERSIONS)}`;
    case 7:
      return `${order} ${integer(random)}`;
    case 8:
      return `${order} ${random.pick(['0.5', '1.0', '-0.5', '1.9', '1.0e21', '1.0e999', '2.0', '-1.5', '42.0'])}`;
    case 9:
      return `in [${items(random, () => text(random))}]`;
    case 10:
      return `in [${items(random, () => random.pick(['0', '1', '2', '3', '42', '2147483648', '4294967297']))}]`;
    default:
      return `in [${items(random, () => random.pick(['0.5', '1.0', '2.0', '1.9', '-0.5']))}]`;
  }
}

function items(random: Random, make: () => string): string {
  return [make(), ...random.list(4, make)].join(random.pick([',', ', ']));
}

function text(random: Random): string {
  return JSON.stringify(random.pick(random.chance(0.15) ? VERSIONS : TEXTS));
}

function integer(random: Random): string {
  return random.pick([
    '0',
    '1',
    '2',
    '-1',
    '42',
    '-0',
    '2147483648',
    '4294967297',
    '9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '1e5',
  ]);
}

function context(random: Random): JsonObject {
  const values = attributes(random, 7);
  if (random.chance(0.9))
    values['targetingKey'] = random.pick(['u1', 'u2', 'ユーザー', 'pro', random.next().toString(36)]);
  return values;
}

/** Attributes by the names that queries use, of every kind, nested up to three levels. */
export function attributes(random: Random, most: number): JsonObject {
  const values: JsonObject = {};
  for (const name of random.list(most, () => random.pick(NAMES))) values[name] = value(random, 3);
  return values;
}

function value(random: Random, depth: number): JsonValue {
  if (depth > 0 && random.chance(0.35)) {
    const members = random.list(3, () => [random.pick(NAMES), value(random, depth - 1)] as [string, JsonValue]);
    return random.chance(0.9) ? Object.fromEntries(members) : members.map(([, member]) => member);
  }
  const kinds: (() => JsonValue)[] = [
    () => random.pick(TEXTS),
    () => random.pick(TEXTS),
    () => random.pick(VERSIONS),
    () => random.pick(INTEGERS),
    () => random.pick(FLOATS),
    () => random.chance(0.5),
    () => null,
  ];
  return random.pick(kinds)();
}
