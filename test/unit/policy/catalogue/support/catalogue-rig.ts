/** Policies of the catalogue for tests: one instance, one call, one answer. */

import type { JsonObject } from '../../../../../src/internal/json.ts';
import type { HeaderPair } from '../../../../../src/policy/model/headers.ts';
import { HeaderMap } from '../../../../../src/policy/model/headers.ts';
import type { HookInput, PolicyInfo } from '../../../../../src/policy/model/inputs.ts';
import type { Outcome, PolicyFactory, PolicyInstance } from '../../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../../src/policy/model/phases.ts';
import type { RequestView, ResponseView } from '../../../../../src/policy/model/views.ts';
import { hookInput, INFO } from '../../guest/support/guest-rig.ts';

export type RequestPart = Partial<Omit<RequestView, 'headers'>> & { readonly headers?: readonly HeaderPair[] };

/** The input of a hook with parts of its request (and response) replaced. */
export function inputOf(
  request: RequestPart = {},
  more: Partial<HookInput> = {},
  response: Partial<ResponseView> = {},
): HookInput {
  const input = hookInput(more);
  const { headers, ...rest } = request;
  return {
    ...input,
    request: {
      ...input.request,
      ...rest,
      ...(headers === undefined ? {} : { headers: HeaderMap.from(headers) }),
    },
    ...(input.response === undefined ? {} : { response: { ...input.response, ...response } }),
  };
}

/** Throws the failure as text when the parameters are refused. */
export async function made(
  policy: PolicyFactory,
  params: JsonObject,
  info: Partial<PolicyInfo> = {},
): Promise<PolicyInstance> {
  const instance = await policy.create({ info: { ...INFO, ...info }, params });
  if ('kind' in instance) throw new Error(`${instance.code}: ${instance.message}`);
  return instance;
}

/** The code and the message of a refusal, without whose it is. */
export async function refusal(policy: PolicyFactory, params: JsonObject): Promise<string> {
  const instance = await policy.create({ info: INFO, params });
  if (!('kind' in instance)) throw new Error('accepted');
  const reason = instance.message.replace(/^(?:the policy refused its parameters|[a-z-]+): /, '');
  return `${instance.code}: ${reason}`;
}

/** The action of a call; undefined for "nothing changes". */
export async function actionOf(
  instance: PolicyInstance,
  input: HookInput,
  phase: Phase = Phase.requestHeaders,
): Promise<unknown> {
  const outcome: Outcome = await instance.call(phase, input);
  if (outcome.kind === 'failure') throw new Error(`${outcome.code}: ${outcome.message}`);
  return outcome.kind === 'action' ? outcome.action : undefined;
}
