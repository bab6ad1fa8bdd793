/** What a relay serves by digest: where it is asked for, where it is kept, how large it may be. */

import { timingSafeEqual } from 'node:crypto';
import { type Sha256, sha256 } from '../internal/sha256.ts';
import { type PolicyFailure, type PolicyFailureCode, policyFailure } from '../policy/model/failure.ts';

export type ContentKind = 'modules' | 'manifests' | 'resources';

/** A module that needs no loader of components. */
export const MAX_CORE_BYTES = 4 * 1_048_576;
export const MAX_COMPONENT_BYTES = 16 * 1_048_576;
export const MAX_MANIFEST_BYTES = 1_048_576;
export const MAX_STORE_BYTES = 64 * 1_048_576;

export const EXTENSIONS: Readonly<Record<ContentKind, string>> = {
  modules: 'wasm',
  manifests: 'json',
  resources: 'json',
};

/** There is no such content that could be used, and asking again soon is no help: only what needs it goes without. */
export class ContentRefused extends Error {
  readonly failure: PolicyFailure;

  constructor(code: PolicyFailureCode, message: string) {
    super(message);
    this.failure = policyFailure(code, message);
  }
}

export function routeOf(kind: ContentKind, digest: Sha256): string {
  return `/v1/policy/${kind}/sha256/${hexOf(digest)}`;
}

export function hexOf(digest: Sha256): string {
  return digest.slice('sha256:'.length);
}

/** In constant time, so that nobody can feel their way to bytes with a digest. */
export function hasDigest(bytes: Uint8Array, digest: Sha256): boolean {
  const [actual, wanted] = [Buffer.from(sha256(bytes)), Buffer.from(digest)];
  return actual.length === wanted.length && timingSafeEqual(actual, wanted);
}
