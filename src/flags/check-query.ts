/** Checks the query of a targeting rule as the relay does when it loads flags, in both query languages. */

import { parseJsonLogic } from './compile/flag-code.ts';
import { findJsonSyntaxError } from './json-syntax.ts';
import { validateJsonLogic } from './jsonlogic/validate.ts';
import { trimQuery } from './query/parser.ts';
import { validateQuery } from './query/validate-query.ts';

export interface QueryProblem {
  readonly message: string;
  readonly remedy: string;
}

const NIKUNJY_REMEDY = 'write conditions as `attribute operator value`, joined by lower-case `and` or `or`';

/** What is wrong with a query, or `undefined` when the relay would accept it. */
export function checkQuery(query: string): QueryProblem | undefined {
  const trimmed = trimQuery(query);
  const logic = parseJsonLogic(trimmed);
  if (logic !== undefined) return checkJsonLogic(query, logic);
  const message = validateQuery(trimmed);
  if (message === undefined) return undefined;
  if (trimmed === '') return { message, remedy: 'write a query; what everybody gets belongs into `defaultRule`' };
  if (trimmed.trimStart().startsWith('{')) {
    const reason = findJsonSyntaxError(trimmed)?.message ?? 'a number is too large';
    return { message, remedy: `this looks like JSONLogic, but is no valid JSON: ${reason}` };
  }
  return { message, remedy: NIKUNJY_REMEDY };
}

function checkJsonLogic(
  query: string,
  logic: NonNullable<ReturnType<typeof parseJsonLogic>>,
): QueryProblem | undefined {
  const message = 'invalid jsonlogic query';
  // The relay decides the language by the trimmed text, but reads the rule from the text as written.
  if (findJsonSyntaxError(query) !== undefined) {
    return { message, remedy: 'take the line breaks out of strings and numbers' };
  }
  const problem = validateJsonLogic(logic.rule);
  if (problem === undefined) return undefined;
  const remedy =
    problem.operator === undefined
      ? 'give every operator its arguments; an empty object or a bare null is none'
      : `there is no operator ${JSON.stringify(problem.operator)}`;
  return { message, remedy };
}
