/** What an exchange gets when its tenant cannot decide: deny, a fixed answer, or what was decided last; always with a code. */

import { LRUCache } from 'lru-cache';
import type { PolicyFailure, PolicyFailureCode } from '../model/failure.ts';

/** An answer in place of a decision. */
export type RefusalAnswer = { readonly kind: 'allow' } | { readonly kind: 'respond'; readonly status: number };

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
  readonly #rule: RefusalRule;
  readonly #last: LRUCache<string, RefusalAnswer> | undefined;

  constructor(rule: RefusalRule) {
    this.#rule = rule;
    this.#last = rule.kind === 'last-decision' ? new LRUCache({ max: MAX_REMEMBERED }) : undefined;
  }

  /** `key` must tell callers apart that may get different answers: a route alone does not. */
  remember(key: string | undefined, answer: RefusalAnswer): void {
    if (key !== undefined) this.#last?.set(key, answer);
  }

  answer({ code }: PolicyFailure, key?: string): Refusal {
    const rule = this.#rule;
    if (rule.kind === 'default') return { answer: rule.answer, code, rule: 'default' };
    const last = key === undefined ? undefined : this.#last?.get(key);
    if (last !== undefined) return { answer: last, code, rule: 'last-decision' };
    return { answer: DENIED, code, rule: 'deny' };
  }
}

const DENIED: RefusalAnswer = Object.freeze({ kind: 'respond', status: 503 });
