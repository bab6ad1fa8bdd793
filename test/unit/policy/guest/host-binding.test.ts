/** What a guest passes to host functions is checked as if it were meant badly. */

import { describe, expect, it } from 'vitest';
import { hostFault } from '../../../../src/policy/guest/host-functions.ts';
import { CAPABILITY_FUNCTIONS, type Capability } from '../../../../src/policy/guest/imports.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { callNow, instanceOf, RecordingHost } from './support/guest-rig.ts';
import { textGuest } from './support/text-guest.ts';

const EVERYTHING = Object.keys(CAPABILITY_FUNCTIONS) as Capability[];

/**
 * The number a host function gives to a guest, taken out through a counter; `parameters` and `result` are types of the text
 * format, `args` its arguments.
 */
async function answerOf(
  name: string,
  parameters: string,
  args: readonly number[],
  { host = new RecordingHost(), result = 'i32' }: { host?: RecordingHost; result?: string } = {},
): Promise<{ answer: number; error: number; host: RecordingHost }> {
  const types = parameters.split(' ');
  const values = args.map((value, i) => `(${types[i]}.const ${value})`).join(' ');
  const call = `(call $f ${values})`;
  const widened = result === 'i32' ? `(f64.convert_i32_s ${call})` : call;
  const told =
    result === '' ? `${call} (call $out (i32.const 1) (f64.const 0))` : `(call $out (i32.const 1) ${widened})`;
  const guest = textGuest({
    imports: `(import "edict" "counter_add" (func $out (param i32 f64)))
      (import "edict" "error" (func $error (result i32)))
      (import "edict" "${name}" (func $f (param ${parameters}) ${result === '' ? '' : `(result ${result})`}))`,
    call: `${told} (call $out (i32.const 2) (f64.convert_i32_s (call $error))) (i32.const 0)`,
  });
  const instance = await instanceOf(guest, {}, { host, granted: EVERYTHING });
  expect(callNow(instance, Phase.requestHeaders)).toEqual({ kind: 'none' });
  const [answer = Number.NaN, error = Number.NaN] = host.calls
    .filter(([port]) => port === 'counterAdd')
    .map(([, , value]) => value as number);
  return { answer, error, host };
}

const BAD = -27;
const PAGE = 65_536;

describe('a pointer of a guest', () => {
  it.each<[string, number, number]>([
    ['behind the memory', PAGE, 1],
    ['at its edge, one byte too long', PAGE - 4, 5],
    ['near 2^32', -4, 8],
    ['with a negative length', 1_024, -1],
    ['with a length of 2^31', 1_024, -2_147_483_648],
  ])('%s is a bad argument, and the port is not called', async (_, ptr, length) => {
    for (const [name, parameters, args] of [
      ['meta_get', 'i32 i32 i32 i32', [ptr, length, 0, 0]],
      ['kv_delete', 'i32 i32 i32 i32', [1_024, 3, ptr, length]],
      ['hash', 'i32 i32 i32 i32 i32 i32', [1_024, 3, ptr, length, 0, 0]],
      ['http_start', 'i32 i32', [ptr, length]],
    ] as const) {
      const { answer, error, host } = await answerOf(name, parameters, args);
      expect([answer, error], name).toEqual([BAD, BAD]);
      expect(host.calls.filter(([port]) => port !== 'counterAdd')).toEqual([]);
    }
  });

  it('for an answer is checked too: nothing is written beside the memory', async () => {
    const { answer } = await answerOf('hash', 'i32 i32 i32 i32 i32 i32', [1_024, 3, 1_024, 3, PAGE - 2, 3]);
    expect(answer).toBe(BAD);
    const { answer: random } = await answerOf('random', 'i32 i32', [PAGE - 2, 3]);
    expect(random).toBe(BAD);
  });

  it('for an answer too long gives the length that is needed', async () => {
    const { answer } = await answerOf('resource_get', 'i32 i32 i32 i32 i32 i32', [1_024, 3, 2_040, 5, 4_096, 10], {
      host: Object.assign(new RecordingHost(), { resourceGet: () => new Uint8Array(2_000) }),
    });
    expect(answer).toBe(2_000);
  });

  it('to a text that is no UTF-8 is a bad argument', async () => {
    const host = new RecordingHost();
    const guest = textGuest({
      imports: `(import "edict" "counter_add" (func $out (param i32 f64)))
        (import "edict" "meta_delete" (func $f (param i32 i32) (result i32)))`,
      more: '(data (i32.const 2048) "\\ff\\fe")',
      call: '(call $out (i32.const 1) (f64.convert_i32_s (call $f (i32.const 2048) (i32.const 2)))) (i32.const 0)',
    });
    const instance = await instanceOf(guest, {}, { host, granted: EVERYTHING });
    callNow(instance, Phase.requestHeaders);
    expect(host.calls).toEqual([['counterAdd', 1, BAD]]);
  });
});

