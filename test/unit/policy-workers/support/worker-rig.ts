/** Policies in real workers, for tests: modules from text, metered as they are in service. */

import { readFileSync } from 'node:fs';
import type { CompiledGuest } from '../../../../src/policy/guest/core-guest.ts';
import type { Capability } from '../../../../src/policy/guest/imports.ts';
import { loadGuest } from '../../../../src/policy/guest/load-guest.ts';
import { isPolicyFailure } from '../../../../src/policy/model/failure.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import type { PolicyWorkers } from '../../../../src/policy-workers/policy-workers.ts';
import type { WorkerInstance } from '../../../../src/policy-workers/worker-instance.ts';
import { WorkerPolicy, type WorkerPolicyOptions } from '../../../../src/policy-workers/worker-policy.ts';
import { EXCHANGE, hookInput, INFO, RecordingHost } from '../../policy/guest/support/guest-rig.ts';
import { type TextGuest, textBytes } from '../../policy/guest/support/text-guest.ts';

/** So much fuel that only the deadline can end what loops: over a second of the tightest loop there is. */
export const ENDLESS_FUEL = { fuelPerHook: 2_147_483_647 };

export const LOOP = '(loop (br 0)) (i32.const 0)';
/** Loops in phase 2, answers in all others. */
export const LOOP_ON_BODY = `(if (i32.eq (local.get $phase) (i32.const 2)) (then (loop (br 0)))) (i32.const 0)`;

/** wasm/policies/`name`.wasm. */
export function shippedMetered(name: string): CompiledGuest {
  return loaded(readFileSync(new URL(`../../../../wasm/policies/${name}.wasm`, import.meta.url)), []);
}

/** The same; in phase 4 works hard for some tens of milliseconds, and ends. */
export const LOOP_OR_WORK = `(if (i32.eq (local.get $phase) (i32.const 4)) (then
  (local.set $length (i32.const 15000000))
  (loop $work (local.set $length (i32.sub (local.get $length) (i32.const 1))) (br_if $work (local.get $length)))))
  ${LOOP_ON_BODY}`;

/** As in service, where a guest can be told to stop; one that does not `pause` is stopped with its thread. */
export function metered(parts: TextGuest, granted: readonly Capability[] = [], pauses = true): CompiledGuest {
  return loaded(textBytes(parts), granted, pauses);
}

function loaded(bytes: Uint8Array, granted: readonly Capability[], pauses = true): CompiledGuest {
  const guest = loadGuest(bytes, { sha256: false, granted, metering: { pauses } });
  if (isPolicyFailure(guest)) throw new Error(guest.message);
  return guest;
}

export function workerPolicy(
  workers: PolicyWorkers,
  parts: TextGuest,
  options: Partial<WorkerPolicyOptions> = {},
): WorkerPolicy {
  const granted = [...(options.granted ?? [])];
  return new WorkerPolicy({
    name: 'under-test',
    version: 'v1.0.0',
    guest: metered(parts, granted),
    inputs: { headers: 'all', body: true },
    host: new RecordingHost(),
    workers,
    // Busy machines run a test late; only what is about deadlines asks for a short one.
    deadlineMs: 10_000,
    ...options,
    granted,
  });
}

/** One instance; throws the failure as text when it cannot be made. */
export async function made(policy: WorkerPolicy, tenant = INFO.tenant): Promise<WorkerInstance> {
  const instance = await policy.create({ info: { ...INFO, tenant }, params: {} });
  if (isPolicyFailure(instance)) throw new Error(`${instance.code}: ${instance.message}`);
  return instance as WorkerInstance;
}

/** An input of an exchange that has half a minute. */
export function input(part: Partial<HookInput> = {}): HookInput {
  return hookInput({ exchange: { ...EXCHANGE, deadline: Date.now() + 30_000 }, ...part });
}
