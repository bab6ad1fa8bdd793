/** How a chain gets its conditions: their engine is loaded when the first condition is met, and not before. */

import type { ConditionCompiler, ConditionOptions } from './condition-options.ts';

/** Loads the engine of conditions. Chains without conditions never come here. */
export async function loadConditions(options: ConditionOptions = {}): Promise<ConditionCompiler> {
  const { celConditions } = await import('./cel-condition.ts');
  return celConditions(options);
}
