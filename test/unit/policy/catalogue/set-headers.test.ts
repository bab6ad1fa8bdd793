/** set-headers twice: in TypeScript and in WebAssembly, with the same answers to anything. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { setHeaders } from '../../../../src/policy/catalogue/set-headers.ts';
import type { PolicyFactory } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { hookInput, INFO, policyOf, shipped } from '../guest/support/guest-rig.ts';

const guest = policyOf(shipped('set-headers'));

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.stringMatching(/^[ -~\u0080-\u00ff]{0,30}$/));
const name = fc.oneof(fc.constantFrom('X-A', 'x-a', 'set-cookie', "!#$%&'*+-.^_`|~", ''), fc.string({ maxLength: 4 }));
const action = fc.constantFrom('set', 'append', 'remove', 'SET');
const entry = fc.oneof(
  { weight: 12, arbitrary: fc.record({ name: fc.constantFrom('X-A', 'x-b', 'Set-Cookie'), value: text }) },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.constantFrom('X-A', 'x-b'),
      value: fc.stringMatching(/^[ -~\u0080-\u00ff]{0,30}$/),
      action: fc.constantFrom('set', 'append', 'remove'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ name, value: text, action }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.constantFrom({}, { name: 'x', value: 'a'.repeat(8_193) }, { name: 7 }) },
);
const list = fc.oneof(fc.array(entry, { maxLength: 4 }), fc.constantFrom(undefined, {}, 'x', null, { length: 1 }));
const params = fc
  .record({ requestHeaders: list, responseHeaders: list })
  .map((given) => JSON.parse(JSON.stringify(given)) as JsonObject);

async function answers(policy: PolicyFactory, given: JsonObject): Promise<unknown> {
  const made = await policy.create({ info: INFO, params: given });
  if ('kind' in made) return made.code;
  const outcomes = [Phase.requestHeaders, Phase.responseHeaders].map((phase) => made.call(phase, hookInput()));
  const { modes } = made;
  await made.destroy();
  return { modes, outcomes };
}

describe('set-headers', () => {
  it('gives the same in TypeScript and in WebAssembly, for 1,000 random parameters (P-75)', async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(params, async (given) => {
        const native = await answers(setHeaders, given);
        if (native === 'PARAMS_INVALID') refused++;
        expect(await answers(guest, given)).toEqual(native);
      }),
      { numRuns: 1_000 },
    );
    expect(refused).toBeGreaterThan(50);
    expect(refused).toBeLessThan(900);
  });

  it('says the same about what is wrong', async () => {
    for (const given of [
      {},
      { requestHeaders: [] },
      { requestHeaders: [{ name: 'a' }, { name: '' }] },
      { responseHeaders: [{ name: 'a', value: 'b\r\nc' }] },
      { responseHeaders: [{ name: 'a', value: '\u20ac' }] },
      { responseHeaders: [{ name: 'a', action: 'delete' }] },
    ]) {
      const [native, wasm] = await Promise.all(
        [setHeaders, guest].map((policy) => policy.create({ info: INFO, params: given })),
      );
      if (!(native && 'kind' in native && wasm && 'kind' in wasm)) throw new Error('accepted');
      expect([native.code, wasm.code]).toEqual(['PARAMS_INVALID', 'PARAMS_INVALID']);
      expect(wasm.message.replace('the policy refused its parameters: ', '')).toBe(
        native.message.replace('set-headers: ', ''),
      );
    }
  });
});
