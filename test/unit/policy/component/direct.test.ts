/** A component with one core module, bound through the canonical ABI without code in between. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadComponent } from '../../../../src/policy/component/load-component.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { callNow, instanceOf as coreInstanceOf, hookInput, INFO, shipped } from '../guest/support/guest-rig.ts';
import { anyHookInput, fourHooksParams, messagePhase } from '../support/hook-inputs.ts';
import { instanceOf, load, policyOf, rustComponent } from './support/component-rig.ts';

const bytes = rustComponent();
const EVERYTHING = { headers: 'all', body: true, downstream: true, upstream: true, auth: true, api: true } as const;

describe('four-hooks, a component in Rust', () => {
  it('is the component of the manifest and is bound without glue, metered', () => {
    const manifest = JSON.parse(
      readFileSync(new URL('../../../../examples/policies/manifest.json', import.meta.url), 'utf8'),
    );
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(manifest.rust.sha256);
    const loaded = load(bytes);
    if (loaded.kind !== 'direct') throw new Error('it is not bound directly');
    expect(loaded.guest.facts.imports).toEqual([]);
    expect(loaded.guest.facts.exports.get('__edict_fuel')).toBe('global');
    expect(loaded.guest.facts.memory?.maximum).toBe(256);
  });

  it('P-74: gives the answers of the core module in AssemblyScript to 1,000 generated inputs', async () => {
    const policy = policyOf(load(bytes), { inputs: EVERYTHING });
    const guest = shipped('four-hooks');
    await fc.assert(
      fc.asyncProperty(messagePhase, anyHookInput, fourHooksParams, async (phase, input, params) => {
        const [twin, instance] = await Promise.all([coreInstanceOf(guest, params), instanceOf(policy, params)]);
        expect(instance.modes).toEqual(twin.modes);
        expect(callNow(instance, phase, input)).toEqual(callNow(twin, phase, input));
        await Promise.all([twin.destroy(), instance.destroy()]);
      }),
      { numRuns: 1_000, seed: 5 },
    );
  });

  it('P-68: sees only the inputs that are declared', async () => {
    const instance = await instanceOf(policyOf(load(bytes), { inputs: { headers: ['accept'] } }));
    expect(callNow(instance, Phase.requestHeaders)).toEqual({ kind: 'none' });
    const answer = callNow(instance, Phase.requestBody);
    expect(answer).toEqual({
      kind: 'action',
      action: { kind: 'request-changes', body: new Uint8Array(Buffer.from('[seen] ')) },
    });
  });

  it('ends a hook whose fuel is used up, and answers the next call in a new store', async () => {
    const policy = policyOf(load(bytes), { limits: { fuelPerHook: 2_000 } });
    const instance = await instanceOf(policy);
    expect(callNow(instance, Phase.requestHeaders)).toMatchObject({ kind: 'failure', code: 'FUEL_EXHAUSTED' });
    expect(policy.describe()).toMatchObject({ shop: { poisoned: 1 } });
    const generous = await instanceOf(policyOf(load(bytes)));
    expect(callNow(generous, Phase.requestHeaders)).toMatchObject({ kind: 'action' });
  });

  it('reports an error of the component with its code, and goes on in the same store', async () => {
    const policy = policyOf(load(bytes));
    const instance = await instanceOf(policy);
    const chunk = { data: new Uint8Array(1), endOfStream: true, index: 0, streamId: 1 };
    expect(callNow(instance, Phase.requestBodyChunk, hookInput({ chunk }))).toMatchObject({
      kind: 'failure',
      code: 'GUEST_ERROR',
    });
    expect(callNow(instance, Phase.requestHeaders)).toMatchObject({ kind: 'action' });
    expect(policy.describe()).toMatchObject({ shop: { stores: 1, poisoned: 0 } });
  });

  it('answers queries, hears of ends of streams, has no state and refuses one', async () => {
    const policy = policyOf(load(bytes));
    const made = await policy.create({ info: INFO, params: {} });
    if ('kind' in made) throw new Error(made.message);
    const pending = { fresh: new Uint8Array(3), total: 2 ** 40, streamId: 1 };
    expect(callNow(made, Phase.needsMoreRequestData, hookInput({ pending }))).toEqual({
      kind: 'decision',
      needsMore: false,
    });
    made.streamEnd(1, 'terminated');
    expect(made.exportState()).toBeUndefined();
    expect(made.importState(Uint8Array.of(1, 2, 3))).toBe(false);
    expect(await policy.plan({ info: INFO, params: {} })).toEqual({ scope: 'per-route', shareKey: '' });
    expect(policy.describe()).toMatchObject({ shop: { poisoned: 0 } });
  });

  it('keeps its memory flat over 100,000 hooks', { timeout: 60_000 }, async () => {
    const policy = policyOf(load(bytes));
    const instance = await instanceOf(policy);
    const input = hookInput();
    for (let i = 0; i < 1_000; i++) callNow(instance, Phase.requestBody, input);
    const before = policy.describe()['shop']?.memoryBytes;
    for (let i = 0; i < 100_000; i++) callNow(instance, Phase.requestBody, input);
    expect(policy.describe()).toMatchObject({ shop: { memoryBytes: before, poisoned: 0, recycled: 0 } });
  });
});

describe('loading a component', () => {
  it('refuses what is no component, at every length', () => {
    for (const length of [0, 4, 8, 9, 100, 5_000, bytes.length - 1]) {
      const loaded = loadComponent(bytes.subarray(0, length), { granted: [], metering: {} });
      expect(loaded, `${length} bytes`).toMatchObject({ kind: 'failure', code: 'MODULE_INVALID' });
    }
    const core = readFileSync(new URL('../../../../wasm/policies/four-hooks.wasm', import.meta.url));
    expect(loadComponent(core, { granted: [], metering: {} })).toMatchObject({ code: 'MODULE_INVALID' });
  });

  it('asks for what jco makes of it where a direct binding is not wanted', () => {
    expect(loadComponent(bytes, { granted: [], metering: {}, direct: false })).toMatchObject({
      code: 'MODULE_INVALID',
      message: 'it needs the module that jco makes of it (a direct binding is not wanted)',
    });
  });
});
