/** Random JSONLogic rules and contexts: mostly meaningful, with the odd and the wrong mixed in. One number replays a case. */

import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';

export interface RandomCase {
  readonly rule: JsonValue;
  readonly data: JsonObject;
}

/** Case number `seed`, always the same one. */
export function randomCase(seed: number): RandomCase {
  return drawCase(new Random(seed));
}

/** A case out of numbers that others draw from as well. */
export function drawCase(random: Random): RandomCase {
  const data = context(random);
  return { rule: new RuleMaker(random).rule(random.below(5) + 1), data };
}

/** Mulberry32: small, and good enough to pick test data. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1);
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}

const NUMBERS = [
  ...[
    0, -0, 1, 2, 3, 4, 5, 10, 18, 42, 100, -1, -2, -3, 0.5, 1.5, 2.5, -1.5, 0.1, 0.2, 0.30000000000000004, 1e21, 1e-7,
  ],
  ...[5e-324, 1.7976931348623157e308, 9007199254740992, 123456789012345680000, 1e15, 2 ** 63, -(2 ** 63), 1e100, 50],
];

const NUMBER_TEXTS = [
  ...[
    '1',
    '0',
    '2',
    '1.5',
    '-1',
    '+2',
    '.5',
    '5.',
    '1e3',
    '1e400',
    '-1e400',
    '1_000',
    '1__0',
    '_1',
    '1_',
    '0x10',
    '0x1p4',
  ],
  ...[
    '0X1.8P1',
    '0x_1p1',
    '0x1p-1',
    'inf',
    'Infinity',
    '-inf',
    '+INF',
    'nan',
    'NaN',
    '-nan',
    'infin',
    '1e',
    '1e+',
    '1e5_0',
  ],
  ...['', ' ', '\t\n', '\u00a0', ' 1', '1 ', '--1', '1.2.3', '0.1e-400', '00012', '1.', '.', '-.5', '1e-2', '-0', '4'],
  ...['9007199254740993', '2.2250738585072011e-308', '179769313486231580793728971405301e276', '0.30000000000000004'],
];

const TEXTS = [
  ...['a', 'b', 'z', 'foo', 'bar', 'foobar', 'FR', 'US', 'de', 'foo@bar.com', '@bar.com', 'x', 'gold', 'premium', 'u1'],
  ...[
    'é',
    'straße',
    '😀',
    '😀6',
    'a😀b',
    '日本語',
    '\u0085x\u2028',
    ' foo ',
    '\u3000x',
    'user-1',
    'true',
    'null',
    'admin',
  ],
];

const ATTRIBUTES = [
  'age',
  'email',
  'country',
  'beta',
  'score',
  'user',
  'items',
  'nums',
  'strs',
  'rule',
  'nothing',
  'zz',
];

const PATHS = [
  ...['user.name', 'user.plan.tier', 'user.tags', 'user.tags.0', 'user.tags.1', 'items.0', 'items.0.n', 'items.1.name'],
  ...[
    'items.-0',
    'items.0x0p0',
    'items.1_0',
    'items.inf',
    'items.nan',
    'items.1e0',
    'items.00',
    'nums.0',
    'nums.1',
    'nums.9',
  ],
  ...[
    'user..name',
    '.user.name',
    'user.name.',
    'age.x',
    'email.0',
    'targetingKey',
    'key',
    'anonymous',
    'key.x',
    'anonymous.a',
  ],
  ...[
    'targetingKey.a.b',
    '.',
    '..',
    '',
    '0',
    '1',
    'inf',
    'user.infinity',
    'user.0',
    'nested.0.0',
    'nested.1',
    'nested.0',
    'rule.var',
  ],
  ...[
    'constructor',
    '__proto__',
    'user.__proto__',
    'n',
    'name',
    'current',
    'accumulator',
    'valueType',
    'current.n',
    '1.5',
    '-0',
  ],
];

/** Names that mean something for the elements of `items` and in `reduce`. */
const INNER_PATHS = [
  '',
  'n',
  'name',
  'tags',
  'tags.0',
  '.n',
  '.name',
  'current',
  'accumulator',
  'current.n',
  'valueType',
  'age',
  'beta',
];

