/** Reads one flag's JSON into the model, by the rules (and with the error texts) of Go's JSON decoder. */

import type { JsonObject, JsonValue } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';
import { decodeRule, emptyRule } from './decode-rule.ts';
import type { Mutable, Problems } from './decode-values.ts';
import { decodeBool, decodeDate, decodeMap, decodeString, wrongType } from './decode-values.ts';
import { matchMember, memberNames } from './member-names.ts';
import type { Experimentation, Flag, Rule, Step } from './model.ts';

export interface FlagParseError {
  readonly code: 'PARSE_ERROR';
  /** The text GO Feature Flag gives in `errorDetails`. */
  readonly details: string;
}

export type ParsedFlag = { readonly flag: Flag } | { readonly error: FlagParseError };

const STEP_MEMBERS = memberNames([
  'variations',
  'targeting',
  'bucketingKey',
  'defaultRule',
  'experimentation',
  'scheduledRollout',
  'trackEvents',
  'disable',
  'version',
  'metadata',
  'date',
]);
const VARIATIONS_TYPE = 'map[string]*interface {}';
const METADATA_TYPE = 'map[string]interface {}';
/** Steps inside steps: nobody reads them (only the first level is applied), so this many is a mistake or an attack. */
const MAX_STEP_DEPTH = 100;
const EXPERIMENTATION_MEMBERS = memberNames(['start', 'end']);

/**
 * Parses a flag. Unknown members are ignored; member names match exactly or else case-insensitively; `null` is the same
 * as absent. `undefined` (no flag at all) is a flag without any field. Never throws.
 *
 * The flag's `variations` and `metadata` are the given objects themselves, so `raw` must not change afterwards.
 */
export function parseFlag(raw: JsonValue | undefined): ParsedFlag {
  const problems: Problems = { type: undefined, date: undefined, depth: 0 };
  const flag = emptyStep();
  if (isJsonObject(raw)) decodeFlag(problems, raw, flag, 'InternalFlag', 'flag');
  else if (raw !== undefined && raw !== null) wrongType(problems, raw, 'EvaluateInput', 'flag', 'flag.InternalFlag');
  const details = problems.date ?? problems.type;
  return details === undefined ? { flag } : { error: { code: 'PARSE_ERROR', details } };
}

function emptyStep(): Mutable<Step> {
  return {
    variations: undefined,
    targeting: undefined,
    bucketingKey: undefined,
    defaultRule: undefined,
    experimentation: undefined,
    scheduledRollout: undefined,
    trackEvents: undefined,
    disable: undefined,
    version: undefined,
    metadata: undefined,
    date: undefined,
  };
}

/*
 * Each decoder below writes into an object that may already hold something: when a member comes twice, in two spellings,
 * Go decodes the second into what the first one left, so objects merge and `null` resets.
 */

function decodeFlag(problems: Problems, raw: JsonObject, into: Mutable<Step>, struct: string, path: string): void {
  for (const name of Object.keys(raw)) {
    const value = raw[name] as JsonValue;
    switch (matchMember(name, STEP_MEMBERS)) {
      case 'variations':
        into.variations = decodeMap(problems, value, into.variations, struct, path, 'variations', VARIATIONS_TYPE);
        break;
      case 'targeting':
        into.targeting = decodeRules(problems, value, into.targeting, struct, path);
        break;
      case 'bucketingKey':
        into.bucketingKey = decodeString(problems, value, struct, path, 'bucketingKey');
        break;
      case 'defaultRule':
        into.defaultRule = decodeRule(problems, value, into.defaultRule, struct, path, 'defaultRule');
        break;
      case 'experimentation':
        into.experimentation = decodeExperimentation(problems, value, into.experimentation, struct, path);
        break;
      case 'scheduledRollout':
        into.scheduledRollout = decodeSteps(problems, value, into.scheduledRollout, struct, path);
        break;
      case 'trackEvents':
        into.trackEvents = decodeBool(problems, value, struct, path, 'trackEvents');
        break;
      case 'disable':
        into.disable = decodeBool(problems, value, struct, path, 'disable');
        break;
      case 'version':
        into.version = decodeString(problems, value, struct, path, 'version');
        break;
      case 'metadata':
        into.metadata = decodeMap(problems, value, into.metadata, struct, path, 'metadata', METADATA_TYPE);
        break;
      case 'date':
        // Only a step has a date; in the flag itself the member is unknown.
        if (struct === 'ScheduledStep') into.date = decodeDate(problems, value);
        break;
    }
  }
}

function decodeRules(
  problems: Problems,
  value: JsonValue,
  previous: readonly Rule[] | undefined,
  struct: string,
  path: string,
): readonly Rule[] | undefined {
  if (value === null) return undefined;
  if (!Array.isArray(value)) return wrongType(problems, value, struct, `${path}.targeting`, '[]flag.Rule');
  const rules: Rule[] = [];
  for (let i = 0; i < value.length; i += 1) {
    const rule = decodeRule(problems, value[i] as JsonValue, previous?.[i], struct, path, 'targeting');
    // `null` leaves the element as it is: empty, or what an earlier spelling of the list put there.
    rules.push(rule ?? previous?.[i] ?? emptyRule());
  }
  return rules;
}

function decodeSteps(
  problems: Problems,
  value: JsonValue,
  previous: readonly Step[] | undefined,
  struct: string,
  path: string,
): readonly Step[] | undefined {
  if (value === null) return undefined;
  const where = `${path}.scheduledRollout`;
  if (!Array.isArray(value)) return wrongType(problems, value, struct, where, '[]flag.ScheduledStep');
  if (problems.depth === MAX_STEP_DEPTH) {
    // Go's words for a document that nests too deep.
    problems.date ??= 'exceeded max depth';
    return undefined;
  }
  problems.depth += 1;
  const steps: Step[] = [];
  for (let i = 0; i < value.length; i += 1) {
    const raw = value[i] as JsonValue;
    const step = { ...(previous?.[i] ?? emptyStep()) };
    // A step embeds the flag's struct, and Go's path names the embedded struct.
    if (isJsonObject(raw)) decodeFlag(problems, raw, step, 'ScheduledStep', `${where}.InternalFlag`);
    else if (raw !== null) wrongType(problems, raw, struct, where, 'flag.ScheduledStep');
    steps.push(step);
  }
  problems.depth -= 1;
  return steps;
}

function decodeExperimentation(
  problems: Problems,
  raw: JsonValue,
  previous: Experimentation | undefined,
  struct: string,
  parentPath: string,
): Experimentation | undefined {
  if (raw === null) return undefined;
  const path = `${parentPath}.experimentation`;
  if (!isJsonObject(raw)) return wrongType(problems, raw, struct, path, 'flag.ExperimentationRollout');
  const window: Mutable<Experimentation> = { start: previous?.start, end: previous?.end };
  for (const name of Object.keys(raw)) {
    const member = matchMember(name, EXPERIMENTATION_MEMBERS);
    if (member !== undefined) window[member] = decodeDate(problems, raw[name] as JsonValue);
  }
  return window;
}
