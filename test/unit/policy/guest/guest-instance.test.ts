import { describe, expect, it } from 'vitest';
import type { CoreModulePolicy } from '../../../../src/policy/guest/core-module-policy.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import {
  callNow,
  fixture,
  hookInput,
  INFO,
  instanceOf,
  policyOf,
  RecordingHost,
  shipped,
} from './support/guest-rig.ts';
import { CHARGE, type TextGuest, textGuest } from './support/text-guest.ts';

const { requestHeaders, requestBody, needsMoreRequestData } = Phase;
const NONE = { kind: 'none' };

/** What a guest gives to one request-header hook. */
async function outcomeOf(parts: TextGuest, phase: Phase = requestHeaders): Promise<unknown> {
  return callNow(await instanceOf(textGuest(parts)), phase);
}

async function failureOf(policy: CoreModulePolicy): Promise<unknown> {
  return policy.create({ info: INFO, params: {} });
}

/** Traps in every second call. */
const EVERY_SECOND = `
  (global.set $count (i32.add (global.get $count) (i32.const 1)))
  (if (i32.eqz (i32.rem_u (global.get $count) (i32.const 2))) (then (unreachable)))
  (i32.const 0)`;

describe('a module in any language', () => {
  it('is a policy when it has the exports: this one is written by hand', async () => {
    const instance = await instanceOf(fixture('greeting'));
    expect(instance.modes.requestHeaders).toBe('process');
    expect(instance.modes.responseBody).toBe('skip');
    const action = { kind: 'request-changes', headers: { set: [['x-from', 'wat']] } };
    expect(callNow(instance, requestHeaders)).toEqual({ kind: 'action', action });
    expect(callNow(instance, requestBody)).toMatchObject({ code: 'GUEST_ERROR' });
    expect(callNow(instance, requestHeaders)).toEqual({ kind: 'action', action });
  });
});

describe('a guest that throws', () => {
  it.each<[string, string, TextGuest]>([
    ['TRAP', 'unreachable', { call: '(unreachable)' }],
    ['TRAP', 'divide by zero', { call: '(i32.div_u (i32.const 1) (i32.const 0))' }],
    ['TRAP', 'memory access out of bounds', { call: '(i32.load (i32.const 0x7fffffff))' }],
    ['STACK_OVERFLOW', 'too deep', { call: '(call $call (i32.const 1) (i32.const 1) (i32.const 1))' }],
    ['FUEL_EXHAUSTED', 'instructions', { fuel: true, call: `(loop $l ${CHARGE} (br $l)) (i32.const 0)` }],
    [
      'MEMORY_LIMIT',
      'maximum',
      {
        memory: '1 4',
        call: '(loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) (unreachable)',
      },
    ],
    ['MEMORY_LIMIT', 'no room', { input: '(i32.const 0)', init: '(i32.const 1)' }],
  ])('gets %s (%s), and the next call finds a new store (P-53, P-54, WH-03)', async (code, text, parts) => {
    const isInit = parts.input !== undefined;
    const policy = policyOf(textGuest(parts));
    if (isInit) {
      expect(await failureOf(policy)).toMatchObject({ code: 'INIT_FAILED', message: expect.stringContaining(text) });
      expect(policy.describe()).toEqual({});
      return;
    }
    const instance = await instanceOf(policy);
    for (let round = 1; round <= 200; round++) {
      expect(callNow(instance, requestHeaders)).toMatchObject({ code, message: expect.stringContaining(text) });
    }
    // Two hundred in one turn of the event loop: one slot, as before.
    expect(policy.describe()['shop']).toMatchObject({ slots: 1, stores: 200, poisoned: 200, instances: 1 });
  });

  it('spoils nothing for its neighbour: instances are made again in the new store (P-54)', async () => {
    const host = new RecordingHost();
    const imports = '(import "edict" "counter_add" (func $count_init (param i32 f64)))';
    const init = `(call $count_init (i32.const 7) (f64.const 1)) (i32.const 1)`;
    const policy = policyOf(textGuest({ imports, init, call: EVERY_SECOND }), { host, granted: ['metrics'] });
    const one = await instanceOf(policy);
    const two = await instanceOf(policy);
    expect(callNow(one, requestHeaders)).toEqual(NONE);
    expect(callNow(two, requestHeaders)).toMatchObject({ code: 'TRAP' });
    expect(callNow(one, requestHeaders)).toEqual(NONE);
    expect(callNow(two, requestHeaders)).toMatchObject({ code: 'TRAP' });
    expect(callNow(two, requestHeaders)).toEqual(NONE);
    // Twice at first; then one alone, two, two: whoever is called first is made first.
    expect(host.calls.length).toBe(5);
  });

  it('has its text shown without control characters when it throws through abort', async () => {
    const imports = '(import "env" "abort" (func $abort (param i32 i32 i32 i32)))';
    const more = '(data (i32.const 2044) "\\08\\00\\00\\00a\\00\\1b\\00b\\00c\\00")';
    const call = '(call $abort (i32.const 2048) (i32.const 0) (i32.const 12) (i32.const 3)) (i32.const 0)';
    expect(await outcomeOf({ imports, more, call })).toMatchObject({
      code: 'TRAP',
      message: 'the guest threw: a\\u001bbc (line 12)',
    });
    const far = '(call $abort (i32.const -4) (i32.const 0) (i32.const 12) (i32.const 3)) (i32.const 0)';
    expect(await outcomeOf({ imports, call: far })).toMatchObject({ message: 'the guest threw: aborted at line 12' });
  });

  it('asks to end the process and ends its call (WASI proc_exit)', async () => {
    const imports = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))';
    const outcome = await outcomeOf({ imports, call: '(call $exit (i32.const 3)) (i32.const 0)' });
    expect(outcome).toMatchObject({ code: 'TRAP', message: expect.stringContaining('end the process with code 3') });
  });
});