function primitive(random: Random): JsonValue {
  const kind = random.next();
  if (kind < 0.35) return random.pick(NUMBERS);
  if (kind < 0.6) return random.pick(TEXTS);
  if (kind < 0.75) return random.pick(NUMBER_TEXTS);
  if (kind < 0.88) return random.chance(0.5);
  return kind < 0.95 ? null : random.below(30);
}

function anyValue(random: Random, depth: number): JsonValue {
  if (depth === 0 || random.chance(0.6)) return primitive(random);
  if (random.chance(0.6)) return random.list(3, () => anyValue(random, depth - 1));
  return Object.fromEntries(
    random.list(3, () => [
      random.pick(['a', 'b', 'n', 'name', 'var', '0', '', 'plan', '==', 'x']),
      anyValue(random, depth - 1),
    ]),
  );
}

/** A rule in the context that does not read itself: as logic it would go on for ever. */
function renamed(rule: JsonValue): JsonValue {
  if (typeof rule === 'string') return rule.replace('rule', 'user');
  if (Array.isArray(rule)) return rule.map(renamed);
  if (typeof rule !== 'object' || rule === null) return rule;
  return Object.fromEntries(Object.entries(rule).map(([name, member]) => [name, renamed(member)]));
}

function context(random: Random): JsonObject {
  const item = (): JsonValue => {
    if (random.chance(0.15)) return anyValue(random, 2);
    const members: JsonObject = { n: random.chance(0.7) ? random.below(5) : primitive(random) };
    if (random.chance(0.6)) members.name = random.pick(TEXTS);
    if (random.chance(0.3)) members.tags = random.list(3, () => primitive(random));
    return members;
  };
  const makers: Record<string, () => JsonValue> = {
    age: () => random.pick<JsonValue>([17, 18, 19, '18', '42', 1.5, null]),
    email: () => random.pick(['foo@bar.com', 'x', '', 'a@b.c']),
    country: () => random.pick(['FR', 'US', 'de']),
    beta: () => random.chance(0.5),
    score: () => primitive(random),
    user: () => ({
      ...(random.chance(0.7) ? { name: random.pick(TEXTS) } : {}),
      ...(random.chance(0.6) ? { plan: random.chance(0.8) ? { tier: 'gold' } : primitive(random) } : {}),
      tags: random.list(3, () => random.pick(TEXTS)),
      ...(random.chance(0.1) ? { infinity: 1, '0': 'zero' } : {}),
    }),
    items: () => random.list(4, item),
    nums: () => random.list(4, () => (random.chance(0.8) ? random.pick(NUMBERS) : primitive(random))),
    strs: () => random.list(4, () => random.pick(random.chance(0.8) ? TEXTS : NUMBER_TEXTS)),
    nested: () => random.list(3, () => random.list(3, () => anyValue(random, 1))),
    rule: () => renamed(new RuleMaker(random).rule(2)),
    n: () => random.below(4),
    name: () => random.pick(TEXTS),
    nothing: () => null,
    constructor: () => primitive(random),
    '0': () => primitive(random),
  };
  const data: JsonObject = {};
  for (const [name, make] of Object.entries(makers))
    if (random.chance(name.length < 2 ? 0.2 : 0.75)) data[name] = make();
  const key = random.chance(0.9) ? random.pick(TEXTS) : '';
  return { ...data, anonymous: random.chance(0.3), key, targetingKey: key };
}

const COMPARISONS = ['==', '!=', '===', '!==', '<', '<=', '>', '>='];
const ARITHMETIC = ['+', '-', '*', '/', '%', 'max', 'min', 'abs'];
const LOOPS = ['filter', 'map', 'all', 'none', 'some'];
const CONTAINS = ['contains_all', 'contains_any', 'contains_none'];
const OTHERS = [
  'cat',
  'substr',
  'merge',
  'missing',
  'missing_some',
  'set',
  'in',
  '!',
  '!!',
  'and',
  'or',
  'if',
  '?:',
  'var',
  'reduce',
];
const OPERATORS = [...COMPARISONS, ...ARITHMETIC, ...LOOPS, ...CONTAINS, ...OTHERS];

