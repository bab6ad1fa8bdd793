/** Runs recorded hooks again, offline: the same policy with the same input and the same answers must decide the same. */

import { isJsonObject, type JsonValue } from '../internal/json.ts';
import type { HostFunctions } from '../policy/guest/host-functions.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import type { InstanceInit, PolicyFactory, PolicyInstance } from '../policy/model/instance.ts';
import { HostedPolicy } from './hosted-policy.ts';
import { fromPlainJson, toPlainJson } from './plain-json.ts';
import type { RecordedHook } from './recording-policy.ts';
import { ReplayHost } from './replay.ts';

/** How to make the policy of a record again. */
export interface ReplayedPolicy {
  readonly metadata: { readonly reads: readonly string[]; readonly writes: readonly string[] };
  create(host: HostFunctions): PolicyFactory;
}

export interface ReplayDifference {
  readonly pointer: string;
  readonly recorded: JsonValue | undefined;
  readonly replayed: JsonValue | undefined;
}

export interface ReplayResult {
  /** Of the record, from 1. */
  readonly line: number;
  readonly policy: string;
  readonly phase: number;
  readonly isIdentical: boolean;
  readonly differences: readonly ReplayDifference[];
  /** The first host call that the record does not have. */
  readonly divergence: string | undefined;
  /** Why the hook could not be run again. */
  readonly failure: PolicyFailure | undefined;
}

interface Running {
  readonly host: ReplayHost;
  readonly instance: PolicyInstance;
}

/** Instances are made once and asked in the order of the records, so that what they remember is there again. Never rejects. */
export async function replayHooks(
  records: readonly RecordedHook[],
  find: (record: RecordedHook) => ReplayedPolicy | PolicyFailure | undefined,
): Promise<readonly ReplayResult[]> {
  const running = new Map<string, Running | PolicyFailure>();
  const results: ReplayResult[] = [];
  for (const [at, record] of records.entries()) {
    const key = `${record.digest} ${record.instance}`;
    let one = running.get(key);
    if (one === undefined) {
      one = await start(record, find(record));
      running.set(key, one);
    }
    results.push(await replayOne(at + 1, record, one));
  }
  for (const one of running.values()) if (!isPolicyFailure(one)) await one.instance.destroy();
  return results;
}

/** A line of a recording, or what is wrong with it. */
export function parseRecord(line: string): RecordedHook | { readonly fault: string } {
  try {
    const value = JSON.parse(line) as JsonValue;
    if (!isJsonObject(value) || value.format !== 1) return { fault: 'is no recorded hook of format 1' };
    const { policy, digest, phase, input, init, host, made } = value;
    const isWhole = typeof policy === 'string' && typeof digest === 'string' && typeof phase === 'number';
    if (!isWhole || !isJsonObject(input) || !isJsonObject(init) || !Array.isArray(host) || !Array.isArray(made)) {
      return { fault: 'is not whole' };
    }
    return value as unknown as RecordedHook;
  } catch {
    return { fault: 'is no JSON' };
  }
}

async function start(
  { init, made, policy }: RecordedHook,
  found: ReplayedPolicy | PolicyFailure | undefined,
): Promise<Running | PolicyFailure> {
  if (found === undefined) return policyFailure('POLICY_MISSING', `there is no policy ${policy}`);
  if (isPolicyFailure(found)) return found;
  const host = new ReplayHost([], found.metadata, made);
  const factory = new HostedPolicy(found.create(host), host);
  const instance = await factory.create(fromPlainJson(init) as InstanceInit);
  return isPolicyFailure(instance) ? instance : { host, instance };
}

async function replayOne(line: number, record: RecordedHook, running: Running | PolicyFailure): Promise<ReplayResult> {
  const { policy, phase } = record;
  const base = { line, policy, phase, differences: [], divergence: undefined, failure: undefined };
  if (isPolicyFailure(running)) return { ...base, isIdentical: false, failure: running };
  const { host, instance } = running;
  host.begin(record.host);
  const outcome = toPlainJson(await instance.call(phase, fromPlainJson(record.input) as HookInput));
  const differences: ReplayDifference[] = [];
  // Whether a failed hook had effects is known to the host that was recorded, not to the one that only repeats.
  compare('', withoutEffects(record.outcome), withoutEffects(outcome), differences);
  const { divergence } = host;
  return { ...base, isIdentical: differences.length === 0, differences, divergence };
}

function withoutEffects(outcome: JsonValue): JsonValue {
  if (!isJsonObject(outcome)) return outcome;
  const { hadEffects: _, ...rest } = outcome;
  return rest;
}

function compare(
  pointer: string,
  recorded: JsonValue | undefined,
  replayed: JsonValue | undefined,
  found: ReplayDifference[],
): void {
  const bothObjects = isJsonObject(recorded) && isJsonObject(replayed);
  if (bothObjects || (Array.isArray(recorded) && Array.isArray(replayed))) {
    const [one, other] = [recorded, replayed] as [Record<string, JsonValue>, Record<string, JsonValue>];
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      compare(`${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, one[key], other[key], found);
    }
    return;
  }
  if (recorded !== replayed) found.push({ pointer: pointer || '/', recorded, replayed });
}
