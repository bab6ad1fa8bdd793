/** Tries a template of configurations on a tenant that does not exist, so that its errors are known at the start (V-30). */

import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import { ByteBudget, MAX_BODY_BYTES } from './byte-budget.ts';
import type { TenantDocument, TenantEngine, TenantRevision } from './revision.ts';
import { closeRevision } from './revision-hold.ts';
import { TENANT_LIMITS } from './tenant-options.ts';

/** No key of a real tenant is kept from use by it: nothing is stored under it. */
export const DUMMY_TENANT = 'edict.template-check';

/** What is wrong with the template; the process then says so at once instead of at its first tenant. Never rejects. */
export async function checkTemplate<R extends TenantRevision>(
  engine: TenantEngine<R>,
  template: TenantDocument,
  signal: AbortSignal = new AbortController().signal,
): Promise<PolicyFailure | undefined> {
  const limits = { ...TENANT_LIMITS, ...template.limits };
  const context = {
    tenant: DUMMY_TENANT,
    limits,
    bodies: new ByteBudget(MAX_BODY_BYTES),
    previous: undefined,
  };
  try {
    const prepared = await engine.prepare(template, context, signal);
    if (isPolicyFailure(prepared)) return prepared;
    const verdict = await prepared.canary(signal);
    await closeRevision(prepared);
    return verdict;
  } catch (caught) {
    return policyFailure('INTERNAL', caught instanceof Error ? caught.message : String(caught));
  }
}
