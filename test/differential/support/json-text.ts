/** Writes JSON as few programs would: spaces, escapes, other spellings of numbers and names, members that come twice. */

import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import type { Random } from '../../unit/flags/jsonlogic/random-cases.ts';

export function oddJsonText(random: Random, value: JsonValue): string {
  return write(random, value);
}

function write(random: Random, value: JsonValue): string {
  if (typeof value === 'string') return string(random, value);
  if (typeof value === 'number') return number(random, value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => space(random) + write(random, item)).join(',')}]`;
  return object(random, value);
}

function object(random: Random, value: JsonObject): string {
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (random.chance(0.03))
      members.push(`${string(random, spelled(random, name))}:${write(random, earlier(random, member))}`);
    members.push(
      `${string(random, random.chance(0.03) ? spelled(random, name) : name)}${space(random)}:${write(random, member)}`,
    );
  }
  return `{${members.map((member) => space(random) + member).join(`${space(random)},`)}}`;
}

/** What a member was before it comes again: another value of its kind, or part of the same one. */
function earlier(random: Random, value: JsonValue): JsonValue {
  if (typeof value === 'string') return random.pick(['', 'x', value]);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(() => random.chance(0.5)));
}

/** Member names of the format are found without regard to case. */
function spelled(random: Random, name: string): string {
  return random.pick([
    name,
    name.toUpperCase(),
    name.toLowerCase(),
    name.slice(0, 1).toUpperCase() + name.slice(1),
    name.replace('s', 'ſ'),
  ]);
}

function string(random: Random, text: string): string {
  if (random.chance(0.9)) return JSON.stringify(text);
  return `"${[...text].map((char) => escaped(random, char)).join('')}"`;
}

function escaped(random: Random, char: string): string {
  if (char.length === 1 && random.chance(0.3)) return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  if (char === '/') return '\\/';
  return JSON.stringify(char).slice(1, -1);
}

function number(random: Random, value: number): string {
  const text = Object.is(value, -0) ? '-0' : JSON.stringify(value);
  if (random.chance(0.8)) return text;
  if (Number.isInteger(value) && Math.abs(value) < 1e15)
    return random.pick([`${value}.0`, `${value}e0`, `${value}E+00`, `${value * 10}e-1`, text]);
  return random.pick([value.toExponential(), value.toExponential(20), text]);
}

function space(random: Random): string {
  return random.chance(0.9) ? '' : random.pick([' ', '\t', '\n', '\r\n', '  ']);
}
