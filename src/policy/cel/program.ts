/** CEL texts into programs: parsed, type-checked, bounded. The one file that knows how the library is driven. */

import {
  type CelFunc,
  type CelInput,
  CelScalar,
  type CelValue,
  celEnv,
  celMethod,
  isCelError,
  parse,
  plan,
} from '@bufbuild/cel';
import { type LinearPattern, linearPattern } from '../params/linear-pattern.ts';
import { checkTypes, type Vocabulary } from './check-types.ts';
import { COST_LIMIT, Meter, metered, meteredExpr, stepFunction } from './meter.ts';
import { isOpen, type StaticType, typeName } from './static-type.ts';

/** Longest expression that is taken. */
export const MAX_EXPRESSION_CHARS = 4_096;
/** Most nodes outside of loops; each is at most one step. */
const MAX_NODES = 2_000;
const MAX_CACHED_PATTERNS = 256;

/** What an expression gives, or why it gives nothing. */
export type CelOutcome = { readonly value: CelValue } | { readonly error: string };

export interface CelProgram {
  /** Never throws. */
  run(roots: Readonly<Record<string, CelInput>>): CelOutcome;
}

/** Roots and functions that expressions may use, and what one evaluation may cost. */
export interface CelLanguage {
  readonly roots: ReadonlyMap<string, StaticType>;
  readonly functions?: readonly CelFunc[];
  readonly costLimit?: number;
}

/** Compiles expressions of one language. Programs of one compiler must not run inside one another. */
export class CelCompiler {
  readonly #meter = new Meter();
  readonly #env: ReturnType<typeof celEnv>;
  readonly #vocabulary: Vocabulary;
  readonly #costLimit: number;

  constructor({ roots, functions = [], costLimit = COST_LIMIT }: CelLanguage) {
    const named = [...celEnv().funcs, matches(), ...functions];
    const paying = named.map((func) => metered(func, this.#meter));
    this.#env = celEnv({ funcs: [...paying, stepFunction(this.#meter, CelScalar.INT, CelScalar.BOOL)] });
    this.#vocabulary = { roots, functions: byName(named) };
    this.#costLimit = costLimit;
  }

  /** `wanted` is the type that the result must have; without it any will do. Never throws. */
  compile(source: string, wanted?: StaticType): CelProgram | { readonly fault: string } {
    if (source.length > MAX_EXPRESSION_CHARS) {
      return { fault: `an expression may have at most ${MAX_EXPRESSION_CHARS} characters` };
    }
    try {
      const parsed = parse(source);
      const type = checkTypes(parsed, this.#vocabulary);
      if ('fault' in type) return type;
      if (wanted !== undefined && !isOpen(type) && typeName(type) !== typeName(wanted)) {
        return { fault: `the result must be ${typeName(wanted)}, this is ${typeName(type)}` };
      }
      const { expr, nodes } = meteredExpr(parsed.expr);
      if (nodes > MAX_NODES) return { fault: `an expression may have at most ${MAX_NODES} parts` };
      const evaluate = plan(this.#env, expr);
      return { run: (roots) => this.#run(evaluate, roots) };
    } catch (caught) {
      return { fault: caught instanceof RangeError ? 'nesting is too deep' : (caught as Error).message };
    }
  }

  #run(evaluate: ReturnType<typeof plan>, roots: Readonly<Record<string, CelInput>>): CelOutcome {
    this.#meter.start(this.#costLimit);
    try {
      const value = evaluate(roots as never);
      // Asked first: `||` can swallow the error of an evaluation that was cut short.
      if (this.#meter.isSpent) return { error: `the cost limit of ${this.#costLimit} steps was reached` };
      return isCelError(value) ? { error: value.message } : { value };
    } catch (caught) {
      return { error: (caught as Error).message };
    }
  }
}

function byName(functions: readonly CelFunc[]): ReadonlyMap<string, readonly CelFunc[]> {
  const groups = new Map<string, CelFunc[]>();
  for (const func of functions) {
    const group = groups.get(func.name);
    if (group === undefined) groups.set(func.name, [func]);
    else group.push(func);
  }
  return groups;
}

/** `matches` on our own engine, with patterns that are compiled once. */
function matches(): CelFunc {
  const known = new Map<string, LinearPattern>();
  return celMethod('matches', CelScalar.STRING, [CelScalar.STRING], CelScalar.BOOL, function (pattern) {
    let compiled = known.get(pattern);
    if (compiled === undefined) {
      compiled = linearPattern(pattern);
      if (known.size >= MAX_CACHED_PATTERNS) known.clear();
      known.set(pattern, compiled);
    }
    return compiled.test(this);
  });
}
