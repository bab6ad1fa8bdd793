/** A configuration as it was read: routes and positions with every default, before any policy was looked for. */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import type { FailureMode } from '../chain/position.ts';
import type { ConfigProblem } from '../model/config-problem.ts';
import type { ApiInfo } from '../model/inputs.ts';
import type { Scope } from '../model/instance-plan.ts';
import type { RolloutSettings } from '../rollout/rollout-settings.ts';
import type { Wanted } from './reference.ts';

export const LEVELS = ['system', 'api', 'operation', 'onFault', 'finally'] as const;
export type Level = (typeof LEVELS)[number];

/** One entry of a chain. Routes that share a chain share this object. */
export interface PositionSpec {
  readonly key: string;
  readonly level: Level;
  /** Its place in the document; `paramsPath` is that of its parameters. */
  readonly path: string;
  readonly paramsPath: string;
  readonly wanted: Wanted;
  readonly enabled: boolean;
  readonly condition: string | undefined;
  readonly conditionPath: string;
  readonly sticky: boolean;
  readonly params: JsonValue | undefined;
  /** Absent: what the level and the manifest say. */
  readonly failureMode: FailureMode | undefined;
  readonly failureStatus: number;
  readonly late: boolean;
  readonly scope: Scope | undefined;
  /** Parts instances of one scope once more. */
  readonly shareKey: string;
  /** Names the state that a successor goes on with; `undefined`: the key of the position. */
  readonly stateKey: string | undefined;
  readonly acceptsTruncated: boolean | undefined;
  readonly rollout: RolloutSpec | undefined;
  /** Who is asked when the position failed; before its failure mode applies. */
  readonly fallbackEvaluator: 'remote' | undefined;
  /** Ask also when the failed attempt has had effects outside. */
  readonly retryAfterEffects: boolean;
}

/** A candidate beside the policy of a position. */
export interface RolloutSpec {
  readonly path: string;
  readonly paramsPath: string;
  readonly wanted: Wanted;
  readonly params: JsonValue | undefined;
  readonly settings: RolloutSettings;
}

export interface RouteSpec {
  readonly path: string;
  readonly key: string;
  readonly name: string;
  readonly tenant: string;
  readonly api: ApiInfo;
  readonly positions: readonly PositionSpec[];
  /** Everything the document says of the route; upstreams and resolvers are read by others. */
  readonly source: Readonly<JsonObject>;
}

export interface Specification {
  readonly revision: string;
  readonly routes: readonly RouteSpec[];
  /** Routes that are named and cannot be used, with the reason; the rest is applied without them. */
  readonly rejected: ReadonlyMap<string, ConfigProblem>;
  /** The operator's configuration, for references in manifests. */
  readonly config: Readonly<JsonObject>;
  readonly problems: readonly ConfigProblem[];
}

/** What an API is where the document says nothing of it. */
export function apiOf(given: JsonObject, operationPath: string): ApiInfo {
  const text = (name: string, otherwise = ''): string => (typeof given[name] === 'string' ? given[name] : otherwise);
  return {
    projectId: text('projectId'),
    id: text('id'),
    name: text('name'),
    version: text('version'),
    kind: text('kind', 'RestApi'),
    context: text('context'),
    operationPath: text('operationPath', operationPath),
  };
}

/** The template inside `METHOD|path|vhost`. */
export function pathOf(routeKey: string): string {
  return routeKey.split('|')[1] ?? '';
}
