/** Random evaluations for the native core and for Edict's kernel: flag, context, enrichment, default. One number replays a case. */

import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import { drawCase, Random } from '../../unit/flags/jsonlogic/random-cases.ts';
import { oddJsonText } from './json-text.ts';
import { anyFlag } from './native-flags.ts';
import { anyJson, anyText, DAY_MS, dateText, FIRST_DAY, oddDate, unicodeText } from './native-values.ts';
import { attributes } from './random-flags.ts';

export interface NativeCase {
  readonly seed: number;
  /** `{flagKey, flag, evalContext, flagContext}` */
  readonly input: JsonObject;
  /** The text that is sent; as a rule the plain one of the input. */
  readonly text: string;
}

export function nativeCase(seed: number): NativeCase {
  const random = new Random(seed);
  const input = evaluation(random);
  if (random.chance(0.06)) breakSomething(random, input);
  const kind = random.next();
  const plain = JSON.stringify(input);
  if (kind < 0.88) return { seed, input, text: plain };
  const text = oddJsonText(random, input);
  return { seed, input, text: kind < 0.99 ? text : cut(random, text) };
}

/** Flags of one relay, contexts for all of them, and the relay's enrichment. */
export interface RelayCase {
  readonly flags: Readonly<Record<string, JsonObject>>;
  readonly contexts: readonly JsonObject[];
  readonly enrichment: JsonObject;
}

export function relayCase(seed: number, flagCount: number, contextCount: number): RelayCase {
  const random = new Random(seed);
  const enrichment = attributes(random, 3);
  const occasions = Array.from({ length: contextCount }, () => {
    const now = anyInstant(random);
    const logic = random.chance(0.35);
    return { now, logic, context: anyContext(random, logic, now) };
  });
  const flags: Record<string, JsonObject> = {};
  for (let i = 0; i < flagCount; i++) {
    const { context, ...occasion } = random.pick(occasions);
    const flagKey = `${random.pick(['flag', 'ключ', '日本', '😀', 'a b'])}-${i}`;
    const bucket = String(context['targetingKey'] ?? '');
    flags[flagKey] = anyFlag(random, { ...occasion, flagKey, bucket, context: { ...context, ...enrichment } });
  }
  return asJson({ flags, contexts: occasions.map(({ context }) => context), enrichment });
}

/** What arrives on the other side of a wire: JSON has no -0, and -0 is truthy where 0 is not (spec/flags.md §9). */
function asJson(made: RelayCase): RelayCase {
  return JSON.parse(JSON.stringify(made)) as RelayCase;
}

function anyInstant(random: Random): number {
  return FIRST_DAY + random.below(180) * DAY_MS + random.pick([0, 0, 1, 1000, random.below(DAY_MS)]);
}

function evaluation(random: Random): JsonObject {
  const now = anyInstant(random);
  const logic = random.chance(0.35);
  const context = anyContext(random, logic, now);
  const enrichment = random.chance(0.3) ? anyEnrichment(random) : undefined;
  const flagKey = random.pick([
    'flag',
    'new-checkout',
    '',
    'ключ',
    '日本',
    '😀',
    random.next().toString(36),
    anyText(random),
  ]);
  const { targetingKey } = context;
  const bucket = typeof targetingKey === 'string' ? targetingKey : '';
  const flag = anyFlag(random, { flagKey, bucket, now, logic, context: { ...context, ...enrichment } });
  const flagContext: JsonObject = {};
  if (enrichment !== undefined) flagContext['evaluationContextEnrichment'] = enrichment;
  if (random.chance(0.9)) flagContext['defaultSdkValue'] = anyJson(random, 2);
  return { flagKey, flag, evalContext: context, flagContext };
}

function anyContext(random: Random, logic: boolean, now: number): JsonObject {
  const context: JsonObject = logic ? { ...drawCase(random).data } : {};
  if (logic) for (const name of ['key', 'anonymous', 'targetingKey']) if (random.chance(0.7)) delete context[name];
  Object.assign(context, attributes(random, 7));
  for (const name of ['plan', 'name', 'x'])
    if (random.chance(0.3)) context[name] = random.chance(0.5) ? unicodeText(random) : anyJson(random, 0);
  if (random.chance(0.92))
    context['targetingKey'] = random.chance(0.9) ? `user-${random.below(1_000_000)}` : anyJson(random, 1);
  if (random.chance(0.2)) context['anonymous'] = random.pick<JsonValue>([true, false, 'true', null, 1]);
  if (random.chance(0.97)) context['gofeatureflag'] = { currentDateTime: dateText(random, now) };
  else if (random.chance(0.5))
    context['gofeatureflag'] = random.pick<JsonValue>([{}, { currentDateTime: oddDate(random) }, null, 'x', []]);
  return context;
}

function anyEnrichment(random: Random): JsonObject {
  const enrichment = attributes(random, 4);
  if (random.chance(0.1)) enrichment['targetingKey'] = anyText(random);
  if (random.chance(0.1)) {
    const currentDateTime = dateText(random, FIRST_DAY + random.below(180) * DAY_MS);
    enrichment['gofeatureflag'] = random.chance(0.8) ? { currentDateTime } : anyJson(random, 1);
  }
  return enrichment;
}

/** Puts a value of any kind where the format wants one kind. */
function breakSomething(random: Random, input: JsonObject): void {
  let holder: JsonValue = random.chance(0.85) ? (input['flag'] as JsonObject) : input;
  for (;;) {
    const names: string[] = Object.keys(holder as object);
    if (names.length === 0) return;
    const name = random.pick(names);
    const value: JsonValue = (holder as JsonObject)[name] as JsonValue;
    if (typeof value === 'object' && value !== null && random.chance(0.75)) {
      holder = value;
      continue;
    }
    (holder as JsonObject)[name] = anyJson(random, 1);
    return;
  }
}

/** A text that ends early, or has a character too many. */
function cut(random: Random, text: string): string {
  const at = random.below(text.length);
  return random.chance(0.5)
    ? text.slice(0, at)
    : text.slice(0, at) + random.pick(['}', '"', ',', '1', 'é', '\\', '\t', 'nul']) + text.slice(at);
}