class RuleMaker {
  readonly #random: Random;
  /** Inside the logic of a loop, where names mean members of the elements. */
  #inner = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Something that decides: a comparison, a combination, a quantifier; sometimes any expression. */
  rule(depth: number): JsonValue {
    const random = this.#random;
    if (depth <= 0) return this.variable();
    const kind = random.next();
    if (kind < 0.3) return { [random.pick(COMPARISONS)]: this.operands(depth, random.chance(0.25) ? 3 : 2) };
    if (kind < 0.45) return { [random.pick(['and', 'or'])]: random.list(3, () => this.rule(depth - 1)) };
    if (kind < 0.53)
      return { [random.pick(['!', '!!'])]: random.chance(0.5) ? [this.rule(depth - 1)] : this.rule(depth - 1) };
    if (kind < 0.61) return { in: [this.value(depth - 1), this.list(depth - 1)] };
    if (kind < 0.71) return this.loop(depth);
    if (kind < 0.76) return { [random.pick(CONTAINS)]: [this.list(depth - 1), this.list(depth - 1)] };
    if (kind < 0.82) return this.conditional(depth);
    return kind < 0.95 ? this.value(depth) : this.odd(depth);
  }

  variable(): JsonValue {
    const random = this.#random;
    const known = random.chance(0.6) ? random.pick(ATTRIBUTES) : random.pick(PATHS);
    const path = random.chance(this.#inner > 0 ? 0.75 : 0.05) ? random.pick(INNER_PATHS) : known;
    const kind = random.next();
    if (kind < 0.7) return { var: path };
    if (kind < 0.78) return { var: [path] };
    if (kind < 0.88) return { var: [path, random.chance(0.7) ? primitive(random) : this.value(1)] };
    if (kind < 0.9) return { var: [path, primitive(random), primitive(random)] };
    if (kind < 0.92) return { var: this.value(1) };
    return {
      var: random.pick<JsonValue>([null, [], 0, 1, 1.5, -0, 1e21, 1e-7, true, ['', 1], [1], [null, 2], {}, [[]]]),
    };
  }

  /** An expression that comes to a primitive, mostly. */
  value(depth: number): JsonValue {
    const random = this.#random;
    const kind = random.next();
    if (depth <= 0 || kind < 0.35) return random.chance(0.5) ? primitive(random) : this.variable();
    if (kind < 0.6) {
      const operator = random.pick(ARITHMETIC);
      if (random.chance(0.06)) return { [operator]: random.chance(0.5) ? [] : this.value(depth - 1) };
      return { [operator]: this.operands(depth, 1 + random.below(3)) };
    }
    if (kind < 0.7)
      return { cat: random.chance(0.1) ? this.value(depth - 1) : random.list(4, () => this.value(depth - 1)) };
    if (kind < 0.8) return this.substring(depth);
    if (kind < 0.86) return this.fold(depth);
    if (kind < 0.92) return this.conditional(depth);
    return kind < 0.97 ? this.variable() : this.rule(depth - 1);
  }

  operands(depth: number, count: number): JsonValue[] {
    return Array.from({ length: count }, () =>
      this.#random.chance(0.9) ? this.value(depth - 1) : this.list(depth - 1),
    );
  }

  substring(depth: number): JsonValue {
    const random = this.#random;
    const position = (): JsonValue =>
      random.chance(0.8) ? random.below(9) - 4 : random.pick<JsonValue>([1.9, '1', 50, -50, 1e300, null, 'x', -0.5]);
    const text = random.chance(0.6) ? random.pick(TEXTS) : this.value(depth - 1);
    return {
      substr: [text, position(), ...(random.chance(0.6) ? [position()] : []), ...(random.chance(0.05) ? [1] : [])],
    };
  }

  conditional(depth: number): JsonValue {
    const random = this.#random;
    const clauses = Array.from({ length: random.below(5) }, (_, i) =>
      i % 2 === 0 ? this.rule(depth - 1) : this.value(depth - 1),
    );
    return { [random.pick(['if', '?:'])]: clauses };
  }

  /** An expression that comes to a list, mostly. */
  list(depth: number): JsonValue {
    const random = this.#random;
    const kind = random.next();
    if (kind < 0.3) return random.list(4, () => (random.chance(0.8) ? primitive(random) : this.value(depth - 1)));
    if (kind < 0.55)
      return { var: random.pick(['items', 'nums', 'strs', 'user.tags', 'nested', 'nested.0', 'email', 'tags', 'zz']) };
    if (depth <= 0) return random.list(3, () => anyValue(random, 1));
    if (kind < 0.62) return random.list(3, () => [this.value(0), this.value(0)]);
    if (kind < 0.7)
      return { merge: random.chance(0.8) ? random.list(3, () => this.list(depth - 1)) : this.value(depth - 1) };
    if (kind < 0.84) return { [random.pick(['filter', 'map'])]: [this.list(depth - 1), this.logic(depth - 1)] };
    if (kind < 0.9) return { missing: random.chance(0.8) ? random.list(3, () => this.key()) : this.value(depth - 1) };
    if (kind < 0.95)
      return { missing_some: [random.pick<JsonValue>([0, 1, 2, 3, '1', 1.9]), random.list(3, () => this.key())] };
    return this.value(depth - 1);
  }

  key(): JsonValue {
    const random = this.#random;
    if (random.chance(0.85)) return random.pick([...ATTRIBUTES, ...PATHS]);
    return random.pick<JsonValue>([1, null, ['age', 1], ['zz', 1], [], this.variable(), true, 1.5]);
  }

  logic(depth: number): JsonValue {
    this.#inner++;
    const logic = this.#random.chance(0.85) ? this.rule(depth) : this.value(depth);
    this.#inner--;
    return logic;
  }

  loop(depth: number): JsonValue {
    const random = this.#random;
    return { [random.pick(LOOPS)]: [this.list(depth - 1), this.logic(depth - 1), ...(random.chance(0.03) ? [1] : [])] };
  }

  fold(depth: number): JsonValue {
    const random = this.#random;
    const step = random.pick<JsonValue>([
      { '+': [{ var: 'accumulator' }, { var: random.pick(['current', 'current.n']) }] },
      { cat: [{ var: 'accumulator' }, { var: random.pick(['current', 'current.name']) }] },
      { and: [{ var: 'accumulator' }, { '>': [{ var: random.pick(['current', 'current.n']) }, 0] }] },
      { max: [{ var: 'accumulator' }, { var: 'current' }] },
      this.logic(depth - 1),
    ]);
    const initial = random.pick<JsonValue>([0, 1, '', 'a', true, false, '5', this.value(depth - 1), null, []]);
    return { reduce: [this.list(depth - 1), step, initial] };
  }

  /** Any operator on any operand, and things that are no operation at all. */
  odd(depth: number): JsonValue {
    const random = this.#random;
    const kind = random.next();
    if (kind < 0.45)
      return {
        [random.pick(OPERATORS)]: random.list(4, () =>
          random.chance(0.5) ? this.value(depth - 1) : this.list(depth - 1),
        ),
      };
    if (kind < 0.6)
      return { [random.pick(OPERATORS)]: random.chance(0.5) ? this.value(depth - 1) : anyValue(random, 2) };
    if (kind < 0.75) {
      const object = random.pick<JsonValue>([
        {},
        { a: 1, b: { var: 'age' } },
        { var: 'user' },
        { var: 'rule' },
        { a: 1 },
      ]);
      return {
        set: [
          object,
          random.pick(['a', 'b', 'var', '==', 1]),
          random.chance(0.5) ? this.list(depth - 1) : this.value(depth - 1),
        ],
      };
    }
    if (kind < 0.85)
      return { if: [true, random.pick<JsonValue>([{ var: 'rule' }, { var: 'user' }, { set: [{}, 'var', 'age'] }])] };
    if (kind < 0.95) return anyValue(random, 3);
    return { [random.pick(['unknown', 'AND', '', 'var ', 'missing_som', 'and or'])]: [1] };
  }
}
