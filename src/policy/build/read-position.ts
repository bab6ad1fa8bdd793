/** One entry of a chain, with its defaults. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import type { FailureMode } from '../chain/position.ts';
import type { Action } from '../model/actions.ts';
import { type ConfigProblem, problem } from '../model/config-problem.ts';
import type { HeaderPair } from '../model/headers.ts';
import type { Scope } from '../model/instance-plan.ts';
import { Phase } from '../model/phases.ts';
import { actionFault } from '../reduce/check-action.ts';
import { parseReference, type Wanted } from './reference.ts';
import type { Level, PositionSpec, RolloutSpec } from './specification.ts';

/** Keys of a chain, and how many positions without a key a policy has: their numbers make up for it. */
export type Numbered = Map<string, number>;

/** `wanted` is given where the document says it in other words than `use`. Its shape has passed the schema already. */
export function readPosition(
  given: JsonObject,
  level: Level,
  path: string,
  numbered: Numbered,
  wanted: Wanted | { readonly fault: string } = parseReference(given.use as string),
): PositionSpec | { readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  if ('fault' in wanted) problems.push(problem(`${path}/use`, wanted.fault, 'POLICY_MISSING'));
  const mode = failureModeOf(given.failureMode);
  if (typeof mode === 'object' && 'fault' in mode) problems.push(problem(`${path}/failureMode/fallback`, mode.fault));
  const key = keyOf(given, wanted, numbered);
  if (key === undefined) problems.push(problem(`${path}/key`, 'another position of the chain has this key'));
  const rollout = given.rollout === undefined ? undefined : readRollout(given, path);
  if (rollout !== undefined && 'message' in rollout) problems.push(rollout);
  if (problems.length > 0) return { problems };
  const conditionName = given.condition === undefined ? 'executionCondition' : 'condition';
  const condition = given[conditionName];
  return {
    key: key as string,
    level,
    path,
    paramsPath: paramsPathOf(given, path),
    wanted: wanted as Wanted,
    enabled: given.enabled !== false,
    // An empty text is no condition in files of the reference engine.
    condition: typeof condition === 'string' && condition.trim() !== '' ? condition : undefined,
    conditionPath: `${path}/${conditionName}`,
    sticky: given.sticky === true,
    params: given.params ?? given.parameters,
    failureMode: mode as FailureMode | undefined,
    failureStatus: (given.failureStatus as number | undefined) ?? 500,
    late: given.late === true,
    scope: given.scope as Scope | undefined,
    shareKey: (given.shareKey as string | undefined) ?? '',
    stateKey: given.stateKey as string | undefined,
    acceptsTruncated: given.acceptsTruncated as boolean | undefined,
    rollout: rollout as RolloutSpec | undefined,
    fallbackEvaluator: given.fallbackEvaluator as 'remote' | undefined,
    retryAfterEffects: given.retryAfterEffects === true,
  };
}

/** The candidate has the parameters of the position unless it brings its own. */
function readRollout(position: JsonObject, path: string): RolloutSpec | ConfigProblem {
  const given = position.rollout as JsonObject;
  const at = `${path}/rollout`;
  const wanted = parseReference(given.use as string);
  if ('fault' in wanted) return problem(`${at}/use`, wanted.fault, 'POLICY_MISSING');
  const { percent, flag, shadow } = given;
  const isShadow = shadow === true;
  if (percent !== undefined && flag !== undefined) return problem(at, 'has percent or flag, not both');
  if (percent === undefined && flag === undefined && !isShadow) return problem(at, 'needs percent or flag');
  const isOwn = given.params !== undefined || given.parameters !== undefined;
  const [source, place] = isOwn ? [given, at] : [position, path];
  return {
    path: at,
    paramsPath: paramsPathOf(source, place),
    wanted,
    params: source.params ?? source.parameters,
    settings: {
      isShadow,
      ...(typeof percent === 'number' ? { percent } : {}),
      ...(typeof flag === 'string' ? { flag } : {}),
    },
  };
}

function paramsPathOf(given: JsonObject, path: string): string {
  return `${path}/${given.params === undefined && given.parameters !== undefined ? 'parameters' : 'params'}`;
}

function keyOf(given: JsonObject, wanted: Wanted | { fault: string }, numbered: Numbered): string | undefined {
  if (typeof given.key === 'string') {
    if (numbered.has(given.key)) return undefined;
    numbered.set(given.key, 1);
    return given.key;
  }
  const name = 'name' in wanted ? wanted.name : 'policy';
  let count = numbered.get(name) ?? 0;
  let key: string;
  do key = ++count === 1 ? name : `${name}#${count}`;
  while (key !== name && numbered.has(key));
  numbered.set(name, count);
  if (key !== name) numbered.set(key, 1);
  return key;
}

function failureModeOf(given: JsonValue | undefined): FailureMode | undefined | { readonly fault: string } {
  if (!isJsonObject(given)) return given as 'closed' | 'open' | undefined;
  const action = actionOf(given.fallback as JsonObject);
  const phase = action.kind === 'response-changes' ? Phase.responseBody : Phase.requestBody;
  const fault = actionFault(action, phase);
  return fault === undefined ? { fallback: Object.freeze(action) } : { fault };
}

/** A constant action: headers of an answer may be written as a map, a body as a text. */
function actionOf(given: JsonObject): Action {
  const { body, headers, ...rest } = given;
  const isAnswer = given.kind === 'immediate';
  return {
    ...rest,
    ...(headers === undefined ? {} : { headers: isAnswer && isJsonObject(headers) ? pairsOf(headers) : headers }),
    ...(typeof body === 'string' ? { body: new Uint8Array(Buffer.from(body, 'utf8')) } : {}),
  } as Action;
}

function pairsOf(headers: JsonObject): HeaderPair[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value): HeaderPair => [name, String(value)]),
  );
}
