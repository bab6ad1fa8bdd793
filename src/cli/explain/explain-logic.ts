/** What a JSONLogic rule reads from the context: the nearest one gets to "why" in a language of expressions. */

import { walkMembers } from '../../flags/walk.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import type { ConditionTrace } from './explanation.ts';

/** Inside these, `var` names members of the item at hand, from the second argument on. */
const LOOPS = new Set(['filter', 'map', 'all', 'none', 'some', 'reduce']);

/** The rule as one condition, and a line for each attribute it names. */
export function explainLogic(
  rule: JsonValue,
  text: string,
  attributes: JsonObject,
  isMatch: boolean,
): ConditionTrace[] {
  const whole: ConditionTrace = {
    text,
    before: '',
    after: '',
    verdict: isMatch ? 'yes' : 'no',
    attribute: undefined,
    value: undefined,
    note: undefined,
  };
  const reads = [...variablesOf(rule)].map((name): ConditionTrace => {
    const path = name.split('.').filter((piece) => piece !== '');
    const [root = ''] = path;
    const value =
      path.length === 0
        ? attributes
        : walkMembers(Object.hasOwn(attributes, root) ? attributes[root] : undefined, path);
    return { ...whole, text: '', verdict: 'not reached', attribute: name, value: value as JsonValue | undefined };
  });
  return [whole, ...reads];
}

function variablesOf(rule: JsonValue, found = new Set<string>()): Set<string> {
  if (Array.isArray(rule)) for (const item of rule) variablesOf(item, found);
  else if (isJsonObject(rule)) {
    for (const [operator, argument] of Object.entries(rule)) {
      const first = Array.isArray(argument) ? argument[0] : argument;
      if (operator === 'var' && typeof first === 'string') found.add(first);
      else if (LOOPS.has(operator)) variablesOf(first as JsonValue, found);
      else variablesOf(argument, found);
    }
  }
  return found;
}
