/** How the instances of a position are shared: what the document says, else the policy itself, else its manifest. */

import { LRUCache } from 'lru-cache';
import { canonicalJson } from '../../internal/canonical-json.ts';
import type { JsonObject } from '../../internal/json.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { PolicyInfo } from '../model/inputs.ts';
import type { InstanceInit, PolicyFactory } from '../model/instance.ts';
import type { InstancePlan } from '../model/instance-plan.ts';
import type { PlannedSide } from './instance-identity.ts';
import type { PreparedSide } from './prepare-position.ts';
import type { PositionSpec, RouteSpec } from './specification.ts';

type Answer = InstancePlan | PolicyFailure | undefined;

/** A policy is asked once for the same metadata and parameters: a reload of a thousand routes asks for what is new. */
const MAX_KEPT = 4_096;
const kept = new WeakMap<PolicyFactory, LRUCache<string, Promise<{ readonly answer: Answer }>>>();

export async function planSide(
  route: RouteSpec,
  spec: PositionSpec,
  side: PreparedSide,
): Promise<PlannedSide | PolicyFailure> {
  const { entry } = side;
  const plan = entry.factory.plan === undefined ? undefined : await ask(entry.factory, initOf(route, spec, side));
  if (plan !== undefined && 'kind' in plan) return plan;
  const scope = spec.scope ?? plan?.scope ?? entry.manifest.scope;
  const shareKey = plan === undefined || plan.shareKey === '' ? spec.shareKey : `${spec.shareKey}\0${plan.shareKey}`;
  return { ...side, scope, shareKey };
}

/** What an instance is told when it is made. */
export function initOf(
  route: RouteSpec,
  spec: PositionSpec,
  { entry: { manifest }, resolved }: PreparedSide,
): InstanceInit {
  const info: PolicyInfo = {
    name: manifest.name,
    version: manifest.version,
    routeName: route.name,
    attachedTo: spec.level === 'operation' ? 'route' : 'api',
    tenant: route.tenant,
    api: route.api,
  };
  return { info, params: resolved.params as JsonObject };
}

async function ask(factory: PolicyFactory, init: InstanceInit): Promise<Answer> {
  let answers = kept.get(factory);
  if (answers === undefined) {
    answers = new LRUCache({ max: MAX_KEPT });
    kept.set(factory, answers);
  }
  const key = canonicalJson({ info: init.info as unknown as JsonObject, params: init.params as JsonObject });
  let asked = answers.get(key);
  if (asked === undefined) {
    asked = answer(factory, init);
    answers.set(key, asked);
  }
  const { answer: given } = await asked;
  // A failure may be one of this moment: the next configuration asks again.
  if (given !== undefined && 'kind' in given) answers.delete(key);
  return given;
}

async function answer(factory: PolicyFactory, init: InstanceInit): Promise<{ readonly answer: Answer }> {
  try {
    return { answer: await factory.plan?.(init) };
  } catch (caught) {
    return { answer: policyFailure('INTERNAL', `plan threw: ${(caught as Error).message}`) };
  }
}
