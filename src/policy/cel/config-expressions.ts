/** CEL over the engine's configuration. Imported lazily, by `load-config-resolver.ts` alone. */

import type { JsonObject } from '../../internal/json.ts';
import type { ConfigResolver } from '../params/config-references.ts';
import { CelCompiler } from './program.ts';
import { DYN } from './static-type.ts';
import { celMapOf, jsonOf } from './values.ts';

export function configExpressions(config: Readonly<JsonObject>): ConfigResolver {
  const compiler = new CelCompiler({ roots: new Map([['config', DYN]]) });
  const roots = { config: celMapOf(config) };
  return (expression) => {
    const program = compiler.compile(expression.trim());
    if ('fault' in program) return { wrong: program.fault };
    const outcome = program.run(roots);
    if ('error' in outcome) return { missing: outcome.error };
    try {
      return { value: jsonOf(outcome.value) };
    } catch (caught) {
      return { wrong: (caught as Error).message };
    }
  };
}