describe('fuel', () => {
  const burn = `(global.set $count (i32.const 100)) (loop $l ${CHARGE}
    (global.set $count (i32.sub (global.get $count) (i32.const 1))) (br_if $l (global.get $count))) (i32.const 0)`;

  it('is whole again for every hook, and bounds each (P-56)', async () => {
    const enough = await instanceOf(textGuest({ fuel: true, call: burn }), {}, { limits: { fuelPerHook: 100 } });
    for (let i = 0; i < 50; i++) expect(callNow(enough, requestHeaders)).toEqual(NONE);
    const short = await instanceOf(textGuest({ fuel: true, call: burn }), {}, { limits: { fuelPerHook: 99 } });
    expect(callNow(short, requestHeaders)).toMatchObject({ code: 'FUEL_EXHAUSTED' });
  });

  it('is what makes a module fit for the metered tier', async () => {
    expect(await failureOf(policyOf(textGuest({}), { tier: 'metered' }))).toMatchObject({
      code: 'MODULE_INVALID',
      message: expect.stringContaining('__edict_fuel'),
    });
    await instanceOf(textGuest({ fuel: true }), {}, { tier: 'metered' });
  });

  it('bounds init and what runs before it as well', async () => {
    const loop = `(loop $l ${CHARGE} (br $l))`;
    const init = textGuest({ fuel: true, init: `${loop} (i32.const 1)` });
    expect(await failureOf(policyOf(init, { limits: { fuelInit: 1_000 } }))).toMatchObject({
      code: 'INIT_FAILED',
      message: expect.stringContaining('FUEL_EXHAUSTED'),
    });
    const start = textGuest({ fuel: true, more: `(func (export "_initialize") ${loop})` });
    expect(await failureOf(policyOf(start, { limits: { fuelInit: 1_000 } }))).toMatchObject({
      code: 'MODULE_INVALID',
      message: expect.stringContaining('does not start: FUEL_EXHAUSTED'),
    });
  });
});

describe('a guest that lies', () => {
  it.each<[string, TextGuest, Phase, string]>([
    ['of an answer longer than any may be', { call: '(i32.const 0x7fffffff)' }, requestHeaders, 'OUTPUT_TOO_LARGE'],
    ['of an answer of 100 MiB', { call: '(i32.const 104857600)' }, requestHeaders, 'OUTPUT_TOO_LARGE'],
    [
      'of an answer behind its memory',
      { call: '(i32.const 16)', outputPtr: '(i32.const 65528)' },
      requestHeaders,
      'DECODE',
    ],
    ['of an answer near 2^32', { call: '(i32.const 16)', outputPtr: '(i32.const -8)' }, requestHeaders, 'DECODE'],
    ['of an answer that is no frame', { call: '(i32.const 16)' }, requestHeaders, 'DECODE'],
    ['with 5 to a question', { call: '(i32.const 5)' }, needsMoreRequestData, 'DECODE'],
    ['with a reserved number', { call: '(i32.const -50)' }, requestHeaders, 'DECODE'],
    ['about waiting', { call: '(i32.const -100)' }, requestHeaders, 'DECODE'],
  ])('%s is found out', async (_, parts, phase, code) => {
    expect(await outcomeOf(parts, phase)).toMatchObject({ kind: 'failure', code });
  });

  it.each([
    ['an odd place', '(i32.const 8193)'],
    ['a place behind its memory', '(i32.const 0x10000)'],
    ['a place near 2^32', '(i32.const -8)'],
  ])('and gives %s for its input loses its store', async (_, input) => {
    // The first input is that of init.
    const place = `(global.set $count (i32.add (global.get $count) (i32.const 1)))
      (if (i32.eq (global.get $count) (i32.const 1)) (then (return (i32.const 8192)))) ${input}`;
    const policy = policyOf(textGuest({ input: place }));
    const instance = await instanceOf(policy);
    expect(callNow(instance, requestHeaders)).toMatchObject({ code: 'DECODE' });
    expect(policy.describe()['shop']).toMatchObject({ poisoned: 1 });
  });
});

