/** Random flags in every shape the format has: rules, percentages at the edges of their hash, rollouts, steps, what is only echoed. */

import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import type { Random } from '../../unit/flags/jsonlogic/random-cases.ts';
import { anyQuery, type Subject } from './native-queries.ts';
import { anyJson, anyText, dateNear } from './native-values.ts';

/** What a flag is made for; most of it decides where the edges are. */
export interface Occasion extends Subject {
  readonly flagKey: string;
  readonly bucket: string;
  /** The instant of the evaluation, in milliseconds since 1970. */
  readonly now: number;
}

const NAMES = ['on', 'off', 'a', 'b', 'A', 'True', '', '\uffff', '😀', 'é', 'unknown', 'SdkDefault'];
const RULE_NAMES = ['first', 'second', 'third', '', 'é'];

export function anyFlag(random: Random, occasion: Occasion): JsonObject {
  const flag: JsonObject = {
    variations: variations(random),
    targeting: random.list(3, () => rule(random, occasion)),
    defaultRule: rule(random, occasion),
  };
  if (random.chance(0.3)) flag['scheduledRollout'] = random.list(3, () => step(random, occasion, 0));
  if (random.chance(0.15)) flag['experimentation'] = experimentation(random, occasion);
  if (random.chance(0.12)) flag['bucketingKey'] = bucketingKey(random, occasion.context);
  if (random.chance(0.08)) flag['disable'] = random.chance(0.5);
  if (random.chance(0.2)) flag['trackEvents'] = random.chance(0.5);
  if (random.chance(0.2)) flag['version'] = anyText(random);
  if (random.chance(0.2)) flag['metadata'] = metadata(random);
  for (const name of Object.keys(flag)) if (random.chance(0.02)) delete flag[name];
  return flag;
}

function variations(random: Random): JsonObject {
  const kinds: (() => JsonValue)[] = [
    () => random.chance(0.5),
    () => anyText(random),
    () => random.below(1000),
    () => anyJson(random),
  ];
  const make = random.pick(kinds);
  const names = random.chance(0.8) ? ['on', 'off', 'a', 'b'] : random.list(4, () => random.pick(NAMES));
  return Object.fromEntries(names.map((name) => [name, make()]));
}

function rule(random: Random, occasion: Occasion): JsonObject {
  const made: JsonObject = random.chance(0.9) ? { query: anyQuery(random, occasion) } : {};
  if (random.chance(0.7)) made['name'] = random.pick(RULE_NAMES);
  if (random.chance(0.08)) made['disable'] = random.chance(0.7);
  const kind = random.next();
  if (kind < 0.5 || random.chance(0.1))
    made['variation'] = random.chance(0.9) ? random.pick(['on', 'off']) : random.pick(NAMES);
  if (kind >= 0.5 && kind < 0.82) made['percentage'] = percentage(random, occasion);
  if (kind >= 0.82 && kind < 0.97) made['progressiveRollout'] = progressive(random, occasion);
  return made;
}

const SHARES = [
  [50, 50],
  [100],
  [0],
  [100, 0],
  [10, 20, 70],
  [33.5, 66.5],
  [0.1, 32.3],
  [0.1, 0.7],
  [0.0004],
  [99.999, 0.001],
  [1, 1],
  [1, 2, 3],
  [25, 25, 25, 25],
  [150, 50],
  [0, 0],
  [33.3, 33.3, 33.4],
  [0.5, 0.25, 0.25],
  [12.345, 87.655],
  [1000, 2000],
  [],
  [1e-7, 50],
];

function percentage(random: Random, occasion: Occasion): JsonObject {
  if (random.chance(0.35)) return edgePercentage(random, occasion);
  const names = random.chance(0.7) ? ['on', 'off', 'a', 'b'] : [...NAMES].sort(() => random.next() - 0.5);
  return Object.fromEntries(
    random.pick(SHARES).map((share, i) => [names[i] as string, random.chance(0.02) ? null : share]),
  );
}

