/** Reads the input of one evaluation (spec/flags.md §3.2), with the error texts of Go's JSON decoder (§10.4). */

import type { Mutable, Problems } from '../flags/decode-values.ts';
import { wrongType } from '../flags/decode-values.ts';
import { matchMember, memberNames } from '../flags/member-names.ts';
import { parseFlag } from '../flags/parse-flag.ts';
import { emptyRecord, isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import { addMember, asWritten } from './input-text.ts';
import { guardFlag } from './query-guards.ts';

export interface EvaluationInput {
  readonly flagKey: string;
  /** Any JSON: what is wrong inside the flag is the compiler's to say. */
  readonly flag: JsonValue;
  readonly evalContext: Readonly<JsonObject>;
  readonly enrichment: Readonly<JsonObject>;
  readonly defaultSdkValue: JsonValue;
}

const INPUT_MEMBERS = memberNames(['flagKey', 'flag', 'evalContext', 'flagContext']);
const CONTEXT_MEMBERS = memberNames(['evaluationContextEnrichment', 'defaultSdkValue']);
const MAP_TYPE = 'map[string]interface {}';
/** Deepest nesting of `{` and `[` in an input. */
const MAX_NESTING = 128;

/**
 * The input, or the details of the PARSE_ERROR it answers. `overflows` are the numbers of the text that fit no double: the value
 * has infinities in their places, and the error quotes the first.
 */
export function readEvaluationInput(
  raw: JsonValue,
  overflows: readonly string[] = [],
): EvaluationInput | { readonly error: string } {
  const read = decodeInput(raw);
  return 'error' in read ? { error: asWritten(quoteNumber(read.error, overflows)) } : read;
}

/** Go names the number where a number was wanted, and only the kind elsewhere. */
function quoteNumber(error: string, [first]: readonly string[]): string {
  return error.replace(
    /^(json: cannot unmarshal number) -?Infinity( into .* of type (.+))$/,
    (_all, what, where, type) =>
      type === 'float64' && first !== undefined ? `${what} ${first}${where}` : what + where,
  );
}

function decodeInput(raw: JsonValue): EvaluationInput | { readonly error: string } {
  if (nestsDeeper(raw, MAX_NESTING)) return { error: `input JSON exceeds the maximum nesting depth (${MAX_NESTING})` };
  if (raw !== null && !isJsonObject(raw)) {
    return { error: `json: cannot unmarshal ${kindOf(raw)} into Go value of type main.EvaluateInput` };
  }
  const input: Mutable<EvaluationInput> = {
    flagKey: '',
    flag: null,
    evalContext: {},
    enrichment: {},
    defaultSdkValue: null,
  };
  const problems: Problems = { type: undefined, date: undefined, depth: 0 };
  let typeBeforeFlag: string | undefined;
  for (const name of Object.keys(raw ?? {})) {
    const value = (raw as JsonObject)[name] as JsonValue;
    switch (matchMember(name, INPUT_MEMBERS)) {
      case 'flagKey':
        if (typeof value === 'string') input.flagKey = value;
        else if (value !== null) wrongType(problems, value, 'EvaluateInput', 'flagKey', 'string');
        break;
      case 'flag':
        if (value === null) break;
        if (input.flag === null) typeBeforeFlag = problems.type;
        if (isJsonObject(value)) input.flag = joined(input.flag, value);
        else wrongType(problems, value, 'EvaluateInput', 'flag', 'flag.InternalFlag');
        break;
      case 'evalContext':
        input.evalContext = readMap(problems, value, input.evalContext, 'EvaluateInput', 'evalContext');
        break;
      case 'flagContext':
        readFlagContext(problems, value, input);
        break;
    }
  }
  const parsed = parseFlag(input.flag);
  if ('error' in parsed) {
    // The first wrong type in document order is said, but a wrong date ends the reading wherever it stands.
    const { details } = parsed.error;
    return { error: details.startsWith('json: ') ? (typeBeforeFlag ?? details) : details };
  }
  const problem = problems.type ?? guardFlag(parsed.flag);
  return problem === undefined ? input : { error: problem };
}

/** A flag that comes twice, in two spellings: the second is read into what the first left. */
function joined(first: JsonValue, second: JsonObject): JsonObject {
  if (!isJsonObject(first)) return second;
  const both = emptyRecord<JsonValue>();
  for (const flag of [first, second])
    for (const name of Object.keys(flag)) addMember(both, name, flag[name] as JsonValue);
  return both;
}

function readFlagContext(problems: Problems, raw: JsonValue, input: Mutable<EvaluationInput>): void {
  if (raw === null) return;
  if (!isJsonObject(raw)) {
    wrongType(problems, raw, 'EvaluateInput', 'flagContext', 'flag.Context');
    return;
  }
  for (const name of Object.keys(raw)) {
    const value = raw[name] as JsonValue;
    const member = matchMember(name, CONTEXT_MEMBERS);
    if (member === 'evaluationContextEnrichment') {
      input.enrichment = readMap(problems, value, input.enrichment, 'Context', `flagContext.${member}`);
    } else if (member === 'defaultSdkValue') {
      input.defaultSdkValue = value;
      if (holdsOverflow(value)) wrongType(problems, Infinity, 'Context', `flagContext.${member}`, 'float64');
    }
  }
}

/** `null` empties the map; entries of a second spelling of the member are added. */
function readMap(
  problems: Problems,
  value: JsonValue,
  previous: Readonly<JsonObject>,
  struct: string,
  path: string,
): Readonly<JsonObject> {
  if (value === null) return {};
  if (!isJsonObject(value)) {
    wrongType(problems, value, struct, path, MAP_TYPE);
    return previous;
  }
  if (holdsOverflow(value)) wrongType(problems, Infinity, struct, path, 'float64');
  if (Object.keys(previous).length === 0) return value;
  const merged = emptyRecord<JsonValue>();
  for (const source of [previous, value]) {
    for (const name of Object.keys(source)) merged[name] = source[name] as JsonValue;
  }
  return merged;
}

/** True when a number fits no double: the JSON reader rounded it to Infinity. */
function holdsOverflow(value: JsonValue): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return false;
  for (const child of Array.isArray(value) ? value : Object.values(value)) if (holdsOverflow(child)) return true;
  return false;
}

function nestsDeeper(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const child of Array.isArray(value) ? value : Object.values(value)) {
    if (nestsDeeper(child, levels - 1)) return true;
  }
  return false;
}

function kindOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