describe('an error the guest reports', () => {
  it.each([
    [-1, 'GUEST_ERROR'],
    [-2, 'ABI_UNSUPPORTED'],
    [-3, 'GUEST_ERROR'],
    [-5, 'GUEST_ERROR'],
    [-6, 'GUEST_ERROR'],
    [-7, 'MEMORY_LIMIT'],
    [-8, 'HOST_ERROR'],
    [-9, 'GUEST_ERROR'],
    [-10, 'CANCELLED'],
  ])('%i is %s, with its message, and costs no store', async (code, failure) => {
    const policy = policyOf(textGuest({ call: `(i32.const ${code})`, outputLength: '(i32.const 11)' }));
    const instance = await instanceOf(policy);
    const message = expect.stringMatching(/: the message$/);
    expect(callNow(instance, requestHeaders)).toMatchObject({ code: failure, message });
    expect(policy.describe()['shop']).toMatchObject({ poisoned: 0, stores: 1 });
  });

  it('at init refuses the instance: params, modes, no handle', async () => {
    const at = (parts: TextGuest) => failureOf(policyOf(textGuest(parts)));
    expect(await at({ init: '(i32.const -4)' })).toMatchObject({ code: 'PARAMS_INVALID' });
    expect(await at({ init: '(i32.const -1)' })).toMatchObject({ code: 'INIT_FAILED' });
    expect(await at({ init: '(i32.const 0)' })).toMatchObject({ code: 'INIT_FAILED' });
    for (const modes of [0, 0xa8, 0xff, 0x1aa, 0xaf]) {
      expect(await at({ modes: `(i32.const ${modes})` })).toMatchObject({ code: 'INIT_FAILED' });
    }
  });
});

describe('a module that is no policy', () => {
  it('is refused by the names of what is wrong, before it is instantiated (P-73)', async () => {
    const imports =
      '(import "edict" "kv_get" (func (param i32 i32 i32 i32 i32 i32) (result i32))) (import "env" "now" (func))';
    expect(await failureOf(policyOf(textGuest({ imports }), { granted: ['log'] }))).toEqual({
      kind: 'failure',
      code: 'MODULE_INVALID',
      message:
        'it imports env.now, which the host does not have; it imports edict.kv_get (kv), which it was not granted',
    });
    const blocking = '(import "edict" "http_call" (func (param i32 i32) (result i32)))';
    expect(await failureOf(policyOf(textGuest({ imports: blocking }), { granted: ['http'] }))).toMatchObject({
      message: 'it imports edict.http_call, which blocks: it can run only in a worker',
    });
    const bare = textGuest({});
    const facts = {
      ...bare.facts,
      exports: new Map([...bare.facts.exports].filter(([name]) => !/init|memory/.test(name))),
    };
    expect(await failureOf(policyOf({ ...bare, facts }))).toMatchObject({
      message: 'it does not export memory, edict_init',
    });
  });

  it('speaks another version, or traps before it says which', async () => {
    const at = (parts: TextGuest) => failureOf(policyOf(textGuest(parts)));
    expect(await at({ abi: '(i32.const 131072)' })).toMatchObject({
      code: 'ABI_UNSUPPORTED',
      message: expect.stringContaining('2.0'),
    });
    expect(await at({ abi: '(unreachable)' })).toMatchObject({
      code: 'MODULE_INVALID',
      message: expect.stringContaining('does not start: TRAP'),
    });
    expect(await instanceOf(textGuest({ abi: '(i32.const 65543)' }))).toBeDefined();
    const signature = '(import "edict" "log" (func (param i64)))';
    expect(await failureOf(policyOf(textGuest({ imports: signature }), { granted: ['log'] }))).not.toMatchObject({
      code: 'TRAP',
    });
  });
});

