/** Hosts for tests: capabilities from their JSON shape, calls of a hook, a time that stands still. */

import type { HostCall } from '../../../../src/policy/guest/host-functions.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { type Capabilities, parseCapabilities } from '../../../../src/policy-host/capabilities.ts';
import { createHost, type PolicyHost } from '../../../../src/policy-host/policy-host.ts';
import type { HostOptions, HostPorts, PolicyLogLine } from '../../../../src/policy-host/ports.ts';
import { EXCHANGE, hookInput, INFO } from '../../policy/guest/support/guest-rig.ts';

export const TENANT = INFO.tenant;
export const OWNER: HostOptions = { tenant: TENANT, policy: INFO.name };

/** Far enough in the future for every clock of a test. */
export const DEADLINE = 4_000_000_000_000;

export function capabilities(shape: Record<string, unknown>): Capabilities {
  const { capabilities: parsed, problems } = parseCapabilities(shape);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return parsed;
}

export function hostOf(
  shape: Record<string, unknown>,
  ports: HostPorts = {},
  options: Partial<HostOptions> = {},
): PolicyHost {
  return createHost(capabilities(shape), { ...OWNER, ...options }, ports);
}

/** An input of an exchange of its own. */
export function freshInput(part: Partial<HookInput> = {}): HookInput {
  return hookInput({ exchange: { ...EXCHANGE, deadline: DEADLINE }, ...part });
}

export function callOf(input: HookInput | undefined = freshInput(), phase: Phase = Phase.requestHeaders): HostCall {
  return { info: INFO, phase, input };
}

/** A call without a hook: while the guest is made, or told of the end of a stream. */
export const OUTSIDE: HostCall = { info: INFO, phase: undefined, input: undefined };

/** The call of another tenant's instance. */
export function foreignCall(): HostCall {
  return { ...callOf(), info: { ...INFO, tenant: 'somebody-else' } };
}

export class StillTime {
  nowMs = 1_700_000_000_123.75;
  monotonicMs = 5_000.5;

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return this.monotonicMs;
  }
}

export function collected(): { readonly lines: PolicyLogLine[]; readonly log: (line: PolicyLogLine) => void } {
  const lines: PolicyLogLine[] = [];
  return { lines, log: (line) => lines.push(line) };
}
