/** A policy in C on the core interface, built with the header in examples/policies/c. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadGuest } from '../../../../src/policy/guest/load-guest.ts';
import { isPolicyFailure } from '../../../../src/policy/model/failure.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { anyHookInput, fourHooksParams, messagePhase } from '../support/hook-inputs.ts';
import { body, callNow, compile, hookInput, INFO, instanceOf, policyOf, shipped } from './support/guest-rig.ts';

const EXAMPLES = new URL('../../../../examples/policies/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', EXAMPLES), 'utf8'));
const bytes = readFileSync(new URL(manifest.c.file, EXAMPLES));
const guest = compile(bytes);

describe('four-hooks, written in C', () => {
  it('is the module of the manifest, a few kilobytes, and passes verification and metering', () => {
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(manifest.c.sha256);
    expect(bytes.length).toBe(manifest.c.bytes);
    expect(bytes.length).toBeLessThan(16_384);
    const loaded = loadGuest(bytes, { sha256: manifest.c.sha256, granted: [], metering: { maxPages: 64 } });
    expect(isPolicyFailure(loaded)).toBe(false);
    expect(guest.facts.imports).toEqual([]);
    expect(guest.facts.memory?.maximum).toBe(256);
  });

  it('P-74: gives the answers of its AssemblyScript twin to 1,000 generated inputs', async () => {
    const assemblyScript = policyOf(shipped('four-hooks'));
    const c = policyOf(guest);
    await fc.assert(
      fc.asyncProperty(messagePhase, anyHookInput, fourHooksParams, async (phase, input, params) => {
        const [twin, instance] = await Promise.all([instanceOf(assemblyScript, params), instanceOf(c, params)]);
        expect(instance.modes).toEqual(twin.modes);
        expect(callNow(instance, phase, input)).toEqual(callNow(twin, phase, input));
        await Promise.all([twin.destroy(), instance.destroy()]);
      }),
      { numRuns: 1_000, seed: 4 },
    );
  });

  it('keeps instances apart, uses their places again, and forgets a handle that was destroyed', async () => {
    const policy = policyOf(guest);
    const made = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((prefix) => instanceOf(policy, { prefix })));
    await made[1]?.destroy();
    const again = await instanceOf(policy, { prefix: 'again' });
    const prefixes = [made[0], again, made[4]].map((instance) => {
      const outcome = callNow(instance!, Phase.requestBody, hookInput({}));
      if (outcome.kind !== 'action' || outcome.action.kind !== 'request-changes') throw new Error('no changes');
      return Buffer.from(outcome.action.body!).toString();
    });
    expect(prefixes).toEqual(['athe request body', 'againthe request body', 'ethe request body']);
    expect(callNow(made[1]!, Phase.requestBody)).toMatchObject({ code: 'CLOSED' });
  });

  it('refuses parameters with its own words', async () => {
    const made = await policyOf(guest).create({ info: INFO, params: { prefix: 'x'.repeat(1_025) } });
    expect(made).toMatchObject({
      code: 'PARAMS_INVALID',
      message: 'the policy refused its parameters: /prefix: it is longer than 1024 bytes',
    });
  });

  it('takes a body of a megabyte, and says so when its memory is too small for one', async () => {
    const instance = await instanceOf(guest, { prefix: '>' });
    const large = body(new Uint8Array(1_000_000).fill(65));
    const { request } = hookInput();
    const outcome = callNow(instance, Phase.requestBody, hookInput({ request: { ...request, body: large } }));
    expect(outcome).toMatchObject({ kind: 'action', action: { body: expect.objectContaining({ length: 1_000_001 }) } });
    const huge = body(new Uint8Array(17_000_000));
    const refused = callNow(instance, Phase.requestBody, hookInput({ request: { ...request, body: huge } }));
    expect(refused).toMatchObject({ kind: 'failure', code: 'MEMORY_LIMIT' });
    expect(callNow(instance, Phase.requestHeaders)).toMatchObject({ kind: 'action' });
  });
});
