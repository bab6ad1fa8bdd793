/** Decodes targeting rules and default rules, with their percentages and progressive rollouts. */

import type { JsonValue } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';
import type { Mutable, Problems } from './decode-values.ts';
import { decodeBool, decodeDate, decodeNumber, decodeString, wrongType } from './decode-values.ts';
import { matchMember, memberNames } from './member-names.ts';
import type { ProgressiveRollout, RolloutEdge, Rule } from './model.ts';

const RULE_MEMBERS = memberNames(['name', 'query', 'variation', 'percentage', 'progressiveRollout', 'disable']);
const PROGRESSIVE_MEMBERS = memberNames(['initial', 'end']);
const EDGE_MEMBERS = memberNames(['variation', 'percentage', 'date']);

export function emptyRule(): Mutable<Rule> {
  return {
    name: undefined,
    query: undefined,
    variation: undefined,
    percentage: undefined,
    progressiveRollout: undefined,
    disable: undefined,
  };
}

/** `previous` is what an earlier spelling of the same member left; `null` answers `undefined`. */
export function decodeRule(
  problems: Problems,
  raw: JsonValue,
  previous: Rule | undefined,
  struct: string,
  parentPath: string,
  member: string,
): Rule | undefined {
  if (raw === null) return undefined;
  const path = `${parentPath}.${member}`;
  if (!isJsonObject(raw)) return wrongType(problems, raw, struct, path, 'flag.Rule');
  const rule: Mutable<Rule> = previous === undefined ? emptyRule() : { ...previous };
  for (const name of Object.keys(raw)) {
    const value = raw[name] as JsonValue;
    switch (matchMember(name, RULE_MEMBERS)) {
      case 'name':
        rule.name = decodeString(problems, value, 'Rule', path, 'name');
        break;
      case 'query':
        rule.query = decodeString(problems, value, 'Rule', path, 'query');
        break;
      case 'variation':
        rule.variation = decodeString(problems, value, 'Rule', path, 'variation');
        break;
      case 'percentage':
        rule.percentage = decodePercentages(problems, value, rule.percentage, path);
        break;
      case 'progressiveRollout':
        rule.progressiveRollout = decodeProgressive(problems, value, rule.progressiveRollout, path);
        break;
      case 'disable':
        rule.disable = decodeBool(problems, value, 'Rule', path, 'disable');
        break;
    }
  }
  return rule;
}

function decodePercentages(
  problems: Problems,
  raw: JsonValue,
  previous: ReadonlyMap<string, number> | undefined,
  parentPath: string,
): ReadonlyMap<string, number> | undefined {
  if (raw === null) return undefined;
  const path = `${parentPath}.percentage`;
  if (!isJsonObject(raw)) return wrongType(problems, raw, 'Rule', path, 'map[string]float64');
  const percentages = new Map(previous);
  for (const name of Object.keys(raw)) {
    const value = raw[name] as JsonValue;
    percentages.set(name, value === null ? 0 : (decodeNumber(problems, value, 'Rule', path) ?? 0));
  }
  return percentages;
}

function decodeProgressive(
  problems: Problems,
  raw: JsonValue,
  previous: ProgressiveRollout | undefined,
  parentPath: string,
): ProgressiveRollout | undefined {
  if (raw === null) return undefined;
  const path = `${parentPath}.progressiveRollout`;
  if (!isJsonObject(raw)) return wrongType(problems, raw, 'Rule', path, 'flag.ProgressiveRollout');
  const rollout: Mutable<ProgressiveRollout> = { initial: previous?.initial, end: previous?.end };
  for (const name of Object.keys(raw)) {
    const member = matchMember(name, PROGRESSIVE_MEMBERS);
    if (member !== undefined) {
      rollout[member] = decodeEdge(problems, raw[name] as JsonValue, rollout[member], `${path}.${member}`);
    }
  }
  return rollout;
}

function decodeEdge(
  problems: Problems,
  raw: JsonValue,
  previous: RolloutEdge | undefined,
  path: string,
): RolloutEdge | undefined {
  if (raw === null) return undefined;
  if (!isJsonObject(raw)) {
    return wrongType(problems, raw, 'ProgressiveRollout', path, 'flag.ProgressiveRolloutStep');
  }
  const edge: Mutable<RolloutEdge> = {
    variation: previous?.variation,
    percentage: previous?.percentage,
    date: previous?.date,
  };
  for (const name of Object.keys(raw)) {
    const value = raw[name] as JsonValue;
    switch (matchMember(name, EDGE_MEMBERS)) {
      case 'variation':
        edge.variation = decodeString(problems, value, 'ProgressiveRolloutStep', path, 'variation');
        break;
      case 'percentage':
        edge.percentage =
          value === null ? undefined : decodeNumber(problems, value, 'ProgressiveRolloutStep', `${path}.percentage`);
        break;
      case 'date':
        edge.date = decodeDate(problems, value);
        break;
    }
  }
  return edge;
}
