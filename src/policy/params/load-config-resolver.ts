/** Loads what evaluates references into the configuration, when the first manifest that has one is met. */

import type { JsonObject } from '../../internal/json.ts';
import type { ConfigResolver } from './config-references.ts';

export async function loadConfigResolver(config: Readonly<JsonObject>): Promise<ConfigResolver> {
  const { configExpressions } = await import('../cel/config-expressions.ts');
  return configExpressions(config);
}