describe('a host function', () => {
  it('that gives a number answers NaN when refused, and tells why apart (numbers below zero are numbers)', async () => {
    const host = new RecordingHost();
    host.kvIncrement = () => hostFault('limit') as never;
    const parameters = 'i32 i32 i32 i32 f64 i32 i32';
    const refused = await answerOf('kv_incr', parameters, [1_024, 3, 1_024, 3, 1, 0, 0], { host, result: 'f64' });
    expect(refused).toMatchObject({ answer: Number.NaN, error: -23 });
    const given = await answerOf('kv_incr', parameters, [1_024, 3, 1_024, 3, 1, 0, 0], { result: 'f64' });
    expect(given).toMatchObject({ answer: -21, error: 0 });
  });

  it('that throws is answered as unavailable, and the guest lives', async () => {
    const host = new RecordingHost();
    host.answers.hash = () => {
      throw new RangeError('a defect of the host');
    };
    const { answer } = await answerOf('hash', 'i32 i32 i32 i32 i32 i32', [1_024, 3, 1_024, 3, 0, 0], { host });
    expect(answer).toBe(-26);
  });

  it('log takes 4 KiB of a line, shows control characters, and bears any level', async () => {
    const { host } = await answerOf('log', 'i32 i32 i32', [99, 1_024, 60_000], { result: '' });
    const [, level, line] = host.calls[0] as [string, string, string];
    expect(level).toBe('info');
    expect(line.startsWith('the message\\u0000\\u0000')).toBe(true);
    expect(line.length).toBe(11 + (4_096 - 11) * 6);
  });

  it('is told who calls, and with what', async () => {
    const seen: unknown[] = [];
    const host = new RecordingHost();
    host.nowMs = ((call: { info: { tenant: string }; phase: number; input: unknown }) => {
      seen.push(call.info.tenant, call.phase, call.input !== undefined);
      return 1;
    }) as never;
    const guest = textGuest({
      imports: '(import "edict" "now_ms" (func $now (result f64)))',
      call: '(drop (call $now)) (i32.const 0)',
      init: '(drop (call $now)) (i32.const 1)',
    });
    callNow(await instanceOf(guest, {}, { host, granted: ['clock'] }), Phase.responseHeaders);
    expect(seen).toEqual(['shop', undefined, false, 'shop', 3, true]);
  });
});

describe('operations of the host', () => {
  it('are at most sixteen at a time in a store', async () => {
    const host = new RecordingHost();
    host.httpStart = () => new Promise(() => undefined);
    const start = '(global.set $count (call $start (i32.const 1024) (i32.const 3)))';
    const guest = textGuest({
      imports: '(import "edict" "http_start" (func $start (param i32 i32) (result i32)))',
      call: `${start.repeat(17)} (i32.const -8)`,
    });
    const instance = await instanceOf(guest, {}, { host, granted: ['http'] });
    expect(callNow(instance, Phase.requestHeaders)).toMatchObject({ code: 'HOST_LIMIT' });
  });
});

describe('WASI of a policy', () => {
  const imports = `(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))`;
  const more = '(data (i32.const 2048) "\\00\\04\\00\\00\\0b\\00\\00\\00")';
  const write = '(drop (call $write (i32.const 1) (i32.const 2048) (i32.const 1) (i32.const 2060)))';

  it('leads through the same ports, by the same grants and the same budget', async () => {
    const host = new RecordingHost();
    const call = `${write.repeat(3)} (drop (call $random (i32.const 0) (i32.const 4))) (i32.const 0)`;
    const part = { host, granted: ['log'] as const, limits: { hostCalls: 2 } };
    const instance = await instanceOf(textGuest({ imports, more, call }), {}, part);
    expect(callNow(instance, Phase.requestHeaders)).toEqual({ kind: 'none' });
    expect(host.calls).toEqual([
      ['log', 'info', 'the message'],
      ['log', 'info', 'the message'],
    ]);
    const silent = new RecordingHost();
    const denied = await instanceOf(textGuest({ imports, more, call }), {}, { host: silent });
    expect(callNow(denied, Phase.requestHeaders)).toEqual({ kind: 'none' });
    expect(silent.calls).toEqual([]);
  });
});
