/** What an exchange gets when its tenant cannot decide: deny, a fixed answer, or what was decided last; always with a code. */

import { LRUCache } from 'lru-cache';
import type { PolicyFailure, PolicyFailureCode } from '../model/failure.ts';

/** An answer in place of a decision. */
export type RefusalAnswer = { readonly kind: 'allow' } | { readonly kind: 'respond'; readonly status: number };

/** What an exchange gets that its tenant cannot decide; only one that rests or is overloaded is ever let through. */
export type RefusalRule =
  | { readonly kind: 'deny' }
  | { readonly kind: 'default'; readonly answer: RefusalAnswer }
  /** The last decision under the same key; without one, deny. */
  | { readonly kind: 'last-decision' };

/** The answer and why it was given. */
export interface Refusal {
  readonly answer: RefusalAnswer;
  readonly code: PolicyFailureCode;
  readonly rule: RefusalRule['kind'];
}

const MAX_REMEMBERED = 1_000;

/** The rule of one tenant with the decisions it may need. Nothing is remembered unless the rule asks for it. */
export class Refusals {
  readonly rule: RefusalRule;
  readonly #last: LRUCache<string, RefusalAnswer> | undefined;

  constructor(rule: RefusalRule) {
    this.rule = rule;
    this.#last = rule.kind === 'last-decision' ? new LRUCache({ max: MAX_REMEMBERED }) : undefined;
  }

  /** `key` must tell callers apart that may get different answers: a route alone does not. */
  remember(key: string | undefined, answer: RefusalAnswer): void {
    if (key !== undefined) this.#last?.set(key, answer);
  }

  answer({ code }: PolicyFailure, key?: string): Refusal {
    const { rule } = this;
    const given = rule.kind === 'default' ? rule.answer : key === undefined ? undefined : this.#last?.get(key);
    if (given === undefined || (given.kind === 'allow' && !MAY_ALLOW.has(code))) {
      return denial(code);
    }
    return { answer: given, code, rule: rule.kind };
  }
}

/** What no rule of a tenant changes: 503. */
export function denial(code: PolicyFailureCode): Refusal {
  return { answer: DENIED, code, rule: 'deny' };
}

/** A tenant that rests or is busy has policies. One that has none lets nobody past them, whatever its rule says (P-64). */
const MAY_ALLOW: ReadonlySet<PolicyFailureCode> = new Set<PolicyFailureCode>(['BREAKER_OPEN', 'OVERLOAD']);
const DENIED: RefusalAnswer = Object.freeze({ kind: 'respond', status: 503 });
