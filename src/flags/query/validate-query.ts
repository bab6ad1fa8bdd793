/** Checks a nikunjy query as the relay does when it loads flags: by evaluating it for nobody (spec/flags.md §13.1). */

import type { ChainNode, CompareNode, QueryNode } from './ast.ts';
import { isInvalidOperation } from './invalid-operation.ts';
import { parseQuery, QueryTooDeep } from './parser.ts';

/** Whether a node is true for the empty context, or the text of the problem that evaluating it meets. */
type Verdict = boolean | { readonly problem: string };

/**
 * Checks a trimmed query. Returns `undefined` when the relay would accept it, else a message that begins with
 * `invalid query: ` and says what is wrong, where the text allows it with an offset into the trimmed query.
 *
 * The relay evaluates the query against an empty context and reports only what that evaluation meets. What
 * short-circuiting never reaches is not checked: everything behind the first `and` of `x eq 1 and …`, for example. The
 * empty query is refused here, although a rule with an empty query matches everybody.
 */
export function validateQuery(trimmed: string): string | undefined {
  try {
    const verdict = check(parseQuery(trimmed));
    return typeof verdict === 'boolean' ? undefined : `invalid query: ${verdict.problem}`;
  } catch (error) {
    if (error instanceof QueryTooDeep) return `invalid query: ${error.message}`;
    throw error;
  }
}

/** INVARIANT: for the empty context every path, of any length, leaves `left` nil, and no path aborts. */
function check(node: QueryNode): Verdict {
  switch (node.kind) {
    case 'bad':
      return { problem: node.problem ?? 'malformed condition' };
    case 'present':
      return false;
    case 'compare':
      return checkComparison(node);
    case 'paren': {
      const inner = check(node.inner);
      return node.negate && typeof inner === 'boolean' ? !inner : inner;
    }
    case 'chain':
      return checkChain(node);
  }
}

function checkComparison({ path, op, value }: CompareNode): Verdict {
  if (value.kind === 'abort' || value.kind === 'invalid') return { problem: value.problem ?? 'malformed value' };
  if (isInvalidOperation(op, value.kind)) {
    return { problem: `${op} does not apply to ${describe(value.kind)} (${path.join('.')} ${op} …)` };
  }
  return value.kind === 'null' && op === 'eq';
}

function checkChain({ terms, ops }: ChainNode): Verdict {
  let verdict: Verdict = false;
  for (const [i, term] of terms.entries()) {
    if (i > 0 && verdict === (ops[i - 1] === 'or')) continue;
    verdict = check(term);
    if (typeof verdict !== 'boolean') return verdict;
  }
  return verdict;
}

function describe(kind: CompareNode['value']['kind']): string {
  switch (kind) {
    case 'null':
      return 'null';
    case 'bool':
      return 'a boolean';
    case 'version':
      return 'a version';
    case 'ints':
    case 'floats':
      return 'a list of numbers';
    default:
      return 'a number';
  }
}
