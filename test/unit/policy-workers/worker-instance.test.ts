import { afterEach, describe, expect, it } from 'vitest';
import { OUTPUT_LIMITS } from '../../../src/policy/frame/output-decoder.ts';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import { Phase } from '../../../src/policy/model/phases.ts';
import { PolicyWorkers, type PolicyWorkersOptions } from '../../../src/policy-workers/policy-workers.ts';
import type { WorkerPolicyOptions } from '../../../src/policy-workers/worker-policy.ts';
import { body, hookInput, INFO, RecordingHost, shipped } from '../policy/guest/support/guest-rig.ts';
import type { TextGuest } from '../policy/guest/support/text-guest.ts';
import {
  ENDLESS_FUEL,
  input,
  LOOP,
  LOOP_ON_BODY,
  made,
  metered,
  shippedMetered,
  workerPolicy,
} from './support/worker-rig.ts';

const { requestHeaders, requestBody, requestBodyChunk } = Phase;
const NONE = { kind: 'none' };

const open: PolicyWorkers[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((workers) => workers.close()));
});

function workersWith(options: PolicyWorkersOptions = {}): PolicyWorkers {
  const workers = new PolicyWorkers({ workers: 2, initMs: 20_000, destroyMs: 20_000, ...options });
  open.push(workers);
  return workers;
}

async function instanceOf(parts: TextGuest, options: Partial<WorkerPolicyOptions> = {}, workers = workersWith()) {
  return made(workerPolicy(workers, parts, options));
}

/** Says how often it was called since its store was made. */
const COUNTING: TextGuest = {
  call: `(global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $count))) (i32.const -1)`,
  outputLength: '(i32.const 1)',
};

/** A global that counts calls, answered as an error code below -20. */
const COUNT = `(global.set $count (i32.add (global.get $count) (i32.const 1)))
  (global.set $count (i32.add (global.get $count) (i32.const 0)))`;