describe('memory', () => {
  it('that grows in every call is seen as it is: no view outlives a call (WH-07)', async () => {
    const call = '(drop (memory.grow (i32.const 1))) (i32.store8 (i32.const 1024) (local.get $phase)) (i32.const -1)';
    const guest = textGuest({ memory: '1 65536', call, outputLength: '(i32.const 1)' });
    const policy = policyOf(guest);
    const instance = await instanceOf(policy);
    for (let i = 0; i < 20_000; i++) {
      const outcome = instance.call(requestHeaders, hookInput());
      expect((outcome as { message: string }).message.endsWith('\\u0001')).toBe(true);
    }
    // Beyond twice its first size, a store is renewed after a thousand hooks (WH-06).
    expect(policy.describe()['shop']).toMatchObject({ recycled: 20, poisoned: 0, stores: 20 });
  });

  it('is collected by the guest after every 256 hooks and when it grew, never during one', async () => {
    const host = new RecordingHost();
    const imports = '(import "edict" "counter_add" (func $note (param i32 f64)))';
    const more = '(func (export "edict_gc") (result i32) (call $note (i32.const 1) (f64.const 1)) (i32.const 0))';
    const steady = await instanceOf(textGuest({ imports, more }), {}, { host, granted: ['metrics'] });
    for (let i = 0; i < 1_024; i++) callNow(steady, requestHeaders);
    expect(host.calls).toHaveLength(4);
    host.calls.length = 0;
    const call = '(drop (memory.grow (i32.const 1))) (i32.const 0)';
    const growing = await instanceOf(textGuest({ imports, more, call }), {}, { host, granted: ['metrics'] });
    for (let i = 0; i < 10; i++) callNow(growing, requestHeaders);
    expect(host.calls).toHaveLength(10);
  });
});

describe('the life of an instance', () => {
  const imports = '(import "edict" "counter_add" (func $note (param i32 f64)))';
  const destroy = '(call $note (local.get 0) (f64.const 1)) (i32.const 0)';
  const init = '(global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count)';

  it('ends once: the guest hears of it, and no call follows (P-31)', async () => {
    const host = new RecordingHost();
    const policy = policyOf(textGuest({ imports, destroy, init }), { host, granted: ['metrics'] });
    const one = await instanceOf(policy);
    const two = await instanceOf(policy);
    await two.destroy();
    await two.destroy();
    expect(host.calls).toEqual([['counterAdd', 2, 1]]);
    expect(callNow(two, requestHeaders)).toMatchObject({ code: 'CLOSED' });
    expect(callNow(one, requestHeaders)).toEqual(NONE);
    await one.destroy();
    expect(policy.describe()).toEqual({});
  });

  it('goes on in a new store when the old one is worn: destroyed there, made here', async () => {
    const host = new RecordingHost();
    const limits = { recycleAfter: 10 };
    const policy = policyOf(textGuest({ imports, destroy, init }), { host, granted: ['metrics'], limits });
    const instance = await instanceOf(policy);
    for (let i = 0; i < 35; i++) expect(callNow(instance, requestHeaders)).toEqual(NONE);
    expect(policy.describe()['shop']).toMatchObject({ recycled: 3, stores: 4, poisoned: 0 });
    expect(host.calls).toHaveLength(3);
  });

  it('is told of the end of a stream by the number of its reason', async () => {
    const host = new RecordingHost();
    const more = `(func (export "edict_stream_end") (param i32 i32 i32) (result i32)
      (call $note (local.get 1) (f64.convert_i32_u (local.get 2))) (i32.const 0))`;
    const instance = await instanceOf(textGuest({ imports, more }), {}, { host, granted: ['metrics'] });
    instance.streamEnd?.(77, 'upstream-aborted');
    expect(host.calls).toEqual([['counterAdd', 77, 2]]);
  });

  it('shares memory with no other tenant', async () => {
    const policy = policyOf(textGuest({ init }));
    const shop = await policy.create({ info: INFO, params: {} });
    const bank = await policy.create({ info: { ...INFO, tenant: 'bank' }, params: {} });
    expect(Object.keys(policy.describe())).toEqual(['shop', 'bank']);
    for (const made of [shop, bank]) if (!('kind' in made)) await made.destroy();
    expect(policy.describe()).toEqual({});
  });

  it('leaves nothing behind: 2,000 times made and destroyed, handles and memory as at first (P-55)', async () => {
    const policy = policyOf(shipped('set-headers'));
    const params = { requestHeaders: [{ name: 'a', value: 'b'.repeat(100) }] };
    const first = await instanceOf(policy, params);
    const cycle = async () => {
      const instance = await instanceOf(policy, params);
      callNow(instance, requestHeaders);
      await instance.destroy();
    };
    for (let i = 0; i < 500; i++) await cycle();
    const { memoryBytes } = policy.describe()['shop'] as { memoryBytes: number };
    for (let i = 0; i < 1_500; i++) await cycle();
    expect(policy.describe()['shop']).toMatchObject({ memoryBytes, instances: 1, slots: 1 });
    expect(callNow(first, requestHeaders)).toMatchObject({ kind: 'action' });
  });
});

