/**
 * Components through the modules that jco made of them, in every language of examples/policies. They need tools that are not
 * part of an ordinary install (`node tools/components/build.mjs`); without them these tests are named as not run.
 */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LoadedComponent, loadComponent } from '../../../../src/policy/component/load-component.ts';
import type { PolicyInstance } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { callNow, instanceOf as coreInstanceOf, hookInput, shipped } from '../guest/support/guest-rig.ts';
import { anyHookInput, messagePhase } from '../support/hook-inputs.ts';
import { type Built, built, instanceOf, load, policyOf, rustComponent, transpiled } from './support/component-rig.ts';

const EVERYTHING = { headers: 'all', body: true, downstream: true, upstream: true, auth: true, api: true } as const;
const guest = shipped('four-hooks');
const LANGUAGES = { rust: 1_000, js: 1_000, python: 1_000 };
const PREFIX = '"quoted"\\\n \u{1f44b} \u00e9';

/** Engines are too large to be metered in every run; that is what the Rust component is for. */
async function loadEngine(example: Built): Promise<LoadedComponent> {
  return load(readFileSync(example.file), { direct: false, metering: false, transpiled: await transpiled(example) });
}

async function compare(instance: PolicyInstance, runs: number): Promise<void> {
  const twin = await coreInstanceOf(guest, { prefix: PREFIX });
  expect(instance.modes).toEqual(twin.modes);
  fc.assert(
    fc.property(messagePhase, anyHookInput, (phase, input) => {
      expect(callNow(instance, phase, input)).toEqual(callNow(twin, phase, input));
    }),
    { numRuns: runs, seed: 6 },
  );
}

describe.each(Object.entries(LANGUAGES))('four-hooks as a component in %s', (language, runs) => {
  const example = built(language);
  if ('reason' in example) {
    it.skip(`through jco (${example.reason})`);
    return;
  }

  it(`P-74: through jco, gives the answers of the core module to ${runs} generated inputs`, {
    timeout: 120_000,
  }, async () => {
    const policy = policyOf(await loadEngine(example), { inputs: EVERYTHING });
    const instance = await instanceOf(policy, { prefix: PREFIX });
    await compare(instance, runs);
    expect(policy.describe()).toMatchObject({ shop: { stores: 1, poisoned: 0 } });
    await instance.destroy();
  });

  it('P-37: reports its errors as values and goes on in the same store', { timeout: 120_000 }, async () => {
    const policy = policyOf(await loadEngine(example));
    const instance = await instanceOf(policy);
    const chunk = { data: new Uint8Array(1), endOfStream: true, index: 0, streamId: 1 };
    expect(callNow(instance, Phase.responseBodyChunk, hookInput({ chunk }))).toMatchObject({ code: 'GUEST_ERROR' });
    expect(callNow(instance, Phase.requestHeaders)).toMatchObject({ kind: 'action' });
    expect(policy.describe()).toMatchObject({ shop: { stores: 1, poisoned: 0 } });
  });
});

describe('a component in JavaScript that asks the host for nothing', () => {
  const example = built('js');
  if ('reason' in example) {
    it.skip(`bound directly (${example.reason})`);
    return;
  }

  it('P-74: has one core module too and gives the same answers bound directly', { timeout: 120_000 }, async () => {
    const component = load(readFileSync(example.file), {
      metering: false,
      maxBytes: 64 * 1024 * 1024,
      maxPages: 4_096,
    });
    expect(component.kind).toBe('direct');
    const instance = await instanceOf(policyOf(component, { inputs: EVERYTHING }), { prefix: PREFIX });
    await compare(instance, 1_000);
  });
});

describe('the module jco made of a component', () => {
  const example = built('rust');
  if ('reason' in example) {
    it.skip(`is checked against it (${example.reason})`);
    return;
  }

  it('is refused when its core modules are not those of the component', async () => {
    const { instantiate, coreModules } = await transpiled(example);
    const other = new Map([...coreModules].map(([name, bytes]) => [name, bytes.subarray(0, bytes.length - 1)]));
    const options = { granted: [], metering: {}, direct: false, transpiled: { instantiate, coreModules: other } };
    expect(loadComponent(rustComponent(), options)).toMatchObject({
      code: 'MODULE_INVALID',
      message: 'what jco made of it lacks 1 of the 1 core modules of the component',
    });
  });

  it('runs metered: a hook whose fuel is used up ends, and the next call finds a new store', async () => {
    const component = load(rustComponent(), { direct: false, transpiled: await transpiled(example) });
    expect(component.kind).toBe('transpiled');
    const policy = policyOf(component, { limits: { fuelPerHook: 2_000 } });
    const instance = await instanceOf(policy);
    expect(callNow(instance, Phase.requestHeaders)).toMatchObject({ code: 'FUEL_EXHAUSTED' });
    expect(policy.describe()).toMatchObject({ shop: { poisoned: 1 } });
    const generous = await instanceOf(policyOf(component));
    expect(callNow(generous, Phase.requestHeaders)).toMatchObject({ kind: 'action' });
  });
});
