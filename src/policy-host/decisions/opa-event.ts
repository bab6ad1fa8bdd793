/** A decision event as Open Policy Agent's decision log has it. */

import type { JsonObject, JsonValue } from '../../internal/json.ts';

/** The service OPA's own members describe is one agent; ours is one tenant of one process. */
export function opaEvent(event: JsonObject): JsonObject {
  const { tenant, labels, revision, route, policies, result, inputs, requestId } = event;
  return {
    labels: { ...(labels as JsonObject), tenant: tenant as JsonValue },
    decision_id: event.decisionId as JsonValue,
    ...(typeof revision === 'string' ? { bundles: { [tenant as string]: { revision } } } : {}),
    path: route as JsonValue,
    ...(inputs === undefined ? {} : { input: inputs }),
    result: result as JsonValue,
    timestamp: event.time as JsonValue,
    metrics: { timer_server_handler_ns: nanoseconds(policies as JsonObject[]) },
    ...pointers('erased', event.erased),
    ...pointers('masked', event.masked),
    ...(event.traceId === undefined ? {} : { trace_id: event.traceId, span_id: event.spanId as JsonValue }),
    custom: { request_id: requestId as JsonValue, policies: policies as JsonValue },
  };
}

function nanoseconds(policies: readonly JsonObject[]): number {
  return Math.round(policies.reduce((sum, { durationUs }) => sum + Number(durationUs), 0) * 1_000);
}

/** OPA leaves empty lists out, and calls the input by its own name. */
function pointers(name: 'erased' | 'masked', list: JsonValue | undefined): JsonObject {
  if (!Array.isArray(list) || list.length === 0) return {};
  return { [name]: list.map((pointer) => String(pointer).replace(/^\/inputs(?=\/|$)/, '/input')) };
}
