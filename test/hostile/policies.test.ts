/** Each hostile module behind the interface of a policy: the caller gets the typed result, and the next call is right. */

import { afterAll, describe, expect, it } from 'vitest';
import { CoreModulePolicy } from '../../src/policy/guest/core-module-policy.ts';
import type { Capability } from '../../src/policy/guest/imports.ts';
import { loadGuest } from '../../src/policy/guest/load-guest.ts';
import { isPolicyFailure, type PolicyFailure } from '../../src/policy/model/failure.ts';
import type { Outcome, PolicyInstance } from '../../src/policy/model/instance.ts';
import type { Phase } from '../../src/policy/model/phases.ts';
import { actionFault } from '../../src/policy/reduce/check-action.ts';
import { PolicyWorkers } from '../../src/policy-workers/policy-workers.ts';
import { WorkerPolicy } from '../../src/policy-workers/worker-policy.ts';
import { EXCHANGE, hookInput, INFO, RecordingHost } from '../unit/policy/guest/support/guest-rig.ts';
import { type HostileFixture, hostileFixture, hostileFixtures } from './support/fixtures.ts';

type Made = PolicyInstance | PolicyFailure;

const capabilities = ({ grants }: HostileFixture): Capability[] =>
  grants.map((grant) => grant.replace('edict.', '') as Capability);

async function inline(fixture: HostileFixture): Promise<Made> {
  const granted = capabilities(fixture);
  const guest = loadGuest(fixture.bytes, { sha256: false, granted });
  if (isPolicyFailure(guest)) return guest;
  return new CoreModulePolicy({
    name: fixture.name,
    version: 'v1.0.0',
    guest,
    tier: 'metered',
    inputs: { headers: 'all', body: true },
    granted,
    host: new RecordingHost(),
  }).create({ info: INFO, params: {} });
}

const workers = new PolicyWorkers({ workers: 2, initMs: 10_000 });
afterAll(() => workers.close());

async function inWorker(fixture: HostileFixture): Promise<Made> {
  const granted = capabilities(fixture);
  const guest = loadGuest(fixture.bytes, { sha256: false, granted, metering: { pauses: true } });
  if (isPolicyFailure(guest)) return guest;
  return new WorkerPolicy({
    name: fixture.name,
    version: 'v1.0.0',
    guest,
    inputs: { headers: 'all', body: true },
    granted,
    host: new RecordingHost(),
    workers,
    // Fuel ends what loops here; what a busy machine makes slow must not look like it.
    deadlineMs: 10_000,
  }).create({ info: INFO, params: {} });
}

/** The rig's exchange is of long ago, which only those with a clock notice. */
const input = () => hookInput({ exchange: { ...EXCHANGE, deadline: Date.now() + 30_000 } });

/** With the check that a chain makes of every action before it applies any of it. */
function codeOf(outcome: Outcome, phase: Phase): string {
  if (outcome.kind === 'failure') return outcome.code;
  return outcome.kind === 'action' && actionFault(outcome.action, phase) !== undefined ? 'ACTION_INVALID' : 'OK';
}

/** What the caller gets at the stage that the module is about. */
async function verdict(fixture: HostileFixture, make: (fixture: HostileFixture) => Promise<Made>): Promise<string> {
  const made = await make(fixture);
  if (isPolicyFailure(made))
    return ['load', 'start', 'init'].includes(fixture.stage) ? made.code : `early ${made.code}`;
  const phase = fixture.phase as Phase;
  let code = 'OK';
  if (fixture.stage === 'call') {
    for (let call = 1; call <= fixture.calls; call++) {
      if (code !== 'OK') return `${code} in call ${call - 1} already`;
      code = codeOf(await made.call(phase, input()), phase);
    }
  }
  await made.destroy();
  return code;
}

describe.each([
  ["metered, on the caller's thread", inline],
  ['in a worker', inWorker],
])('%s', (_, make) => {
  it.each(hostileFixtures())('$name: $purpose', async (fixture) => {
    expect(fixture.expect).toContain(await verdict(fixture, make));
    expect(await verdict(hostileFixture('well-behaved'), make)).toBe('OK');
  });
});
