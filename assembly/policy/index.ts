/**
 * The policy SDK for AssemblyScript. A whole policy:
 *
 *   import { Answer, Input, Json, Policy, PolicyInfo, REQUEST_HEADERS, change, register } from '…/policy';
 *
 *   class Greet extends Policy {
 *     constructor() { super(REQUEST_HEADERS); }
 *     onRequestHeaders(input: Input): Answer | null { return change().setHeader('x-greeting', 'hello ' + input.tenant); }
 *   }
 *   register((info: PolicyInfo, params: Json): Policy | null => new Greet());
 *
 *   export * from '…/policy/exports';
 */

export { Action, Answer, PreparedAction, change, respond, terminate } from './action';
export { Bytes } from './bytes';
export { fail, failHost, rejectParams } from './failure';
export { Headers } from './headers';
export { clock, crypto, flags, hostError, http, kv, log, metadata, metrics, random, resources } from './host';
export { Body, Input } from './input';
export { Json, quote } from './json';
export {
  Factory,
  PER_REQUEST,
  PER_ROUTE,
  Plan,
  Planner,
  Policy,
  PolicyInfo,
  REQUEST_BODY,
  REQUEST_HEADERS,
  REQUEST_STREAM,
  RESPONSE_BODY,
  RESPONSE_HEADERS,
  RESPONSE_STREAM,
  SHARED_BY_PARAMS,
  SINGLETON,
  register,
  registerPlan,
} from './policy';
export { wait } from './waiting';
