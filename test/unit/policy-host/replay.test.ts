/** A hook replayed offline gets what it once got, and whoever asks for something else is told. */

import { describe, expect, it } from 'vitest';
import { type HostCall, type HostFunctions, hostFault, isHostFault } from '../../../src/policy/guest/host-functions.ts';
import { Phase } from '../../../src/policy/model/phases.ts';
import { KeySet } from '../../../src/policy-host/crypto/key-set.ts';
import { MemoryKv } from '../../../src/policy-host/kv/memory-kv.ts';
import { type HostEvent, RecordingHost, ReplayHost } from '../../../src/policy-host/replay.ts';
import { ResourceStores } from '../../../src/policy-host/resources.ts';
import { callNow, instanceOf } from '../policy/guest/support/guest-rig.ts';
import { callOf, collected, freshInput, hostOf, OUTSIDE, StillTime } from './support/host-rig.ts';
import { guestOf } from './support/wat-guests.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

const SHAPE = {
  log: true,
  clock: true,
  random: true,
  metadata: true,
  resources: true,
  kv: { namespaces: ['n'] },
  crypto: ['hash', 'hmac', 'sign', 'verify', 'equal'],
};

/** Asks for one of everything; gives what it got. */
function everything(host: HostFunctions, call: HostCall): unknown[] {
  host.log(call, 'info', 'x');
  return [
    host.nowMs(call),
    host.monotonicMs(call),
    host.random(call, 8),
    host.flag(call, 'f', 'boolean', 'true', undefined),
    host.metaGet(call, 'a'),
    host.metaSet(call, 'b', '{"c":1}'),
    host.metaDelete(call, 'a'),
    host.kvGet(call, 'n', 'k'),
    host.kvSet(call, 'n', 'k', bytes('v'), 0),
    host.kvGet(call, 'n', 'k'),
    host.kvIncrement(call, 'n', 'count', 2, 0, false),
    host.kvCompareAndSet(call, 'n', 'k', 99, bytes('w'), 0),
    host.kvDelete(call, 'n', 'k'),
    host.hash(call, 'sha-256', bytes('x')),
    host.hmac(call, 'sha-256', 's', bytes('x')),
    host.sign(call, 'HS256', 's', bytes('x')),
    host.verify(call, 'HS256', 's', bytes('x'), bytes('x')),
    host.equal(call, bytes('a'), bytes('a')),
    host.resourceGet(call, 'kind', 'there'),
    host.resourceGet(call, 'kind', 'gone'),
  ];
}

function recording() {
  const { lines, log } = collected();
  const resources = new ResourceStores();
  resources.load('shop', 'kind', { digest: 'd', items: { there: 1 } });
  const ports = {
    time: new StillTime(),
    log,
    resources,
    kv: new MemoryKv(new StillTime()),
    keys: KeySet.from({ s: { secret: 'top secret' } }).keys,
  };
  const metadata = { reads: ['a'], writes: ['a', 'b'] };
  return { lines, metadata, host: new RecordingHost(hostOf(SHAPE, ports, { metadata })) };
}

describe('a recorded hook', () => {
  it('P-65 gets the same answers again, through JSON, from nothing but its record', () => {
    const { host, lines, metadata } = recording();
    const call = callOf();
    const first = everything(host, call);
    expect(lines).toHaveLength(1);
    const record = JSON.parse(JSON.stringify(host.take(call.input!))) as HostEvent[];
    expect(JSON.stringify(record)).not.toContain('top secret');
    const replay = new ReplayHost(record, metadata);
    expect(everything(replay, call)).toEqual(first);
    expect(replay.isComplete).toBe(true);
    expect(replay.takeMetadata(call.input!)).toEqual({ a: null, b: { c: 1 } });
    expect(host.take(call.input!)).toEqual([]);
  });

  it('keeps the events of hooks that run at the same time apart', () => {
    const { host } = recording();
    const [one, two] = [callOf(freshInput()), callOf(freshInput())];
    host.nowMs(one);
    host.random(two, 1);
    host.nowMs(one);
    host.nowMs(OUTSIDE);
    expect(host.take(one.input!).map((event) => event.function)).toEqual(['nowMs', 'nowMs']);
    expect(host.take(two.input!).map((event) => event.function)).toEqual(['random']);
  });

  it('has requests in the place where they began, with how they ended', async () => {
    const answers = [bytes('one'), hostFault('deadline')];
    const inner = Object.assign(Object.create(hostOf(SHAPE)) as HostFunctions, {
      nowMs: () => 1,
      httpStart: (_call: HostCall, request: Uint8Array) =>
        request.length === 0 ? hostFault('denied') : Promise.resolve(answers[request.length - 1]),
    });
    const host = new RecordingHost(inner);
    const call = callOf();
    const started = [1, 2].map((length) => host.httpStart(call, new Uint8Array(length)));
    host.nowMs(call);
    host.httpStart(call, new Uint8Array(0));
    await Promise.all(started);
    const replay = new ReplayHost(host.take(call.input!));
    expect(await replay.httpStart(callOf())).toEqual(bytes('one'));
    const second = replay.httpStart(callOf());
    expect(second).toBeInstanceOf(Promise);
    expect(await second).toEqual(hostFault('deadline'));
    expect(replay.nowMs(callOf())).toBe(1);
    expect(isHostFault(replay.httpStart(callOf()))).toBe(true);
    expect(replay.isComplete).toBe(true);
  });

  it('tells when the replayed hook asks for something else, and answers no more', () => {
    const replay = new ReplayHost([
      { function: 'nowMs', value: 5 },
      { function: 'random', bytes: 'AAAA' },
    ]);
    expect(replay.nowMs(callOf())).toBe(5);
    expect(replay.isComplete).toBe(false);
    expect(replay.kvIncrement(callOf())).toBe(hostFault('unavailable'));
    expect(replay.divergence).toBe('call 2 is kvIncrement, the record has random');
    expect(replay.random(callOf())).toBe(hostFault('unavailable'));
    expect(replay.nowMs(callOf())).toBeNaN();
    expect(new ReplayHost([]).random(callOf())).toBe(hostFault('unavailable'));
  });

  it('P-65 gives the same action from a module that depends on time and chance', async () => {
    // An answer of its own making: fails with a code that depends on both.
    const guest = guestOf(
      ['now_ms', 'random'],
      `(drop (call $random (i32.const 16) (i32.const 4)))
       (if (result i32)
         (i32.and (i32.xor (i32.load (i32.const 16)) (i32.trunc_sat_f64_u (call $now_ms))) (i32.const 1))
         (then (i32.const -1)) (else (i32.const 0)))`,
    );
    const granted = ['clock', 'random'] as const;
    for (let i = 0; i < 50; i++) {
      const host = new RecordingHost(hostOf({ clock: true, random: true }));
      const instance = await instanceOf(guest, {}, { granted, host });
      const input = freshInput();
      const outcome = callNow(instance, Phase.requestHeaders, input);
      const replay = new ReplayHost(host.take(input));
      const again = await instanceOf(guest, {}, { granted, host: replay });
      expect(callNow(again, Phase.requestHeaders, input)).toEqual(outcome);
      expect(replay.isComplete).toBe(true);
      await instance.destroy();
      await again.destroy();
    }
  });
});
