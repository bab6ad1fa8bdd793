/** The ports of the registry: where the document of a tenant comes from, and who makes a revision of it. */

import type { PolicyFailure } from '../model/failure.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { RefusalRule } from './refusal.ts';
import type { TenantLimits } from './tenant-options.ts';

/** What a revision is made of; small beside what it becomes. */
export interface TenantDocument {
  readonly revision: string;
  /** Tells it from every other one where `revision` does not; a person chooses that. */
  readonly digest?: string;
  /** Validator of the answer it came in. */
  readonly etag?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly limits?: Partial<TenantLimits>;
  /** What an exchange gets that cannot be decided; default: the rule of the registry. */
  readonly onRefusal?: RefusalRule;
  /** Linear memory that the revision is expected to take; counted before anything is made. */
  readonly memoryBytes: number;
  /** For the engine. */
  readonly content: unknown;
}

export type LoadAnswer =
  | { readonly kind: 'document'; readonly document: TenantDocument }
  /** The tenant has nothing newer than what `known` says. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly failure: PolicyFailure; readonly retryAfterMs?: number };

/** What the registry has of a tenant. */
export interface KnownRevision {
  /** Of the document that serves; an attempt that failed changes it not. */
  readonly etag: string | undefined;
  /** True for the first load of a residence: what is cached on disk will do, a poll follows. */
  readonly warm: boolean;
}

export interface TenantSource {
  /** Gives up when the signal fires. A rejection is a failure. */
  load(tenant: string, known: KnownRevision, signal: AbortSignal): Promise<LoadAnswer>;
}

/** What a revision is made within. */
export interface RevisionContext<R> {
  readonly tenant: string;
  readonly limits: TenantLimits;
  /** Bytes of bodies in the process. */
  readonly bodies: ByteBudget;
  /** The one that serves, so that state and instances with the same signature are taken over. */
  readonly previous: R | undefined;
}

/** Whether two documents say the same. */
export function isSameDocument(left: TenantDocument, right: TenantDocument | undefined): boolean {
  return right !== undefined && identityOf(left) === identityOf(right);
}

export function identityOf({ digest, revision }: TenantDocument): string {
  return digest ?? revision;
}

/** Everything that serves one tenant from one document. */
export interface TenantRevision {
  /** Linear memories it has now; whoever counts asks when it begins to serve. */
  readonly instances: number;
  readonly memoryBytes: number;
  /** Digests of its modules. */
  readonly digests: readonly string[];
  /** Runs it on what is known of it, without effects; a failure means that it never serves. */
  canary(signal: AbortSignal): Promise<PolicyFailure | undefined>;
  /** It serves from now on, in the step that swaps it in; synchronous, and must not throw. */
  serve?(): void;
  /** Once, when nothing is in flight any more or the time for that has passed. */
  close(): Promise<void>;
}

/** Makes revisions. What it gives has not served yet and is closed by the registry, whatever becomes of it. */
export interface TenantEngine<R extends TenantRevision> {
  prepare(document: TenantDocument, context: RevisionContext<R>, signal: AbortSignal): Promise<R | PolicyFailure>;
}
