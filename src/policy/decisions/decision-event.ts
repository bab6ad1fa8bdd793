/** The decision event: what is told of one exchange, built from the records of its hooks (spec/policies.md §11). */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import type { HookRecord } from '../chain/decision.ts';
import type { FaultRecord } from '../model/actions.ts';
import type { PolicyFailureCode } from '../model/failure.ts';
import type { HeaderMap } from '../model/headers.ts';
import type { RequestSnapshot, ResponseSnapshot } from '../model/inputs.ts';
import { Phase } from '../model/phases.ts';

/** What an exchange leaves behind when it is over. Everything in it is immutable, so it may be read later. */
export interface DecisionFacts {
  readonly route: string;
  readonly requestId: string;
  readonly traceparent?: string;
  readonly records: readonly HookRecord[];
  readonly result: {
    readonly status: number;
    /** A policy or the engine answered in place of the upstream. */
    readonly shortCircuit: boolean;
    readonly fault?: FaultRecord;
    /** Why the exchange was not decided by its chain: never a refusal without a cause (V-26). */
    readonly reason?: PolicyFailureCode;
  };
  /** What the policies saw; asked for by the tenant, written through the masks. */
  readonly inputs?: {
    readonly request: RequestSnapshot;
    readonly response?: ResponseSnapshot;
  };
}

/** Who decided. */
export interface DecisionSubject {
  readonly tenant: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly revision: string | undefined;
}

/** Members that say which event it is; no mask touches them. */
export const IDENTITY_MEMBERS: readonly string[] = ['decisionId', 'time', 'tenant', 'erased', 'masked'];

/** A plain object of its own, not yet masked. */
export function decisionEvent(
  decisionId: string,
  timeMs: number,
  { tenant, labels, revision }: DecisionSubject,
  facts: DecisionFacts,
): JsonObject {
  const { status, shortCircuit, fault, reason } = facts.result;
  return {
    decisionId,
    time: timeText(timeMs),
    tenant,
    labels: { ...labels },
    revision: revision ?? null,
    route: facts.route,
    policies: facts.records.map(policyOf),
    result: {
      status,
      shortCircuit,
      ...(fault === undefined ? {} : { fault: { code: fault.code, type: fault.type } }),
      ...(reason === undefined ? {} : { reason }),
    },
    requestId: facts.requestId,
    ...traceOf(facts.traceparent),
    ...(facts.inputs === undefined ? {} : { inputs: inputsOf(facts.inputs) }),
  };
}

/** Bytes it takes in memory until it is written: a bound from above for what grows, and a round figure for the rest. */
export function estimatedBytes({ records, inputs }: DecisionFacts): number {
  let bytes = 512 + records.length * 192;
  if (inputs === undefined) return bytes;
  for (const message of [inputs.request, inputs.response]) {
    if (message === undefined) continue;
    for (const [name, value] of message.headers.pairs()) bytes += name.length + value.length + 8;
  }
  return bytes + inputs.request.path.length;
}

/** Names as the executor protocol spells them. */
const PHASE_NAMES: ReadonlyMap<Phase, string> = new Map(
  Object.entries(Phase).map(([name, phase]) => [phase, name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()]),
);

function policyOf({ name, version, position, phase, outcome, code, durationUs, fuel }: HookRecord): JsonObject {
  return {
    name,
    version,
    position,
    phase: PHASE_NAMES.get(phase) ?? String(phase),
    outcome,
    ...(code === undefined ? {} : { code }),
    durationUs: Math.round(durationUs * 10) / 10,
    ...(fuel === undefined ? {} : { fuel }),
  };
}

/** `00-<trace id>-<span id>-<flags>`; anything else names no trace. */
function traceOf(traceparent: string | undefined): JsonObject {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/.exec(traceparent ?? '');
  return match === null ? {} : { traceId: match[1] as string, spanId: match[2] as string };
}

/** The query apart from the path, so that it can be erased alone. */
function inputsOf({ request, response }: NonNullable<DecisionFacts['inputs']>): JsonObject {
  const { method, authority, scheme, path, headers } = request;
  const mark = path.indexOf('?');
  return {
    request: {
      method,
      scheme,
      authority,
      path: mark < 0 ? path : path.slice(0, mark),
      ...(mark < 0 ? {} : { query: path.slice(mark + 1) }),
      headers: headersOf(headers),
    },
    ...(response === undefined ? {} : { response: { status: response.status, headers: headersOf(response.headers) } }),
  };
}

/** Lists, also for one value: a mask for a header is the same whether it came once or twice. */
function headersOf(headers: HeaderMap): JsonObject {
  return Object.fromEntries([...headers.entries()].map(([name, values]): [string, JsonValue] => [name, [...values]]));
}

/** RFC 3339; a caller's clock may give anything. */
function timeText(nowMs: number): string | null {
  const date = new Date(nowMs);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
