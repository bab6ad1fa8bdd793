/** Which evaluator the options ask for. */

import type { AbstractEvaluator } from '../evaluator/abstract-evaluator.ts';
import { FallbackEvaluator } from '../evaluator/fallback-evaluator.ts';
import { InProcessEvaluator } from '../evaluator/in-process-evaluator.ts';
import { RemoteEvaluator } from '../evaluator/remote-evaluator.ts';
import type { ResolvedOptions } from '../options/resolve.ts';

/** In-process behind the remote fallback, unless the options say otherwise or there is no relay to fall back to. */
export function createEvaluator(options: ResolvedOptions): AbstractEvaluator {
  if (options.evaluationType === 'remote') return new RemoteEvaluator(options);
  if (options.endpoint === undefined || options.fallback.mode === 'off') return new InProcessEvaluator(options);
  return new FallbackEvaluator(options);
}
