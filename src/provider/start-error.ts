/** What a failed `initialize()` rejects with: the OpenFeature code the SDK reads, and Edict's error as its cause. */

import { EdictError, type EdictErrorCode, type OpenFeatureErrorCode } from '../errors.ts';

/** What cannot heal by waiting: the SDK then cuts evaluations short. The slow probe for new credentials goes on. */
const FATAL_AT_START: ReadonlySet<EdictErrorCode> = new Set(['UNAUTHORIZED', 'FORBIDDEN', 'MODULE_REJECTED']);

/**
 * The SDK decides between the states FATAL and ERROR by `code`, where an `EdictError` has a code of its own: hence a second
 * class, the only one.
 */
export class ProviderStartError extends Error {
  override readonly name = 'ProviderStartError';
  readonly code: OpenFeatureErrorCode;
  override readonly cause: EdictError;

  constructor(caught: unknown) {
    const cause = EdictError.from(caught, 'NOT_STARTED');
    super(cause.message, { cause });
    this.cause = cause;
    this.code = FATAL_AT_START.has(cause.code) ? 'PROVIDER_FATAL' : 'PROVIDER_NOT_READY';
  }
}
