/** Metadata through host functions: drafts of hooks, declared keys, limits, and what the exchange makes of it. */

import { describe, expect, it } from 'vitest';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import { policyFailure } from '../../../src/policy/model/failure.ts';
import { NONE } from '../../../src/policy/model/instance.ts';
import { Phase } from '../../../src/policy/model/phases.ts';
import { NOTHING_GATHERED } from '../../../src/policy/model/views.ts';
import { HostedPolicy } from '../../../src/policy-host/hosted-policy.ts';
import type { HostPorts } from '../../../src/policy-host/ports.ts';
import { callNow, instanceOf, policyOf } from '../policy/guest/support/guest-rig.ts';
import { callOf, foreignCall, freshInput, hostOf, OUTSIDE } from './support/host-rig.ts';
import { guestOf } from './support/wat-guests.ts';

const DECLARED = { reads: ['a', 'b', 'big'], writes: ['a', 'b', 'big', 'secret'] };

const hostWith = (metadata = DECLARED, ports: HostPorts = {}) => hostOf({ metadata: true }, ports, { metadata });

const inputWith = (metadata: Record<string, never> | Record<string, unknown>) =>
  freshInput({ gathered: { ...NOTHING_GATHERED, metadata: metadata as never } });

describe('metadata of a hook', () => {
  it('P-15 reads what is there and what it has set itself, deletes, and becomes effects of "none"', () => {
    const host = hostWith();
    const call = callOf(inputWith({ a: { deep: [1] }, b: 2 }));
    expect(host.metaGet(call, 'a')).toBe('{"deep":[1]}');
    expect(host.metaSet(call, 'a', ' {"x": "\u20ac"} ')).toBe(true);
    expect(host.metaGet(call, 'a')).toBe('{"x":"\u20ac"}');
    expect(host.metaDelete(call, 'b')).toBe(true);
    expect(host.metaGet(call, 'b')).toBeUndefined();
    expect(host.metaDelete(call, 'b')).toBe(false);
    expect(host.settle(call.input!, NONE)).toEqual({
      kind: 'none',
      effects: { metadataPatch: { a: { x: '\u20ac' }, b: null } },
    });
    expect(host.settle(call.input!, NONE)).toBe(NONE);
  });

  it('goes with an action, whose own patch has the last word', () => {
    const host = hostWith();
    const call = callOf();
    host.metaSet(call, 'a', '1');
    host.metaSet(call, 'b', '1');
    const action = { kind: 'request-changes' as const, metadataPatch: { b: 2 } };
    expect(host.settle(call.input!, { kind: 'action', action })).toEqual({
      kind: 'action',
      action: { kind: 'request-changes', metadataPatch: { a: 1, b: 2 } },
    });
  });

  it('is dropped with a hook that fails', () => {
    const host = hostWith();
    const call = callOf();
    host.metaSet(call, 'a', '1');
    const failure = policyFailure('TRAP', 'x');
    expect(host.settle(call.input!, failure)).toBe(failure);
    expect(host.settle(call.input!, NONE)).toBe(NONE);
  });

  it('does not mix with that of another hook that runs meanwhile', () => {
    const host = hostWith();
    const one = callOf();
    const two = callOf();
    host.metaSet(one, 'a', '1');
    expect(host.metaGet(two, 'a')).toBeUndefined();
    host.metaSet(two, 'a', '2');
    expect(host.settle(one.input!, NONE)).toMatchObject({ effects: { metadataPatch: { a: 1 } } });
    expect(host.settle(two.input!, NONE)).toMatchObject({ effects: { metadataPatch: { a: 2 } } });
  });
});

describe('P-66 undeclared metadata', () => {
  it('is absent to a reader, even to the policy that wrote it', () => {
    const host = hostWith();
    const call = callOf(inputWith({ other: 1, secret: 2 }));
    expect(host.metaGet(call, 'other')).toBeUndefined();
    expect(host.metaGet(call, 'secret')).toBeUndefined();
    expect(host.metaDelete(call, 'secret')).toBe(false);
    expect(host.metaGet(call, '__proto__')).toBeUndefined();
  });

  it('is refused to a writer, whose hook then fails and leaves nothing', () => {
    const host = hostWith();
    const call = callOf();
    expect(host.metaSet(call, 'a', '1')).toBe(true);
    expect(host.metaSet(call, 'other', '1')).toBe(hostFault('denied'));
    const settled = host.settle(call.input!, NONE);
    expect(settled).toMatchObject({ kind: 'failure', code: 'ACTION_INVALID' });
    expect((settled as { message: string }).message).toContain('"other"');
    const deleting = callOf();
    expect(host.metaDelete(deleting, 'constructor')).toBe(hostFault('denied'));
    expect(host.settle(deleting.input!, NONE)).toMatchObject({ code: 'ACTION_INVALID' });
  });
});