/** A border exactly at the hash of this user, one step before it or one after. */
function edgePercentage(random: Random, { flagKey, bucket }: Occasion): JsonObject {
  const border = (fnv1a(flagKey + bucket) % 100_000) + random.pick([-1, 0, 0, 1, 1]);
  const share = Math.min(100_000, Math.max(0, border)) / 1000;
  const [first, second] = random.pick([
    ['on', 'off'],
    ['off', 'on'],
    ['😀', '\uffff'],
    ['', 'a'],
  ]) as [string, string];
  return { [first]: share, [second]: 100 - share };
}

function fnv1a(text: string): number {
  let hash = 2_166_136_261;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0;
  return hash;
}

function progressive(random: Random, { now }: Occasion): JsonObject {
  const end = (percent: number[]): JsonObject => {
    const made: JsonObject = {
      variation: random.pick(['on', 'off', 'a', 'unknown', '']),
      percentage: random.pick(percent),
      date: dateNear(random, now),
    };
    for (const name of Object.keys(made)) if (random.chance(0.06)) delete made[name];
    return made;
  };
  const made: JsonObject = { initial: end([0, 0, 5, 50, 33.333, 99.999]), end: end([100, 100, 0, 50, 99.5, 150, 10]) };
  for (const name of Object.keys(made)) if (random.chance(0.03)) delete made[name];
  return made;
}

function experimentation(random: Random, { now }: Occasion): JsonObject {
  return {
    ...(random.chance(0.75) ? { start: dateNear(random, now) } : {}),
    ...(random.chance(0.75) ? { end: dateNear(random, now) } : {}),
  };
}

/** A change that comes in force at its date: any part of a flag, rules by their names. */
function step(random: Random, occasion: Occasion, depth: number): JsonObject {
  const made: JsonObject = {};
  if (random.chance(0.95)) made['date'] = dateNear(random, occasion.now);
  if (random.chance(0.6)) made['targeting'] = random.list(2, () => stepRule(random, occasion));
  if (random.chance(0.4)) made['defaultRule'] = stepRule(random, occasion);
  if (random.chance(0.2)) made['variations'] = { [random.pick(NAMES)]: anyJson(random, 1) };
  if (random.chance(0.15)) made['experimentation'] = experimentation(random, occasion);
  if (random.chance(0.15)) made['disable'] = random.chance(0.5);
  if (random.chance(0.1)) made['trackEvents'] = random.chance(0.5);
  if (random.chance(0.1)) made['version'] = anyText(random);
  if (random.chance(0.1)) made['metadata'] = metadata(random);
  if (random.chance(0.05)) made['bucketingKey'] = bucketingKey(random, occasion.context);
  if (depth === 0 && random.chance(0.05)) made['scheduledRollout'] = [step(random, occasion, 1)];
  return made;
}

/** A rule of a step may hold any part of one; entries below zero take names out of a percentage. */
function stepRule(random: Random, occasion: Occasion): JsonObject {
  const made = rule(random, occasion);
  for (const name of Object.keys(made)) if (name !== 'name' && random.chance(0.25)) delete made[name];
  const { percentage: shares } = made;
  if (typeof shares === 'object' && random.chance(0.3)) (shares as JsonObject)[random.pick(['on', 'off', 'a'])] = -1;
  return made;
}

function metadata(random: Random): JsonObject {
  const names = ['owner', 'description', 'evaluatedRuleName', 'é', '<b>', '', '😀', '\uffff'];
  return Object.fromEntries(random.list(3, () => [random.pick(names), anyJson(random, 2)]));
}

function bucketingKey(random: Random, context: JsonObject): JsonValue {
  if (random.chance(0.3))
    return random.pick(['', 'key', 'targetingKey', 'anonymous', 'missing', 'a.', '.a', 'a..b', 'team.id', '.']);
  const path: string[] = [];
  let value: JsonValue = context;
  do {
    const names: string[] = Object.keys(value as JsonObject);
    if (names.length === 0) break;
    const name = random.pick(names);
    path.push(name);
    value = (value as JsonObject)[name] as JsonValue;
  } while (typeof value === 'object' && value !== null && !Array.isArray(value));
  return path.join('.');
}
