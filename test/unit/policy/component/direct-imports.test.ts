/** A component in Rust that asks the host for something of every capability, bound directly: texts and bytes both ways. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostFault } from '../../../../src/policy/guest/host-functions.ts';
import type { Capability } from '../../../../src/policy/guest/imports.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import type { Outcome, PolicyInstance } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { callNow, hookInput, RecordingHost } from '../guest/support/guest-rig.ts';
import { built, instanceOf, load, policyOf, transpiled } from './support/component-rig.ts';

const bytes = readFileSync(
  new URL('../../../../examples/policies/rust-host/host-calls.component.wasm', import.meta.url),
);
const GRANTED: readonly Capability[] = [
  ...(['log', 'clock', 'random', 'flags', 'kv', 'crypto', 'metadata', 'metrics', 'resources'] as const),
];

const direct = (host: RecordingHost, granted = GRANTED): Promise<PolicyInstance> =>
  instanceOf(policyOf(load(bytes, { granted }), { host }));

const asking = (key: string, path: string): HookInput => {
  const input = hookInput();
  // Values of headers are bytes, one a character.
  const latin1 = Buffer.from(key, 'utf8').toString('latin1');
  return { ...input, request: { ...input.request, path, headers: HeaderMap.from([['x-ask', latin1]]) } };
};

/** Headers it set, by what it asked for. */
function answers(outcome: Outcome): Record<string, string> {
  if (outcome.kind !== 'action' || outcome.action.kind !== 'request-changes') throw new Error(JSON.stringify(outcome));
  const { set = [] } = outcome.action.headers ?? {};
  return Object.fromEntries([...set].map(([name, value]) => [name.slice(2), Buffer.from(value, 'latin1').toString()]));
}

describe('host-calls, a component in Rust', () => {
  it('is bound without glue though tools put two modules beside it, and metered', () => {
    const loaded = load(bytes, { granted: GRANTED });
    if (loaded.kind !== 'direct') throw new Error('it is not bound directly');
    expect(loaded.guest.facts.exports.get('__edict_fuel')).toBe('global');
    expect(loaded.guest.facts.imports).toContain('edict:policy/kv@0.1.0.compare-and-set');
  });

  it('passes texts and bytes to every function, and gets every kind of answer', async () => {
    const host = new RecordingHost();
    const said = answers(callNow(await direct(host), Phase.requestHeaders, asking('k\u00e9y', '/d')));
    expect(said).toMatchObject({
      now: '1700000000123.0',
      monotonic: '12.5',
      random: '[7, 7]',
      flag: '{"value":true,"variant":"on","reason":"STATIC"}',
      'kv-set': 'Ok(1.0)',
      'kv-get': 'Ok(Some(([47, 100], 1.0)))',
      'kv-missing': 'Ok(None)',
      'kv-increment': 'Ok(-21.0)',
      'kv-cas': 'Err(HostError { code: 5, name: "conflict", message: "" })',
      'kv-delete': 'Ok(true)',
      hash: 'Ok([1, 2, 3])',
      hmac: 'Ok([4, 5])',
      sign: 'Ok([6])',
      verify: 'Ok(true)',
      equal: 'false',
      'metadata-set': 'Ok(())',
      'metadata-get': 'Some("{\\"seen\\":true}")',
      'metadata-delete': 'Ok(())',
    });
    expect(host.calls).toEqual(
      expect.arrayContaining([
        ['log', 'warn', 'asked about k\u00e9y'],
        ['flag', 'k\u00e9y', 'string', '"none"', undefined],
        ['flag', 'k\u00e9y', 'boolean', 'false', '{"a":1}'],
        ['kvSet', 'space', 'k\u00e9y', '/d', 1_000],
        ['kvIncrement', 'space', 'count', 1.5, 0, true],
        ['kvCompareAndSet', 'space', 'k\u00e9y', 9],
        ['verify', 'RS256', 'k\u00e9y', [47, 100], '/d'],
        ['equal', [...Buffer.from('k\u00e9y')], [47, 100]],
        ['resourceGet', 'kind', 'k\u00e9y'],
        ['counterAdd', 1, 2.5],
        ['histogramRecord', 2, -0.5],
      ]),
    );
  });

  it('is told a refusal where the type has one, and ends where it has none', async () => {
    const host = new RecordingHost();
    host.kvGet = () => hostFault('denied') as never;
    host.hash = () => hostFault('bad-argument') as never;
    const instance = await direct(host);
    expect(answers(callNow(instance, Phase.requestHeaders, asking('k', '/')))).toMatchObject({
      'kv-get': 'Err(HostError { code: 0, name: "denied", message: "" })',
      hash: 'Err(HostError { code: 7, name: "bad-argument", message: "" })',
    });
    host.random = () => hostFault('denied') as never;
    expect(callNow(instance, Phase.requestHeaders, asking('k', '/'))).toMatchObject({ code: 'HOST_DENIED' });
    host.random = (_call, length) => new Uint8Array(length);
    expect(callNow(instance, Phase.requestHeaders, asking('k', '/'))).toMatchObject({ kind: 'action' });
  });

  it('is refused when one of its capabilities was not granted (P-73)', () => {
    for (const missing of GRANTED) {
      const granted = GRANTED.filter((one) => one !== missing);
      expect(() => load(bytes, { granted })).toThrow(`(${missing}), which it was not granted`);
    }
  });

  const example = built('rust-host');
  if ('reason' in example) it.skip(`gives the same through jco (${example.reason})`);
  else
    it('P-74: gives the same actions and makes the same calls directly and through jco, for 1,000 generated inputs', {
      timeout: 120_000,
    }, async () => {
      const [mine, theirs] = [new RecordingHost(), new RecordingHost()];
      const options = { granted: GRANTED, direct: false, transpiled: await transpiled(example) };
      const [one, other] = [await direct(mine), await instanceOf(policyOf(load(bytes, options), { host: theirs }))];
      const text = fc.string({ unit: 'binary', maxLength: 60 });
      const header = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) });
      fc.assert(
        fc.property(header, text, (key, path) => {
          const input = asking(key.trim(), path);
          expect(callNow(one, Phase.requestHeaders, input)).toEqual(callNow(other, Phase.requestHeaders, input));
          expect(mine.calls.splice(0)).toEqual(theirs.calls.splice(0));
        }),
        { numRuns: 1_000, seed: 8 },
      );
    });
});
