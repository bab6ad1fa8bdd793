/** One new instance: made, tried, and handed what its predecessor leaves it. */

import type { Canary } from '../canary/canary.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { InstanceInit, PolicyInstance } from '../model/instance.ts';
import type { ProcessingModes } from '../model/modes.ts';
import type { CatalogEntry } from './catalog.ts';
import { grantsOf } from './grants.ts';
import type { HeldInstance, MadeInstance } from './held-instance.ts';
import type { PlannedSide } from './instance-identity.ts';
import { PerRequestInstance } from './per-request.ts';

export interface InstanceOrder {
  readonly side: PlannedSide;
  readonly init: InstanceInit;
  /** What serves at the position now, if anything does. */
  readonly former: HeldInstance | undefined;
  readonly canary: Canary;
}

/** A failure rejects the new revision of the route; nothing is left of the instance then. Never rejects. */
export async function makeInstance(order: InstanceOrder): Promise<MadeInstance | PolicyFailure> {
  const { side, init, canary } = order;
  const { entry, scope } = side;
  const made = await create(entry, init);
  if (isPolicyFailure(made)) return made;
  const fault = (await tried(order)) ?? (await handedOver(order, made));
  if (fault !== undefined) {
    void made.destroy();
    return fault;
  }
  const recent = canary.recorder(entry, made);
  const instance = scope === 'per-request' ? new PerRequestInstance(entry.factory, init, made) : made;
  return { instance, recent };
}

async function create(entry: CatalogEntry, init: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
  const made = await entry.factory
    .create(init)
    .catch((caught: unknown) => policyFailure('INTERNAL', `create threw: ${(caught as Error).message}`));
  if (isPolicyFailure(made)) return made;
  const faults = modeDifferences(entry, made.modes);
  if (faults.length === 0) return made;
  void made.destroy();
  return policyFailure('INIT_FAILED', faults.join('; '));
}

async function tried({ side: { entry }, init, former, canary }: InstanceOrder): Promise<PolicyFailure | undefined> {
  try {
    return await canary.fault({
      entry,
      init,
      grants: grantsOf(entry.manifest),
      recent: former?.recent?.exchanges ?? [],
    });
  } catch (caught) {
    return policyFailure('INTERNAL', `the canary threw: ${(caught as Error).message}`);
  }
}

/** `state.carry: export`. What the new instance refuses is lost, as it would be without; what it fails on rejects it. */
async function handedOver(
  { side: { entry }, former }: InstanceOrder,
  made: PolicyInstance,
): Promise<PolicyFailure | undefined> {
  const { name, state } = entry.manifest;
  if (state.carry !== 'export' || former === undefined || former.policyName !== name) return undefined;
  const left = await former.exportState();
  // A predecessor that cannot say what it has is no reason to keep it.
  if (left === undefined || isPolicyFailure(left)) return undefined;
  const taken = await made.importState?.(left);
  return isPolicyFailure(taken)
    ? policyFailure('INIT_FAILED', `import of state: ${taken.code}: ${taken.message}`)
    : undefined;
}

/** The manifest says what a policy may ask for at most; init leaves out what its parameters do not need (spec §4.2). */
function modeDifferences({ manifest: { processing } }: CatalogEntry, modes: ProcessingModes): string[] {
  return (Object.keys(processing) as (keyof ProcessingModes)[])
    .filter((side) => modes[side] !== 'skip' && modes[side] !== processing[side])
    .map((side) => `${side}: the manifest says ${processing[side]}, init says ${modes[side]}`);
}
