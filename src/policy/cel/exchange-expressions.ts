/** CEL over an exchange for policies of the catalogue: keys and costs. Imported lazily, where parameters have an expression. */

import type { ExpressionCompiler } from '../catalogue/rate-limit-params.ts';
import { Phase } from '../model/phases.ts';
import { EXCHANGE_ROOTS, ExchangeRoots } from './exchange-roots.ts';
import { CelCompiler } from './program.ts';
import { jsonOf } from './values.ts';

/** The roots of conditions but `processing`: what a key or a cost is must not depend on the hook that asks. */
export function exchangeExpressions(): ExpressionCompiler {
  const roots = new Map([...EXCHANGE_ROOTS].filter(([name]) => name !== 'processing'));
  const compiler = new CelCompiler({ roots });
  return (expression) => {
    const program = compiler.compile(expression);
    if ('fault' in program) return { error: program.fault };
    return {
      evaluate(input) {
        const outcome = program.run(new ExchangeRoots(Phase.requestHeaders, input) as never);
        if ('error' in outcome) return undefined;
        try {
          return jsonOf(outcome.value);
        } catch {
          return undefined;
        }
      },
    };
  };
}
