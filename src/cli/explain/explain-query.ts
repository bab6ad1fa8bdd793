/**
 * Takes a nikunjy query apart, condition by condition. Every truth value is the kernel's: it is asked whether the query,
 * cut off behind a condition, matches. Since `and` and `or` chain from the left, the cut query's answer is the last
 * condition's own, and everything the conditions before it leave behind (spec/flags.md §8.5) is in place.
 */

import type { QueryNode } from '../../flags/query/ast.ts';
import { isInvalidOperation } from '../../flags/query/invalid-operation.ts';
import { KEEP, walkQuery } from '../../flags/walk.ts';
import { hasOwn, type JsonObject, type JsonValue } from '../../internal/json.ts';
import type { ConditionTrace, Verdict } from './explanation.ts';
import { conditionText, queryText } from './query-text.ts';

/** Asks the kernel whether a query matches. */
export type Matches = (query: string) => boolean;

/** Longer queries are told as a whole only: each condition costs a compilation of all before it. */
const MAX_CONDITIONS = 300;

interface Place {
  /** The whole query, cut off behind what is put here. */
  readonly cut: (here: QueryNode) => QueryNode;
  /** Whether an odd number of `not` stands around it. */
  readonly isNegated: boolean;
  readonly isReached: boolean;
  readonly before: string;
  readonly after: string;
}

/** The conditions of a query in order; none when there are too many to tell. */
export function explainQuery(root: QueryNode, attributes: JsonObject, matches: Matches): ConditionTrace[] {
  if (countConditions(root) > MAX_CONDITIONS) return [];
  const walk = new QueryWalk(attributes, matches);
  walk.visit(root, { cut: (here) => here, isNegated: false, isReached: true, before: '', after: '' });
  return walk.conditions;
}

class QueryWalk {
  readonly conditions: ConditionTrace[] = [];
  readonly #attributes: JsonObject;
  readonly #matches: Matches;
  #isOver = false;

  constructor(attributes: JsonObject, matches: Matches) {
    this.#attributes = attributes;
    this.#matches = matches;
  }

  visit(node: QueryNode, place: Place): void {
    switch (node.kind) {
      case 'chain':
        node.terms.forEach((term, i) => {
          this.visit(term, this.#termPlace(node, i, place));
        });
        return;
      case 'paren': {
        const { negate } = node;
        this.visit(node.inner, {
          ...place,
          cut: (here) => place.cut({ kind: 'paren', negate, inner: here }),
          isNegated: place.isNegated !== negate,
          before: `${place.before}${negate ? 'not (' : '('}`,
          after: `)${place.after}`,
        });
        return;
      }
      default:
        this.conditions.push(this.#condition(node, place));
    }
  }

  #termPlace(chain: QueryNode & { kind: 'chain' }, index: number, place: Place): Place {
    const { terms, ops } = chain;
    const after = index === terms.length - 1 ? place.after : '';
    if (index === 0) return { ...place, after };
    const op = ops[index - 1] as 'and' | 'or';
    const earlier = cutChain(terms.slice(0, index), ops);
    // `and` goes on after true, `or` after false.
    const isReached = place.isReached && !this.#isOver && this.#truth(place.cut(earlier), place) === (op === 'and');
    return {
      cut: (here) => place.cut(cutChain([...terms.slice(0, index), here], ops)),
      isNegated: place.isNegated,
      isReached,
      before: `${op} `,
      after,
    };
  }

  #condition(node: Exclude<QueryNode, { kind: 'chain' | 'paren' }>, place: Place): ConditionTrace {
    const { before, after } = place;
    const isReached = place.isReached && !this.#isOver;
    if (node.kind === 'bad') {
      const text = node.problem ?? 'malformed';
      const verdict = isReached ? this.#abort() : 'not reached';
      return { text: '…', before, after, verdict, attribute: undefined, value: undefined, note: text };
    }
    const problem = node.kind === 'compare' ? problemOf(node) : undefined;
    const found = this.#value(node.path);
    let verdict: Verdict = 'not reached';
    if (isReached) {
      const truth = problem === undefined ? this.#truth(place.cut(node), place) : undefined;
      verdict = truth === undefined ? this.#abort() : truth ? 'yes' : 'no';
    }
    return {
      text: conditionText(node),
      before,
      after,
      verdict,
      attribute: node.path.join('.'),
      value: found === KEEP ? undefined : (found as JsonValue | undefined),
      note: problem ?? (found === KEEP ? KEPT : verdict === 'aborts' ? NOT_A_MAP : undefined),
    };
  }

  /** The truth of what stands at the end of a cut query; `undefined` when the query aborts on the way. */
  #truth(cut: QueryNode, place: Place): boolean | undefined {
    const text = queryText(cut);
    if (this.#matches(text)) return !place.isNegated;
    // False may also mean aborted, and then the opposite is false as well.
    return this.#matches(`not (${text})`) ? place.isNegated : undefined;
  }

  #abort(): 'aborts' {
    this.#isOver = true;
    return 'aborts';
  }

  #value(path: readonly string[]): unknown {
    const [root = ''] = path;
    const found = walkQuery(hasOwn(this.#attributes, root) ? this.#attributes[root] : undefined, path);
    return typeof found === 'symbol' && found !== KEEP ? undefined : found;
  }
}

const KEPT = 'a parent is missing, so the value of the comparison before it is used';
const NOT_A_MAP = 'a parent is no object, so the whole query is false';

function cutChain(terms: readonly QueryNode[], ops: readonly ('and' | 'or')[]): QueryNode {
  const [only] = terms;
  if (terms.length === 1 && only !== undefined) return only;
  return { kind: 'chain', terms, ops: ops.slice(0, terms.length - 1) };
}

/** What makes a comparison false together with its whole query, whatever the attribute. */
function problemOf({ op, value }: QueryNode & { kind: 'compare' }): string | undefined {
  if (value.kind === 'abort' || value.kind === 'invalid') return value.problem ?? 'the value is malformed';
  return isInvalidOperation(op, value.kind) ? `"${op}" cannot be used with a value of this kind` : undefined;
}

function countConditions(node: QueryNode): number {
  if (node.kind === 'paren') return countConditions(node.inner);
  if (node.kind === 'chain') return node.terms.reduce((sum, term) => sum + countConditions(term), 0);
  return 1;
}
