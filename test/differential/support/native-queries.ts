/** Random queries: the grammar at large, comparisons that all but hit what the context holds, and JSONLogic. */

import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import { drawCase, type Random } from '../../unit/flags/jsonlogic/random-cases.ts';
import { anyText, otherCase } from './native-values.ts';
import { query, VERSIONS } from './random-flags.ts';

/** What the rules of one flag ask: the logic comes with a context that it reads. */
export interface Subject {
  readonly context: JsonObject;
  readonly logic: boolean;
}

export function anyQuery(random: Random, { context, logic }: Subject): string {
  if (random.chance(0.03))
    return random.pick(['', ' ', '\n', '{}', 'null', '[]', 'true', '{"==":[1,1]}', '{"and":[]', '{"a":1}{}', '\t']);
  if (logic && random.chance(0.85)) return logicQuery(random);
  return random.chance(0.4) ? query(random, 2) : nearQuery(random, context);
}

function logicQuery(random: Random): string {
  const { rule } = drawCase(random);
  const text = JSON.stringify(rule, undefined, random.pick(['', '', '', ' ', '\t', '  ']));
  return random.chance(0.03) ? text.slice(0, random.below(text.length)) : text;
}

/** One to four comparisons with values the context has, or nearly has. */
function nearQuery(random: Random, context: JsonObject): string {
  let text = nearOperand(random, context);
  for (let more = random.pick([0, 0, 0, 1, 1, 2, 3]); more > 0; more--) {
    text += `${random.pick([' and ', ' or ', ' and ', ' or ', ' \n and ', '\n or '])}${nearOperand(random, context)}`;
  }
  return random.chance(0.03) ? scarred(random, text) : text;
}

function scarred(random: Random, text: string): string {
  const at = random.below(text.length);
  const scar = random.pick([
    '',
    ' ',
    '  ',
    '(',
    ')',
    '"',
    '.',
    '-',
    '[',
    ',',
    'é',
    '\t',
    '\\',
    'and',
    ' not ',
    '=',
    '!',
  ]);
  return text.slice(0, at) + scar + text.slice(at + random.below(3));
}

function nearOperand(random: Random, context: JsonObject): string {
  const [path, value] = random.chance(0.9) ? somewhere(random, context) : [['missing', 'x'], null];
  const name = path.map((part) => (/^[A-Za-z][-_:0-9A-Za-z]*$/.test(part) ? part : 'x')).join('.');
  const text = random.chance(0.06) ? `${name} pr` : `${name} ${nearComparison(random, value)}`;
  return random.chance(0.15) ? `${random.pick(['', 'not ', 'NOT '])}(${text})` : text;
}

/** A path into the context, and what is there. */
function somewhere(random: Random, context: JsonObject): [string[], JsonValue] {
  const path: string[] = [];
  let value: JsonValue = { ...context, key: context['targetingKey'] ?? '', anonymous: context['anonymous'] === true };
  while (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const names: string[] = Object.keys(value);
    if (names.length === 0 || (path.length > 0 && random.chance(0.2))) break;
    const name = random.pick(names);
    path.push(name);
    value = value[name] as JsonValue;
  }
  return [path, value];
}

const ORDERS = [
  'eq',
  'ne',
  'gt',
  'lt',
  'ge',
  'le',
  '==',
  '!=',
  '>',
  '<',
  '>=',
  '<=',
  'EQ',
  'NE',
  'GT',
  'LT',
  'GE',
  'LE',
];
const PARTS = ['co', 'sw', 'ew', 'CO', 'SW', 'EW'];

function nearComparison(random: Random, value: JsonValue): string {
  const order = random.pick(ORDERS);
  // Another kind of value than the attribute is.
  if (random.chance(0.06))
    return `${random.pick([...ORDERS, ...PARTS, 'in'])} ${random.pick(['null', 'true', '1', '1.0', '"a"', '1.2.3', '[1,2]', '["a"]', '[1.5]'])}`;
  if (typeof value === 'string') return nearText(random, value, order);
  if (typeof value === 'number') return nearNumber(random, value, order);
  if (typeof value === 'boolean') return `${random.pick(['eq', 'ne', '==', '!='])} ${random.chance(0.5)}`;
  return `${random.pick(['eq', 'ne', order])} ${random.pick(['null', 'null', 'true', '""', '0'])}`;
}

function nearText(random: Random, value: string, order: string): string {
  if (/^\d+\.\d+\.\d+/.test(value) && random.chance(0.8)) {
    return `${order} ${random.pick([...VERSIONS, value, value.replace(/\d/, (digit) => String((Number(digit) + 1) % 10))])}`;
  }
  const kind = random.next();
  if (kind < 0.45) return `${order} ${quoted(random, random.chance(0.8) ? otherCase(random, value) : anyText(random))}`;
  const chars = [...value];
  const [from, to] = [random.below(chars.length + 1), random.below(chars.length + 1)].sort((a, b) => a - b);
  if (kind < 0.8) {
    const operator = random.pick(PARTS);
    const part =
      operator === 'co' || operator === 'CO'
        ? chars.slice(from, to)
        : operator === 'sw' || operator === 'SW'
          ? chars.slice(0, to)
          : chars.slice(from);
    return `${operator} ${quoted(random, otherCase(random, part.join('')))}`;
  }
  const items = [random.chance(0.7) ? value : otherCase(random, value), ...random.list(3, () => anyText(random))];
  return `${random.pick(['in', 'IN'])} [${items.map((item) => quoted(random, item)).join(random.pick([',', ', ']))}]`;
}

/** A literal of the query language, which decodes no escapes: mostly the bare characters, sometimes what JSON would write. */
function quoted(random: Random, text: string): string {
  return random.chance(0.85) ? `"${text}"` : JSON.stringify(text);
}

function nearNumber(random: Random, value: number, order: string): string {
  const whole = Math.trunc(value);
  const integer = Math.abs(whole) < 1e25 ? String(BigInt(whole) + BigInt(random.pick([0, 0, 0, 1, -1]))) : '1';
  const plain = Math.abs(value) < 1e21 ? String(value) : value.toExponential();
  const decimal = /[.]/.test(plain) ? plain : plain.replace(/^(-?\d+)/, '$1.0');
  const kind = random.next();
  if (kind < 0.4) return `${order} ${integer}`;
  if (kind < 0.75) return `${order} ${random.chance(0.8) ? decimal : `${integer}.0`}`;
  const items = random.chance(0.5) ? [integer, '0', '3'] : [decimal, '0.5', '3.0'];
  return `${random.pick(['in', 'IN'])} [${items.slice(0, 1 + random.below(3)).join(random.pick([',', ', ']))}]`;
}