describe('P-66 sizes of metadata', () => {
  it('are refused one byte above the limit of a value', () => {
    const host = hostWith();
    expect(host.metaSet(callOf(), 'big', JSON.stringify('x'.repeat(16_382)))).toBe(true);
    expect(host.metaSet(callOf(), 'big', JSON.stringify('x'.repeat(16_383)))).toBe(hostFault('too-large'));
  });

  it('count the exchange as a whole: 64 keys and 64 KiB', () => {
    const full = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, 1]));
    const host = hostWith();
    expect(host.metaSet(callOf(inputWith(full)), 'a', '1')).toBe(hostFault('limit'));
    const heavy = Object.fromEntries(Array.from({ length: 4 }, (_, index) => [`k${index}`, 'x'.repeat(16_000)]));
    const call = callOf(inputWith(heavy));
    expect(host.metaSet(call, 'big', JSON.stringify('x'.repeat(2_000)))).toBe(hostFault('limit'));
    expect(host.metaSet(call, 'a', '1')).toBe(true);
    expect(host.metaSet(call, 'a', 'null')).toBe(true);
  });

  it.each(['', '{', 'undefined', '[1,]', "{'a':1}", '['.repeat(65) + ']'.repeat(65), 'NaN', '\u0000'])(
    'refuse what is no JSON: %j',
    (text) => {
      const host = hostWith();
      const call = callOf();
      expect(host.metaSet(call, 'a', text)).toBe(hostFault('bad-argument'));
      expect(host.settle(call.input!, NONE)).toBe(NONE);
    },
  );

  it('keep __proto__ inside a value a plain member', () => {
    const host = hostWith();
    const call = callOf();
    host.metaSet(call, 'a', '{"__proto__":{"polluted":true}}');
    expect(host.metaGet(call, 'a')).toBe('{"__proto__":{"polluted":true}}');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('metadata where there is none', () => {
  it('is denied outside of hooks, to other tenants, and without the grant; questions cannot write', () => {
    const host = hostWith();
    for (const call of [OUTSIDE, foreignCall()]) {
      expect(host.metaGet(call, 'a')).toBe(hostFault('denied'));
      expect(host.metaSet(call, 'a', '1')).toBe(hostFault('denied'));
      expect(host.metaDelete(call, 'a')).toBe(hostFault('denied'));
    }
    const asked = callOf(freshInput(), Phase.needsMoreRequestData);
    expect(host.metaSet(asked, 'a', '1')).toBe(hostFault('denied'));
    expect(host.metaDelete(asked, 'a')).toBe(hostFault('denied'));
    expect(hostOf({}, {}, { metadata: DECLARED }).metaGet(callOf(), 'a')).toBe(hostFault('denied'));
  });
});

describe('a module that sets metadata and answers "none"', () => {
  // Sets the key `a` (at 0) to the JSON `7` (at 8).
  const SET = '(drop (call $meta_set (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 1)))';
  const data = 'a\\00\\00\\00\\00\\00\\00\\007';

  it('has it in its outcome, because its policy is wrapped with its host', async () => {
    const host = hostWith();
    const policy = policyOf(guestOf(['meta_set'], `${SET} (i32.const 0)`, { data }), { granted: ['metadata'], host });
    const hosted = await new HostedPolicy(policy, host).create({ info: callOf().info, params: {} });
    if ('kind' in hosted) throw new Error(hosted.message);
    expect(callNow(hosted, Phase.requestHeaders, freshInput())).toEqual({
      kind: 'none',
      effects: { metadataPatch: { a: 7 } },
    });
    await hosted.destroy();
  });

  it('leaves nothing when it traps afterwards', async () => {
    const host = hostWith();
    const guest = guestOf(['meta_set'], `${SET} (unreachable)`, { data });
    const inner = await instanceOf(guest, {}, { granted: ['metadata'], host });
    const input = freshInput();
    const outcome = host.settle(input, callNow(inner, Phase.requestHeaders, input));
    expect(outcome).toMatchObject({ kind: 'failure', code: 'TRAP' });
    expect(host.settle(input, NONE)).toBe(NONE);
  });
});