describe('a policy in a worker', () => {
  it('answers as it does on this thread: the same action for headers and body', async () => {
    const options = { guest: shippedMetered('four-hooks'), inputs: { headers: 'all', body: true } as const };
    const instance = await made(workerPolicy(workersWith(), {}, options));
    const outcome = await instance.call(requestBody, input());
    expect(outcome).toMatchObject({
      kind: 'action',
      action: { kind: 'request-changes', body: new Uint8Array(Buffer.from('[seen] the request body')) },
    });
  });

  it('is given bodies of any size: beyond its place in the record they travel by message, both ways', async () => {
    const options = { guest: shippedMetered('four-hooks'), inputs: { headers: 'all', body: true } as const };
    const instance = await made(workerPolicy(workersWith(), {}, { ...options, limits: { fuelPerHook: 100_000_000 } }));
    for (const size of [0, 1, 100_000, 163_000, 1_000_000, 3]) {
      const text = 'x'.repeat(size);
      const outcome = await instance.call(
        requestBody,
        input({ request: { ...hookInput().request, body: body(text) } }),
      );
      if (outcome.kind !== 'action') throw new Error(JSON.stringify(outcome));
      const given = (outcome.action as { body: Uint8Array }).body;
      expect(Buffer.from(given).toString()).toBe(`[seen] ${text}`);
    }
  });

  it('keeps its memory from call to call, and gets new memory after a trap (V-23, P-54)', async () => {
    const call = `(global.set $count (i32.add (global.get $count) (i32.const 1)))
      (if (i32.eq (local.get $phase) (i32.const 2)) (then (unreachable)))
      (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $count))) (i32.const -1)`;
    const instance = await instanceOf({ call, outputLength: '(i32.const 1)' });
    const said = async () => ((await instance.call(requestHeaders, input())) as { message: string }).message.at(-1);
    expect([await said(), await said(), await said()]).toEqual(['1', '2', '3']);
    expect(await instance.call(requestBody, input())).toMatchObject({ code: 'TRAP' });
    expect([await said(), await said()]).toEqual(['1', '2']);
  });

  it('is refused without its fuel counter, whatever its tier', async () => {
    const policy = workerPolicy(workersWith(), {}, { guest: shipped('set-headers') });
    expect(await policy.create({ info: INFO, params: {} })).toMatchObject({ code: 'MODULE_INVALID' });
  });

  it('that cannot be made says why, and leaves no worker behind', async () => {
    const workers = workersWith();
    const policy = workerPolicy(workers, { init: '(i32.const -4)' });
    expect(await policy.create({ info: INFO, params: {} })).toMatchObject({ code: 'PARAMS_INVALID' });
    await settled();
    expect(workers.describe()).toMatchObject({ leased: 0, tenants: {} });
  });

  it('sleeps when asked to, with the answer at once', async () => {
    const workers = workersWith();
    const instance = await instanceOf(
      { call: LOOP_ON_BODY },
      { sleeps: true, limits: ENDLESS_FUEL, deadlineMs: 300 },
      workers,
    );
    for (let i = 0; i < 100; i++) expect(instance.call(requestHeaders, input())).toEqual(NONE);
    expect(instance.call(requestBody, input())).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});

/** Keeps a number that grows with each hook; state is its bytes at 2048. Plans to be one for all. */
const CARRYING: TextGuest = {
  ...COUNTING,
  more: `
    (func (export "edict_plan") (param $length i32) (result i32)
      (i32.store8 (i32.const 1024) (i32.const 75)) (i32.const 3))
    (func (export "edict_export_state") (param $handle i32) (result i32)
      (i32.store8 (i32.const 1024) (global.get $count)) (i32.mul (global.get $count) (i32.const 65536)))
    (func (export "edict_import_state") (param $handle i32) (param $length i32) (result i32)
      (global.set $count (i32.load8_u (i32.const 8192))) (i32.ne (global.get $count) (i32.const 9)))`,
  memory: '16 16',
  outputLength: '(i32.const 1)',
};

describe('a policy that carries state', () => {
  it('hands it to a successor in another worker, of any size, and the successor goes on from it (P-70)', async () => {
    const workers = workersWith();
    const options = { limits: { output: { ...OUTPUT_LIMITS, frameBytes: 1_048_576 } } };
    const before = await instanceOf(CARRYING, options, workers);
    expect(await before.exportState()).toBeUndefined();
    for (let hook = 0; hook < 4; hook++) await before.call(requestHeaders, input());
    const state = await before.exportState();
    if (!(state instanceof Uint8Array)) throw new Error(JSON.stringify(state));
    // More than has a place in the record.
    expect(state).toHaveLength(4 * 65_536);
    expect(state[0]).toBe(4);
    const after = await instanceOf(CARRYING, options, workers);
    expect(await after.importState(state)).toBe(true);
    expect(((await after.call(requestHeaders, input())) as { message: string }).message.at(-1)).toBe('5');
    expect(await after.importState(Uint8Array.of(9))).toBe(false);
    await before.destroy();
    expect(await before.exportState()).toMatchObject({ code: 'CLOSED' });
    expect(await before.importState(state)).toMatchObject({ code: 'CLOSED' });
  });

  it('is not asked when it has no such functions', async () => {
    const instance = await instanceOf({});
    expect(await instance.exportState()).toBeUndefined();
    expect(await instance.importState(Uint8Array.of(1))).toBe(false);
  });
});

describe('a policy that plans its instances', () => {
  it('says so from a worker, which holds nothing of it afterwards (P-32)', async () => {
    const workers = workersWith();
    const init = { info: INFO, params: {} };
    const planOf = (parts: TextGuest) => workerPolicy(workers, parts).plan(init);
    expect(await planOf(CARRYING)).toEqual({ scope: 'singleton', shareKey: 'K' });
    expect(await planOf({})).toBeUndefined();
    const looping = { more: `(func (export "edict_plan") (param i32) (result i32) ${LOOP})` };
    expect(await planOf(looping)).toMatchObject({ code: 'FUEL_EXHAUSTED' });
    await settled();
    expect(workers.describe()).toMatchObject({ leased: 0, tenants: {} });
  });
});

describe('a policy that loops for ever', () => {
  it('is told to stop at its deadline, keeps its worker, and the next call is right: 20 times (P-52, P-53)', async () => {
    const workers = workersWith();
    const options = { limits: ENDLESS_FUEL, deadlineMs: 50 };
    const looping = await instanceOf({ call: LOOP_ON_BODY }, options, workers);
    for (let round = 0; round < 20; round++) {
      expect(await looping.call(requestBody, input())).toMatchObject({ kind: 'failure', code: 'DEADLINE_EXCEEDED' });
      await until(async () => (await looping.call(requestHeaders, input())).kind === 'none');
    }
    // On a machine that gives a worker no turn for the whole grace, one may be lost; without being told, all 20 were.
    expect(workers.describe().stopped).toBeLessThan(10);
  });

  it('loses only the store it looped in: other policies of the tenant keep their memory', async () => {
    const workers = workersWith({ workers: 1 });
    const looping = await instanceOf({ call: LOOP_ON_BODY }, { limits: ENDLESS_FUEL, deadlineMs: 50 }, workers);
    const counting = await instanceOf(COUNTING, {}, workers);
    const counted = async () => ((await counting.call(requestHeaders, input())) as { message: string }).message.at(-1);
    expect(await counted()).toBe('1');
    expect(await looping.call(requestBody, input())).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const { stopped } = workers.describe();
    const next = await counted();
    if (stopped === 0 && workers.describe().stopped === 0) expect(next).toBe('2');
  });

  it('is told to stop by a caller that sleeps, too', async () => {
    const workers = workersWith();
    const options = { sleeps: true, limits: ENDLESS_FUEL, deadlineMs: 50 };
    const looping = await instanceOf({ call: LOOP_ON_BODY }, options, workers);
    const began = performance.now();
    expect(looping.call(requestBody, input())).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(50);
  });

  it('never takes the worker of another tenant when it has lost its own', async () => {
    const workers = workersWith({ workers: 2 });
    const options = { guest: metered({ call: LOOP_ON_BODY }, [], false), limits: ENDLESS_FUEL, deadlineMs: 50 };
    const looping = await instanceOf({}, options, workers);
    const counting = await made(workerPolicy(workers, COUNTING), 'other');
    for (let round = 1; round < 10; round++) {
      const failing = looping.call(requestBody, input());
      const said = (await counting.call(requestHeaders, input())) as { message: string };
      // Its memory is that of the worker it had in the beginning.
      expect(said.message.at(-1)).toBe(String(round));
      await failing;
    }
    expect(workers.describe().tenants.other).toMatchObject({ workers: 1 });
  });

  it('is answered at its deadline where it cannot be told, its worker is replaced, and the next call is right: 10 times (P-58, WH-04)', async () => {
    const workers = workersWith();
    const guest = metered({ call: LOOP_ON_BODY }, [], false);
    const options = { guest, limits: ENDLESS_FUEL, deadlineMs: 100 };
    const looping = await instanceOf({ call: LOOP_ON_BODY }, options, workers);
    const other = await made(workerPolicy(workers, {}), 'other');
    for (let round = 0; round < 10; round++) {
      expect(await looping.call(requestBody, input())).toMatchObject({ kind: 'failure', code: 'DEADLINE_EXCEEDED' });
      expect(await other.call(requestHeaders, input())).toEqual(NONE);
      await until(async () => (await looping.call(requestHeaders, input())).kind === 'none');
    }
    // A busy machine may cost a worker more.
    await until(() => workers.describe().stopped >= 10);
    expect(workers.describe()).toMatchObject({ leased: 2, waiting: 0 });
  }, 60_000);

  it('in init is given up, and so is the instance (P-53)', async () => {
    const workers = workersWith({ initMs: 200 });
    workers.open();
    await until(() => workers.describe().spares === 1);
    const policy = workerPolicy(workers, { init: LOOP }, { limits: { fuelInit: 2_147_483_647 } });
    expect(await policy.create({ info: INFO, params: {} })).toMatchObject({ code: 'INIT_FAILED' });
  });

  it('ends by its fuel long before the deadline', async () => {
    const instance = await instanceOf({ call: LOOP });
    expect(await instance.call(requestHeaders, input())).toMatchObject({ code: 'FUEL_EXHAUSTED' });
    expect(await instance.call(requestHeaders, input())).toMatchObject({ code: 'FUEL_EXHAUSTED' });
  });
});

describe('the fuel of a hook', () => {
  it('is told with its record, the same for the same input', async () => {
    const instance = await instanceOf({});
    const used: (number | undefined)[] = [];
    for (let i = 0; i < 2; i++) {
      const usage = { fuel: undefined };
      await instance.call(requestHeaders, input({ usage }));
      used.push(usage.fuel);
    }
    expect(used[0]).toBeGreaterThan(0);
    expect(used[1]).toBe(used[0]);
  });
});

describe('an exchange that is given up', () => {
  it('is answered at once, and what comes later is dropped (P-33)', async () => {
    const workers = workersWith({ workers: 1 });
    const call = `${COUNT} (if (i32.eq (local.get $phase) (i32.const 2)) (then (loop (br 0)))) (i32.const 0)`;
    const instance = await instanceOf({ call }, { limits: ENDLESS_FUEL, deadlineMs: 500 }, workers);
    const giveUp = new AbortController();
    const running = instance.call(requestBody, input(), giveUp.signal) as Promise<unknown>;
    const queued = instance.call(requestBody, input(), giveUp.signal) as Promise<unknown>;
    giveUp.abort();
    expect(await running).toMatchObject({ code: 'CANCELLED' });
    expect(await queued).toMatchObject({ code: 'CANCELLED' });
    await until(async () => (await instance.call(requestHeaders, input())).kind === 'none');
  });

  it('had no time left to begin with', async () => {
    const instance = await instanceOf({});
    expect(await instance.call(requestHeaders, hookInput())).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});

describe('a tenant', () => {
  it.each([
    ['of all tenants', { concurrent: 1, queued: 3 }, {}],
    ['of its own', {}, { lane: { concurrent: 1, queued: 3 } }],
  ])(
    'has so many calls in workers and so many that wait, then OVERLOAD; nobody else is refused: limits %s (V-21)',
    async (_, all, own) => {
      const workers = workersWith({ workers: 2, ...all });
      const imports = '(import "edict" "http_call" (func $ask (param i32 i32 i32 i32) (result i32)))';
      const call = '(drop (call $ask (i32.const 1024) (i32.const 11) (i32.const 0) (i32.const 0))) (i32.const 0)';
      const host = new RecordingHost();
      let goOn: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (goOn = resolve));
      host.httpStart = () => held.then(() => Buffer.from('done'));
      const instance = await instanceOf({ imports, call }, { host, granted: ['http'], ...own }, workers);
      const other = await made(workerPolicy(workers, {}), 'other');
      const asked = Array.from({ length: 6 }, () => instance.call(requestHeaders, input()));
      expect(await other.call(requestHeaders, input())).toEqual(NONE);
      goOn();
      const outcomes = await Promise.all(asked);
      const codes = outcomes.map((outcome) => (outcome.kind === 'failure' ? outcome.code : outcome.kind));
      expect(codes).toEqual(['none', 'none', 'none', 'none', 'OVERLOAD', 'OVERLOAD']);
    },
  );

  it('gets a worker when there are more tenants than workers, and never the memory of another (WH-12, V-24)', async () => {
    const workers = workersWith({ workers: 1 });
    const call = `${COUNT} (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $count))) (i32.const -1)`;
    const policy = workerPolicy(workers, { call, outputLength: '(i32.const 1)' });
    const tenants = [await made(policy, 'a'), await made(policy, 'b'), await made(policy, 'c')];
    for (let round = 0; round < 5; round++) {
      for (const instance of tenants) {
        const outcome = await instance.call(requestHeaders, input());
        // The first call in memory that is new each time the worker changed hands.
        expect(outcome).toMatchObject({ code: 'GUEST_ERROR', message: expect.stringMatching(/: 1$/) });
      }
    }
    expect(workers.describe()).toMatchObject({ size: 1, leased: 1 });
  });

  it('sees the chunks of one stream in one worker, whatever else it does', async () => {
    const workers = workersWith({ workers: 4, concurrent: 4 });
    const call = `(if (i32.eq (local.get $phase) (i32.const 6)) (then ${COUNT}
      (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $count))) (return (i32.const -1)))) (i32.const 0)`;
    const instance = await instanceOf({ call, outputLength: '(i32.const 1)' }, {}, workers);
    const noise = () => Array.from({ length: 8 }, () => instance.call(requestHeaders, input()));
    for (let index = 0; index < 9; index++) {
      const chunk = { data: new Uint8Array(1), endOfStream: false, index, streamId: 77 };
      const [outcome] = await Promise.all([instance.call(requestBodyChunk, input({ chunk })), ...noise()]);
      expect(outcome).toMatchObject({ message: expect.stringMatching(new RegExp(`: ${index + 1}$`)) });
    }
    instance.streamEnd(77, 'completed');
  });

  it('that is closed is told so, and what runs may end', async () => {
    const workers = workersWith();
    const instance = await instanceOf({}, {}, workers);
    const last = instance.call(requestHeaders, input());
    const closing = workers.close();
    expect(await last).toEqual(NONE);
    expect(await instance.call(requestHeaders, input())).toMatchObject({ code: 'CLOSED' });
    await closing;
    expect(workers.describe()).toMatchObject({ leased: 0, spares: 0 });
  });
});

describe('a guest in a worker that asks the host', () => {
  const kv = '(import "edict" "kv_incr" (func $incr (param i32 i32 i32 i32 f64 i32 i32) (result f64)))';
  const incr = `(call $incr (i32.const 1024) (i32.const 3) (i32.const 1028) (i32.const 7) (f64.const 2) (i32.const 0) (i32.const 0))`;

  it('waits for the answer of this thread, with the exchange at hand there', async () => {
    const host = new RecordingHost();
    const calls: unknown[] = [];
    host.kvIncrement = (call: unknown, namespace, key, delta) => {
      calls.push([call, namespace, key, delta]);
      return -21;
    };
    const instance = await instanceOf(
      { imports: kv, call: `(i32.trunc_f64_s (f64.add ${incr} (f64.const 20)))` },
      { host, granted: ['kv'] },
    );
    const given = input();
    expect(await instance.call(requestHeaders, given)).toMatchObject({ code: 'GUEST_ERROR' });
    expect(calls).toMatchObject([[{ info: INFO, phase: 1 }, 'the', 'message', 2]]);
    expect((calls[0] as [{ input: unknown }])[0].input).toBe(given);
  });

  it('is told no as the host says it, or `unavailable` when the host throws', async () => {
    const host = new RecordingHost();
    const error = '(import "edict" "error" (func $error (result i32)))';
    const call = `(if (f64.eq ${incr} (f64.const 1)) (then (unreachable))) (i32.store8 (i32.const 1024) (i32.sub (i32.const 48) (i32.add (call $error) (i32.const 20)))) (i32.const -8)`;
    const instance = await instanceOf(
      { imports: error + kv, call, outputLength: '(i32.const 1)' },
      { host, granted: ['kv'] },
    );
    host.kvIncrement = () => hostFault('denied') as never;
    expect(await instance.call(requestHeaders, input())).toMatchObject({ code: 'HOST_DENIED' });
    host.kvIncrement = () => {
      throw new Error('down');
    };
    expect(await instance.call(requestHeaders, input())).toMatchObject({ code: 'HOST_ERROR' });
  });

  it('logs without waiting, in order, before its answer is heard', async () => {
    const host = new RecordingHost();
    const imports = '(import "edict" "log" (func $log (param i32 i32 i32)))';
    const line = '(call $log (i32.const 2) (i32.const 1024) (i32.const 11))';
    const instance = await instanceOf({ imports, call: `${line} ${line} (i32.const 0)` }, { host, granted: ['log'] });
    await instance.call(requestHeaders, input());
    expect(host.calls).toEqual([
      ['log', 'info', 'the message'],
      ['log', 'info', 'the message'],
    ]);
  });

  const start = '(import "edict" "http_start" (func $start (param i32 i32) (result i32)))';
  const pend = '(global.set $count (call $start (i32.const 1024) (i32.const 11))) (i32.const -100)';
  const resume = `(func (export "edict_resume") (param $handle i32) (param $token i32) (param $length i32) (result i32)
    (if (i32.ne (local.get $token) (global.get $count)) (then (unreachable)))
    (i32.sub (i32.const 0) (i32.sub (i32.load16_u (i32.const 8204)) (i32.const 86))))`;

  it('may also be resumed: the worker waits in its stead', async () => {
    const host = new RecordingHost();
    const instance = await instanceOf({ imports: start, call: pend, more: resume }, { host, granted: ['http'] });
    expect(await instance.call(requestHeaders, input())).toMatchObject({ code: 'CANCELLED' });
    expect(host.calls).toEqual([['httpStart', 'the message']]);
  });

  const blocking = '(import "edict" "http_call" (func $http (param i32 i32 i32 i32) (result i32)))';

  it('may block on HTTP, and asks again for an answer that did not fit without a second request (6.5)', async () => {
    const host = new RecordingHost();
    const call = `(drop (call $http (i32.const 1024) (i32.const 11) (i32.const 1024) (i32.const 0)))
      (drop (call $http (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 64))) (i32.const -1)`;
    const instance = await instanceOf(
      { imports: blocking, call, outputLength: '(i32.const 10)' },
      { host, granted: ['http'] },
    );
    expect(await instance.call(requestHeaders, input())).toMatchObject({
      message: expect.stringMatching(/: the answer$/),
    });
    expect(host.calls).toEqual([['httpStart', 'the message']]);
  });

  it('is refused the answer at the deadline, and keeps its worker when it then comes to an end', async () => {
    const host = new RecordingHost();
    host.httpStart = () => new Promise(() => undefined);
    const workers = workersWith();
    const call = `(if (i32.eq (local.get $phase) (i32.const 2)) (then (drop (call $http (i32.const 1024) (i32.const 11) (i32.const 1024) (i32.const 0))))) (i32.const 0)`;
    const instance = await instanceOf(
      { imports: blocking, call },
      { host, granted: ['http'], deadlineMs: 200 },
      workers,
    );
    expect(await instance.call(requestBody, input())).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await until(async () => (await instance.call(requestHeaders, input())).kind === 'none');
  });
});

async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Waits for what must come, however busy the machine. */
async function until(met: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await met()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it did not come');
}
