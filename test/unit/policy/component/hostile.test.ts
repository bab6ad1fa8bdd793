/** Core modules of components that lie about their answers: a typed failure each time, and the next call finds a new store. */

import { describe, expect, it } from 'vitest';
import { loadComponent } from '../../../../src/policy/component/load-component.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { assembleText } from '../../wasm/support/wat.ts';
import { callNow, RecordingHost } from '../guest/support/guest-rig.ts';
import { instanceOf, policyOf } from './support/component-rig.ts';

const GUEST = 'edict:policy/guest@0.1.0';

/** Bodies of functions in the text format; what is not given is well-behaved. */
interface Parts {
  readonly realloc?: string;
  readonly onRequestHeaders?: string;
  readonly data?: string;
  readonly imports?: string;
}

/**
 * Answers lie at 1,024: a result of init with handle 1 and every mode asked for. At 2,048: `ok(none)`. Places for what is
 * handed in begin at 4,096, the same for every call.
 */
function component({ realloc, onRequestHeaders = '(i32.const 2048)', data = '', imports = '' }: Parts): Uint8Array {
  const pointers = ['plan', 'on-request-body', 'on-response-headers', 'on-response-body', 'on-request-chunk'];
  const functions = [...pointers, 'on-response-chunk', 'export-state']
    .map((name) => `(func (export "${GUEST}#${name}") (param i32) (result i32) (i32.const 2048))`)
    .join('\n');
  const core = assembleText(`(module ${imports}
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 4096))
    (data (i32.const 1024) "\\00\\00\\00\\00\\01\\00\\00\\00\\01\\01\\01\\01")
    ${data}
    (func (export "cabi_realloc") (param $old i32) (param $oldSize i32) (param $align i32) (param $size i32) (result i32)
      ${
        realloc ??
        `(global.set $next (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
           (i32.sub (i32.const 0) (local.get $align))))
         (global.get $next)
         (global.set $next (i32.add (global.get $next) (local.get $size)))`
      })
    ${functions}
    (func (export "${GUEST}#init") (param i32) (result i32) (i32.const 1024))
    (func (export "${GUEST}#destroy") (param i32))
    (func (export "${GUEST}#on-request-headers") (param i32) (result i32) ${onRequestHeaders})
    (func (export "${GUEST}#needs-more-request-data") (param i32 i32 i32 i32 i64) (result i32) (i32.const 0))
    (func (export "${GUEST}#needs-more-response-data") (param i32 i32 i32 i32 i64) (result i32) (i32.const 0))
    (func (export "${GUEST}#on-stream-end") (param i32 i32 i32))
    (func (export "${GUEST}#import-state") (param i32 i32 i32) (result i32) (i32.const 0)))`);
  const section = importSection([...new Set(imports.match(/edict:policy[^"]+/g))]);
  return Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00, ...section, 1, ...leb(core.length), ...core);
}

/** A component imports what its core module does. */
function importSection(names: readonly string[]): number[] {
  const entries = names.flatMap((name) => [0, name.length, ...Buffer.from(name), 0x05, 0]);
  return names.length === 0 ? [] : [10, ...leb(entries.length + 1), names.length, ...entries];
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
}

async function outcomes(parts: Parts): Promise<readonly unknown[]> {
  const loaded = loadComponent(component(parts), { granted: [], metering: {} });
  if (loaded.kind === 'failure') throw new Error(loaded.message);
  const policy = policyOf(loaded);
  const instance = await instanceOf(policy);
  const first = callNow(instance, Phase.requestHeaders);
  return [first, callNow(instance, Phase.responseHeaders), policy.describe()['shop']?.poisoned];
}

/** A result of a request hook at 32,768, from the byte after `ok(some(changes(`: the list of headers to set. */
const answerAt = (bytes: string): Parts => ({
  onRequestHeaders: '(i32.const 32768)',
  data: `(data (i32.const 32768) "\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00${bytes}")`,
});

describe('a component that lies', () => {
  it('and one that does not, is answered', async () => {
    expect(await outcomes({})).toEqual([{ kind: 'none' }, { kind: 'none' }, 0]);
    expect((await outcomes(answerAt('')))[0]).toEqual({ kind: 'action', action: { kind: 'request-changes' } });
  });

  it.each<[string, Parts, string]>([
    ['answers from nowhere', { onRequestHeaders: '(i32.const 0)' }, 'DECODE'],
    ['answers from outside its memory', { onRequestHeaders: '(i32.const -64)' }, 'DECODE'],
    ['answers from an odd address', { onRequestHeaders: '(i32.const 2049)' }, 'DECODE'],
    ['answers neither ok nor err', { ...answerAt(''), data: '(data (i32.const 32768) "\\02")' }, 'DECODE'],
    [
      'answers neither none nor some',
      { ...answerAt(''), data: '(data (i32.const 32768) "\\00\\00\\00\\00\\07")' },
      'DECODE',
    ],
    ['names a list outside its memory', answerAt('\\00\\00\\00\\7f\\01\\00\\00\\00'), 'DECODE'],
    ['names a list longer than its memory', answerAt('\\00\\10\\00\\00\\ff\\ff\\ff\\ff'), 'DECODE'],
    ['names a list at an odd address', answerAt('\\01\\10\\00\\00\\01\\00\\00\\00'), 'DECODE'],
    [
      'names the same megabytes again and again',
      {
        onRequestHeaders: `(local $at i32) (drop (memory.grow (i32.const 160))) (local.set $at (i32.const 65536))
          (loop $more (i32.store (local.get $at) (i32.const 0)) (i32.store offset=4 (local.get $at) (i32.const 0))
            (i32.store offset=8 (local.get $at) (i32.const 131072)) (i32.store offset=12 (local.get $at) (i32.const 8000000))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if $more (i32.lt_u (local.get $at) (i32.const 81536)))) (i32.const 32768)`,
        data: answerAt('\\00\\00\\01\\00\\e8\\03\\00\\00').data ?? '',
      },
      'OUTPUT_TOO_LARGE',
    ],
    ['traps', { onRequestHeaders: '(unreachable)' }, 'TRAP'],
    ['loops', { onRequestHeaders: '(loop $for (br $for)) (i32.const 0)' }, 'FUEL_EXHAUSTED'],
  ])('%s', async (_, parts, code) => {
    expect(await outcomes(parts)).toEqual([expect.objectContaining({ kind: 'failure', code }), { kind: 'none' }, 1]);
  });

  it('about the room it gives, is made no instance of', async () => {
    for (const realloc of ['(i32.const 0)', '(i32.const -8)', '(i32.const 4097)', '(i32.const 131064)']) {
      const loaded = loadComponent(component({ realloc }), { granted: [], metering: {} });
      if (loaded.kind === 'failure') throw new Error(loaded.message);
      await expect(instanceOf(policyOf(loaded))).rejects.toThrow(/INIT_FAILED: DECODE: the guest gave/);
    }
  });

  it('about what it imports, is refused: a core module gets no more than was granted (P-73)', async () => {
    const imports = '(import "edict:policy/clock@0.1.0" "now-ms" (func $now (result f64)))';
    const asking = component({
      imports,
      onRequestHeaders: '(drop (call $now)) (i32.const 2048)',
    });
    expect(loadComponent(asking, { granted: [], metering: {} })).toMatchObject({
      code: 'MODULE_INVALID',
      message: expect.stringContaining('edict:policy/clock@0.1.0 (clock)'),
    });
    const loaded = loadComponent(asking, { granted: ['clock'], metering: {} });
    if (loaded.kind === 'failure') throw new Error(loaded.message);
    const host = new RecordingHost();
    const instance = await instanceOf(policyOf(loaded, { host }));
    expect(callNow(instance, Phase.requestHeaders)).toEqual({ kind: 'none' });
    expect(host.calls).toEqual([['nowMs']]);
  });

  it.each<[string, string, string]>([
    [
      'a text outside its memory',
      '(call $get (i32.const 0) (i32.const 4) (i32.const -8) (i32.const 16) (i32.const 512))',
      'DECODE',
    ],
    [
      'a text that is not UTF-8',
      '(call $get (i32.const 0) (i32.const 4) (i32.const 600) (i32.const 1) (i32.const 512))',
      'DECODE',
    ],
    [
      'an odd place for the answer',
      '(call $get (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 513))',
      'DECODE',
    ],
    [
      'a place outside its memory',
      '(call $get (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 4) (i32.const 131064))',
      'DECODE',
    ],
    ['a word that is none', '(call $write (i32.const 5) (i32.const 0) (i32.const 4))', 'DECODE'],
    ['more bytes than there are', '(call $write (i32.const 1) (i32.const 0) (i32.const -1))', 'DECODE'],
  ])('to the host about %s, is ended and gets a new store', async (_, call, code) => {
    const imports = `
      (import "edict:policy/kv@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32)))
      (import "edict:policy/log@0.1.0" "write" (func $write (param i32 i32 i32)))`;
    const data = '(data (i32.const 600) "\\ff")';
    const bytes = component({ imports, data, onRequestHeaders: `${call} (i32.const 2048)` });
    const loaded = loadComponent(bytes, { granted: ['kv', 'log'], metering: {} });
    if (loaded.kind === 'failure') throw new Error(loaded.message);
    const host = new RecordingHost();
    const policy = policyOf(loaded, { host });
    const instance = await instanceOf(policy);
    expect(callNow(instance, Phase.requestHeaders)).toMatchObject({ kind: 'failure', code });
    expect(callNow(instance, Phase.responseHeaders)).toEqual({ kind: 'none' });
    expect(policy.describe()['shop']?.poisoned).toBe(1);
    expect(host.calls.filter(([name]) => name !== 'kvGet')).toEqual([]);
  });

  it('in that its component does not import what its module does, is refused', () => {
    const imports = '(import "edict:policy/clock@0.1.0" "now-ms" (func $now (result f64)))';
    const honest = component({ imports });
    // The same core module in a component that says nothing of the clock.
    const at = honest.indexOf(1, 8 + 2 + (honest[9] as number));
    const silent = Uint8Array.of(...honest.subarray(0, 8), ...honest.subarray(at));
    expect(loadComponent(honest, { granted: ['clock'], metering: {} })).toMatchObject({ kind: 'direct' });
    expect(loadComponent(silent, { granted: ['clock'], metering: {} })).toMatchObject({
      code: 'MODULE_INVALID',
      message: expect.stringContaining('edict:policy/clock@0.1.0.now-ms'),
    });
  });

  it('or whose module has another shape, is refused when it is loaded', () => {
    const other = component({ imports: '(import "env" "abort" (func))' });
    expect(loadComponent(other, { granted: [], metering: {} })).toMatchObject({
      code: 'MODULE_INVALID',
      message: expect.stringContaining('env.abort'),
    });
  });
});
