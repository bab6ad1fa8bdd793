/** The policies of a provider's relay: an engine that is loaded when it is first needed, and follows while the provider lives. */

import { EdictError } from '../errors.ts';
import type { AbstractEvaluator } from '../evaluator/abstract-evaluator.ts';
import { FallbackEvaluator } from '../evaluator/fallback-evaluator.ts';
import { InProcessEvaluator } from '../evaluator/in-process-evaluator.ts';
import type { Resolution } from '../evaluator/resolution.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import type { PolicyEngine } from '../policy-engine/policy-engine.ts';
import type { Logger } from '../telemetry/logger.ts';

export class ProviderPolicies {
  readonly #options: ResolvedOptions;
  readonly #flags: AbstractEvaluator<Resolution> | undefined;
  #engine: Promise<PolicyEngine> | undefined;
  #isFollowing = false;

  constructor(options: ResolvedOptions, evaluator: AbstractEvaluator) {
    this.#options = options;
    this.#flags = localOf(evaluator);
  }

  /** Refuses every request until policies are there. The same one until a close. */
  engine(): Promise<PolicyEngine> {
    this.#engine ??= this.#load();
    return this.#engine;
  }

  /** Begins to follow; whatever comes of it is in the log and in the engine's `describe()`, and no matter of flags. */
  start(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    void this.engine()
      .then((engine) => engine.follow(this.#options))
      .catch((caught: unknown) => {
        const error = EdictError.from(caught, 'INVALID_POLICIES');
        if (error.code !== 'CLOSED') this.#options.logger.warn(`policies: none yet: ${error.message}`);
      });
  }

  /** Never rejects. */
  async close(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    this.#isFollowing = false;
    await engine?.then((one) => one.close()).catch(() => undefined);
  }

  async #load(): Promise<PolicyEngine> {
    // Whoever wants flags alone loads none of it.
    const { PolicyEngine } = await import('../policy-engine/policy-engine.ts');
    const { clock } = this.#options;
    const flags = this.#flags === undefined ? {} : { flags: this.#flags };
    return new PolicyEngine({ clock, logger: this.#logger(), ...flags });
  }

  /** The engine puts Edict's name before its lines itself. */
  #logger(): Logger {
    const { logger } = this.#options;
    const line = (text: unknown): string => String(text).replace(/^edict: /, '');
    return {
      error: (text) => logger.error(line(text)),
      warn: (text) => logger.warn(line(text)),
      info: (text) => logger.info(line(text)),
      debug: (text) => logger.debug(line(text)),
    };
  }
}

/** What decides flags inside an exchange, where nothing can be waited for. */
function localOf(evaluator: AbstractEvaluator): AbstractEvaluator<Resolution> | undefined {
  if (evaluator instanceof FallbackEvaluator) return evaluator.local;
  return evaluator instanceof InProcessEvaluator ? evaluator : undefined;
}
