/** The context hook: adds this service's metadata to every evaluation context (relay-and-provider §6.2). */

import type { BeforeHookContext, EvaluationContext, Hook } from '@openfeature/server-sdk';
import { isJsonObject } from '../internal/json.ts';
import type { ExporterMetadata } from '../options/rows/collection.ts';

/** The member of a context that GO Feature Flag reads for itself. */
const RESERVED = 'gofeatureflag';

/** What every exported event says of its sender; the names are reserved, so these values win. */
export function sentMetadata(exporterMetadata: ExporterMetadata): ExporterMetadata {
  return Object.freeze({ ...exporterMetadata, provider: 'javascript', openfeature: true });
}

/**
 * `before` only. Merges into the reserved member, never replaces it, and leaves the caller's object as it was; what is no
 * plain object there is of no use to anybody and gives way.
 */
export class ContextHook implements Hook {
  readonly #metadata: ExporterMetadata;

  constructor(exporterMetadata: ExporterMetadata) {
    this.#metadata = sentMetadata(exporterMetadata);
  }

  before(hookContext: BeforeHookContext): EvaluationContext {
    const siblings = siblingsIn(hookContext.context[RESERVED]);
    return { ...hookContext.context, [RESERVED]: { ...siblings, exporterMetadata: { ...this.#metadata } } };
  }
}

/** A getter or proxy of the caller's may throw; a hook that passed this on would turn a decision into the default. */
function siblingsIn(given: unknown): Record<string, unknown> {
  try {
    return isPlainObject(given) ? { ...given } : {};
  } catch {
    return {};
  }
}

/** Dates, maps and the like are objects too, but not ones that members can be added to. */
function isPlainObject(value: unknown): value is Record<string, never> {
  if (!isJsonObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