describe('a call from inside a call', () => {
  it('never enters the same store: refused at first, then answered by the spare (WH-08)', async () => {
    const host = new RecordingHost();
    const imports = '(import "edict" "log" (func $log (param i32 i32 i32)))';
    const call = '(call $log (i32.const 1) (i32.const 1024) (i32.const 3)) (i32.const 0)';
    const policy = policyOf(textGuest({ imports, call }), { host, granted: ['log'] });
    const instance = await instanceOf(policy);
    const inner: unknown[] = [];
    let depth = 0;
    host.log = () => {
      if (depth++ > 0) return;
      inner.push(callNow(instance, requestHeaders));
    };
    expect(callNow(instance, requestHeaders)).toEqual(NONE);
    expect(inner).toMatchObject([{ code: 'OVERLOAD' }]);
    await new Promise((resolve) => setImmediate(resolve));
    depth = 0;
    expect(callNow(instance, requestHeaders)).toEqual(NONE);
    expect(inner[1]).toEqual(NONE);
    expect(policy.describe()['shop']).toMatchObject({ slots: 2, stores: 2 });
  });
});

describe('a call that waits for the host', () => {
  const imports = '(import "edict" "http_start" (func $start (param i32 i32) (result i32)))';
  const call = '(global.set $count (call $start (i32.const 1024) (i32.const 11))) (i32.const -100)';
  const resume = (body: string) =>
    `(func (export "edict_resume") (param $handle i32) (param $token i32) (param $length i32) (result i32) ${body})`;
  /** Answers with an error code of 10 when the token is right and the field behind the head has this tag. */
  const echo = resume(`(if (i32.ne (local.get $token) (global.get $count)) (then (unreachable)))
    (i32.sub (i32.const 0) (i32.sub (i32.load16_u (i32.const 8204)) (i32.const 86)))`);

  it('is a promise, resumed in the same store with the answer or the refusal', async () => {
    const host = new RecordingHost();
    const instance = await instanceOf(textGuest({ imports, call, more: echo }), {}, { host, granted: ['http'] });
    const outcome = instance.call(requestHeaders, hookInput());
    expect(outcome).toBeInstanceOf(Promise);
    expect(await outcome).toMatchObject({ code: 'CANCELLED' });
    expect(host.calls).toEqual([['httpStart', 'the message']]);
    host.httpStart = () => Promise.reject(new Error('down'));
    expect(await instance.call(requestHeaders, hookInput())).toMatchObject({ kind: 'failure', code: 'DECODE' });
  });

  it('does not keep others from the store, and is lost with it', async () => {
    const host = new RecordingHost();
    let answer: (bytes: Uint8Array) => void = () => undefined;
    host.httpStart = () => new Promise((resolve) => (answer = resolve));
    const trap = `(if (i32.eq (local.get $phase) (i32.const 2)) (then (unreachable))) ${call}`;
    const policy = policyOf(textGuest({ imports, call: trap, more: echo }), { host, granted: ['http'] });
    const instance = await instanceOf(policy);
    const waiting = instance.call(requestHeaders, hookInput());
    expect(callNow(instance, requestBody)).toMatchObject({ code: 'TRAP' });
    answer(Buffer.from('late'));
    expect(await waiting).toMatchObject({ code: 'TRAP', message: expect.stringContaining('replaced') });
  });

  it('needs a guest that can be resumed', async () => {
    const instance = await instanceOf(textGuest({ imports, call }), {}, { granted: ['http'] });
    expect(await instance.call(requestHeaders, hookInput())).toMatchObject({ code: 'DECODE' });
  });
});
