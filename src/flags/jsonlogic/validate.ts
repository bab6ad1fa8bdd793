/** The relay's check of a JSONLogic query before it accepts a flag (spec/flags.md §13.1). */

import type { JsonValue } from '../../internal/json.ts';
import { hasOwn, isJsonObject } from '../../internal/json.ts';
import { isOperator } from './operators.ts';

export interface JsonLogicProblem {
  /** The relay's words. */
  readonly message: 'invalid jsonlogic query';
  /** The operator nobody knows; `undefined` when something else is wrong (an empty object, a bare null). */
  readonly operator: string | undefined;
}

/**
 * Gives what is wrong with a rule, or `undefined`. Looks at operators only: a rule that passes can still fail for some
 * users, and then just does not match.
 */
export function validateJsonLogic(rule: JsonValue): JsonLogicProblem | undefined {
  // A list, not recursion: the query may nest as deep as its text is long.
  const open: JsonValue[] = [rule];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node === null) return problem(undefined);
    if (Array.isArray(node)) {
      // Primitives inside an array are not looked at, null included.
      for (const item of node) if (typeof item === 'object' && item !== null) open.push(item);
    } else if (typeof node === 'object' && !isConstantVar(node)) {
      const names = Object.keys(node);
      const [name] = names;
      // Objects of several members are data.
      if (names.length > 1) continue;
      if (name === undefined || !isOperator(name)) return problem(name);
      open.push(node[name] as JsonValue);
    }
  }
  return undefined;
}

function problem(operator: string | undefined): JsonLogicProblem {
  return { message: 'invalid jsonlogic query', operator };
}

/** An object, of whatever size, with a `var` that is a string, a number or null. */
function isConstantVar(node: JsonValue): boolean {
  if (!isJsonObject(node) || !hasOwn(node, 'var')) return false;
  const path = node.var;
  return typeof path === 'string' || typeof path === 'number' || path === null;
}
