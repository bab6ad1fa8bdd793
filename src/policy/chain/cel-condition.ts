/** Conditions in CEL. Imported lazily, by `load-conditions.ts` alone. */

import { type CelFunc, CelScalar, celFunc } from '@bufbuild/cel';
import { EXCHANGE_ROOTS, ExchangeRoots } from '../cel/exchange-roots.ts';
import { CelCompiler, type CelProgram } from '../cel/program.ts';
import { BOOL } from '../cel/static-type.ts';
import type { ExchangeFacts, HookInput } from '../model/inputs.ts';
import type { Phase } from '../model/phases.ts';
import type { Condition } from './condition.ts';
import type { ConditionCompiler, ConditionOptions, FlagKind } from './condition-options.ts';

export function celConditions(options: ConditionOptions = {}): ConditionCompiler {
  const flags = new ExchangeFlags(options);
  const compiler = new CelCompiler({
    roots: EXCHANGE_ROOTS,
    functions: flags.functions,
    ...(options.costLimit === undefined ? {} : { costLimit: options.costLimit }),
  });
  return (source) => {
    const program = compiler.compile(source, BOOL);
    return 'fault' in program ? program : new CelCondition(source, program, flags);
  };
}

class CelCondition implements Condition {
  readonly source: string;
  readonly #program: CelProgram;
  readonly #flags: ExchangeFlags;

  constructor(source: string, program: CelProgram, flags: ExchangeFlags) {
    this.source = source;
    this.#program = program;
    this.#flags = flags;
  }

  test(phase: Phase, input: HookInput): boolean | { readonly error: string } {
    this.#flags.enter(input);
    const outcome = this.#program.run(new ExchangeRoots(phase, input) as never);
    this.#flags.leave();
    if ('error' in outcome) return outcome;
    if (typeof outcome.value === 'boolean') return outcome.value;
    return { error: 'the result is neither true nor false' };
  }
}

/**
 * `flags.boolean(key, default)` and its sisters. INVARIANT: one evaluation a key and kind for each exchange, whichever
 * position asks, so that a percentage does not flip between two policies and usage is counted once.
 */
class ExchangeFlags {
  readonly functions: readonly CelFunc[];
  readonly #options: ConditionOptions;
  readonly #known = new WeakMap<ExchangeFacts, Map<string, boolean | string | number | undefined>>();
  #input: HookInput | undefined;

  constructor(options: ConditionOptions) {
    this.#options = options;
    const { BOOL: bool, STRING, DOUBLE, INT } = CelScalar;
    this.functions = [
      celFunc('flags.boolean', [STRING, bool], bool, (key, otherwise) => this.#value('boolean', key, otherwise)),
      celFunc('flags.string', [STRING, STRING], STRING, (key, otherwise) => this.#value('string', key, otherwise)),
      celFunc('flags.number', [STRING, DOUBLE], DOUBLE, (key, otherwise) => this.#value('number', key, otherwise)),
      celFunc('flags.number', [STRING, INT], DOUBLE, (key, otherwise) => this.#value('number', key, Number(otherwise))),
    ];
  }

  /** The exchange that the next evaluation is about; evaluations run one at a time. */
  enter(input: HookInput): void {
    this.#input = input;
  }

  /** Lets go of the exchange, whose bodies may be large. */
  leave(): void {
    this.#input = undefined;
  }

  #value<T extends boolean | string | number>(kind: FlagKind, key: string, otherwise: T): T {
    const input = this.#input as HookInput;
    const { exchange } = input;
    let known = this.#known.get(exchange);
    if (known === undefined) {
      known = new Map();
      this.#known.set(exchange, known);
    }
    const id = `${kind}:${key}`;
    if (!known.has(id)) known.set(id, this.#options.flags?.evaluate(kind, key, this.#targetingKey(), exchange, input));
    const value = known.get(id);
    return typeof value === typeof otherwise ? (value as T) : otherwise;
  }

  #targetingKey(): string | undefined {
    const { gathered, request } = this.#input as HookInput;
    const { targetingHeader } = this.#options;
    return (
      gathered.auth[0]?.subject ?? (targetingHeader === undefined ? undefined : request.headers.first(targetingHeader))
    );
  }
}
