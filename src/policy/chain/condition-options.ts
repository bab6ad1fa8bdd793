/** What compiles conditions, and what it is told. */

import type { ExchangeFacts, HookInput } from '../model/inputs.ts';
import type { Condition } from './condition.ts';

/** A condition, or what is wrong with its text. */
export type ConditionResult = Condition | { readonly fault: string };

export type ConditionCompiler = (source: string) => ConditionResult;

/** The kinds of values that conditions ask flags for. */
export type FlagKind = 'boolean' | 'string' | 'number';

/** Flags for conditions: decided in-process, in the snapshot that the exchange is pinned to. */
export interface FlagPort {
  /** `undefined` when the flag cannot be decided; the default of the expression then holds. Must not throw. */
  evaluate(
    kind: FlagKind,
    key: string,
    targetingKey: string | undefined,
    exchange: ExchangeFacts,
    input: HookInput,
  ): boolean | string | number | undefined;
}

export interface ConditionOptions {
  /** Without it `flags.…` gives the default of the expression. */
  readonly flags?: FlagPort;
  /** The request header whose first value is the targeting key when nobody is authenticated. */
  readonly targetingHeader?: string;
  /** Steps of one evaluation; 10,000 by default. */
  readonly costLimit?: number;
}
