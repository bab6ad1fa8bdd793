import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTPUT_LIMITS, OutputDecoder } from '../../../../src/policy/frame/output-decoder.ts';
import { Output } from '../../../../src/policy/frame/tags.ts';
import type { Action } from '../../../../src/policy/model/actions.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { requestChanges, responseChanges } from '../support/arbitrary.ts';
import { encodeAction, type Field, frame, nameBlock, pairBlock } from './support/frames.ts';

const decoder = new OutputDecoder();

function decode(
  bytes: Buffer,
  phase: Phase = Phase.requestBody,
  source?: Uint8Array,
): ReturnType<OutputDecoder['decode']> {
  return decoder.decode(bytes, bytes.length, phase, source);
}

const u32 = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
const text = (value: string): Buffer => Buffer.from(value, 'utf8');
const fields = (...list: Field[]): Buffer => frame(2, list);

const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })) as fc.Arbitrary<Record<string, never>>;
const auth = fc.record(
  {
    authenticated: fc.boolean(),
    authorized: fc.boolean(),
    authType: fc.constantFrom('jwt', 'other'),
    subject: fc.string(),
    audience: fc.array(fc.string(), { maxLength: 2 }),
    scopes: fc.array(fc.string(), { maxLength: 2 }),
    properties: fc.dictionary(fc.string(), fc.string()),
    typedProperties: json,
  },
  { requiredKeys: ['authenticated', 'authorized', 'authType'] },
);
const effects = fc.record(
  {
    metadataPatch: json,
    observations: fc.record({
      analyticsMetadata: json,
      dynamicMetadata: fc.dictionary(fc.string(), json),
      analyticsHeaderFilter: fc.record({
        mode: fc.constantFrom('allow' as const, 'deny' as const),
        names: fc.array(fc.constantFrom('a', 'x-b'), { maxLength: 2 }),
      }),
    }),
  },
  { requiredKeys: [] },
);
const bytes = fc.uint8Array({ maxLength: 40 });
const chunk = fc.record({ body: bytes }, { requiredKeys: [] });

const answers: fc.Arbitrary<readonly [Phase, Action]> = fc
  .oneof(
    fc.tuple(fc.constant(Phase.requestBody), requestChanges, fc.record({ auth }, { requiredKeys: [] })),
    fc.tuple(fc.constant(Phase.responseBody), responseChanges, fc.record({ auth }, { requiredKeys: [] })),
    fc.tuple(
      fc.constantFrom(Phase.requestHeaders, Phase.responseBody),
      fc.record(
        {
          kind: fc.constant('immediate' as const),
          status: fc.integer({ min: 200, max: 599 }),
          headers: fc.array(fc.tuple(fc.constantFrom('set-cookie', 'x-a'), fc.constantFrom('', '\u00e9', 'v'))),
          body: bytes,
          fault: fc.record({ code: fc.nat(), type: fc.string(), message: fc.string(), description: fc.string() }),
        },
        { requiredKeys: ['kind', 'status'] },
      ),
      fc.constant({}),
    ),
    fc.tuple(fc.constant(Phase.requestBodyChunk), fc.constant({ kind: 'forward' as const }), chunk),
    fc.tuple(fc.constant(Phase.responseBodyChunk), fc.constant({ kind: 'terminate' as const }), chunk),
  )
  .chain(([phase, action, more]) =>
    effects.map((extra) => [phase, { ...action, ...more, ...extra } as Action] as const),
  );

/** Bytes as numbers, whatever kind of array holds them; groups that say nothing are left out, as a frame leaves them out. */
function plain(value: Action | object): unknown {
  const copy = JSON.parse(JSON.stringify(value, (_, member) => (member instanceof Uint8Array ? [...member] : member)));
  for (const group of ['headers', 'overlay', 'observations']) {
    if (!Array.isArray(copy[group]) && Object.keys(copy[group] ?? {}).length === 0) delete copy[group];
  }
  return copy;
}

describe('an answer', () => {
  it('of any kind with any fields survives the frame (P-08, P-14)', () => {
    fc.assert(
      fc.property(answers, ([phase, action]) => {
        const decoded = decode(encodeAction(action), phase);
        expect(plain(decoded)).toEqual(plain(action));
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps the three states of a body apart: none, empty, bytes (P-11)', () => {
    const none = decode(fields());
    expect(none).toEqual({ kind: 'request-changes' });
    expect(decode(fields({ tag: Output.body, bytes: Buffer.alloc(0) }))).toEqual({
      kind: 'request-changes',
      body: new Uint8Array(0),
    });
    expect(decode(fields({ tag: Output.body, bytes: text('x') }))).toEqual({
      kind: 'request-changes',
      body: Uint8Array.of(120),
    });
    expect(decode(fields({ tag: Output.bodyParts, bytes: Buffer.alloc(0) }))).toEqual({
      kind: 'request-changes',
      body: new Uint8Array(0),
    });
  });

  it('puts a body together from texts of its own and slices of the input', () => {
    const parts = Buffer.concat([u32(0, 3), text('abc\0'), u32(1, 2, 4), u32(0, 1), text('!\0\0\0')]);
    expect(decode(fields({ tag: Output.bodyParts, bytes: parts }), Phase.requestBody, text('0123456789'))).toEqual({
      kind: 'request-changes',
      body: Uint8Array.from(text('abc2345!')),
    });
  });

  it('holds nothing of the frame it came in', () => {
    const bytes = encodeAction({ kind: 'request-changes', headers: { set: [['x', 'y']] }, body: Uint8Array.of(1, 2) });
    const action = decode(bytes);
    bytes.fill(0xff);
    expect(action).toEqual({ kind: 'request-changes', headers: { set: [['x', 'y']] }, body: Uint8Array.of(1, 2) });
  });

  it('may hold fields of a later version as long as they are not critical', () => {
    const later = { tag: 200, bytes: text('news') };
    expect(decode(fields(later, { tag: Output.path, bytes: text('/x') }))).toMatchObject({ path: '/x' });
    expect(decode(fields({ ...later, flags: 1 }))).toMatchObject({ code: 'DECODE' });
    expect(decode(fields(later, later))).toMatchObject({ code: 'DECODE' });
  });
});

describe('an answer that is none', () => {
  const good = encodeAction({ kind: 'request-changes', headers: { set: [['x', 'y']] }, path: '/x' });
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(good);
    copy[at] = value;
    return copy;
  };
  it.each<[string, Buffer]>([
    ['empty', Buffer.alloc(0)],
    ['shorter than a head', good.subarray(0, 11)],
    ['cut', good.subarray(0, good.length - 4)],
    ['longer than it says', Buffer.concat([good, Buffer.alloc(4)])],
    ['of another magic', changed(0, 0)],
    ['of another version', changed(2, 2)],
    ['an input frame', changed(3, 1)],
    ['of more fields than there are', changed(8, 200)],
    ['of fewer fields than there are', changed(8, 1)],
    ['with a field that passes the end', changed(16, 0xff)],
    ['with a field twice', fields({ tag: Output.path, bytes: text('/') }, { tag: Output.path, bytes: text('/') })],
    ['with a text that is no UTF-8', fields({ tag: Output.path, bytes: Buffer.from([0xff]) })],
    ['with a query that is no UTF-8', fields({ tag: Output.queryRemove, bytes: nameBlock(['\u00e9']) })],
    ['with a number of three bytes', fields({ tag: Output.status, bytes: Buffer.alloc(3) })],
    ['with a slot that is none', fields({ tag: Output.upstreamSlot, bytes: u32(2) })],
    ['with a block without a count', fields({ tag: Output.headersSet, bytes: Buffer.alloc(3) })],
    ['with a block of too many entries', fields({ tag: Output.headersSet, bytes: u32(0x40000000) })],
    ['with an entry outside its block', fields({ tag: Output.headersRemove, bytes: u32(1, 12, 1) })],
    ['with an entry near 2^32', fields({ tag: Output.headersRemove, bytes: u32(1, 0xffffffff, 2) })],
    ['with JSON that does not parse', fields({ tag: Output.analytics, bytes: text('{') })],
    ['with JSON that is no object', fields({ tag: Output.metadataPatch, bytes: text('[1]') })],
    ['with JSON nested a thousand deep', fields({ tag: Output.analytics, bytes: text('{"a":'.repeat(1_000)) })],
    [
      'with a body whole and in parts',
      fields({ tag: Output.body, bytes: text('x') }, { tag: Output.bodyParts, bytes: u32(0, 0) }),
    ],
    ['with a part of an unknown kind', fields({ tag: Output.bodyParts, bytes: u32(2, 0, 0) })],
    ['with a part that is cut', fields({ tag: Output.bodyParts, bytes: u32(1, 0) })],
    ['with a literal that passes its field', fields({ tag: Output.bodyParts, bytes: u32(0, 9) })],
    ['with a slice of bytes the body does not have', fields({ tag: Output.bodyParts, bytes: u32(1, 1, 0xffffffff) })],
    ['with something in `terminate`', fields({ tag: Output.terminate, bytes: text('x') })],
    ['with a filter that is cut', fields({ tag: Output.headerFilter, bytes: u32(0) })],
  ])('%s is DECODE', (_, bytes) => {
    expect(decode(bytes)).toMatchObject({ kind: 'failure', code: 'DECODE' });
  });

  it('names the same bytes again and again is DECODE: a frame cannot stand for more than it holds', () => {
    const bytes = Buffer.concat([u32(3, 52, 8, 52, 8, 52, 8, 52, 8, 52, 8, 52, 8), text('a'.repeat(40))]);
    expect(decode(fields({ tag: Output.headersSet, bytes }))).toMatchObject({ kind: 'request-changes' });
    const more = Buffer.concat([u32(3, 52, 40, 52, 40, 52, 40, 52, 40, 52, 40, 52, 40), text('a'.repeat(40))]);
    expect(decode(fields({ tag: Output.headersSet, bytes: more }))).toMatchObject({ code: 'DECODE' });
  });

  it('is larger than allowed: OUTPUT_TOO_LARGE, with body and without (P-53)', () => {
    const small = new OutputDecoder({ frameBytes: 100, bodyBytes: 50 });
    const at = (bytes: Buffer, source?: Uint8Array) => small.decode(bytes, bytes.length, Phase.requestBody, source);
    const tooLarge = { code: 'OUTPUT_TOO_LARGE' };
    expect(at(fields({ tag: Output.body, bytes: Buffer.alloc(50) }))).toMatchObject({ kind: 'request-changes' });
    expect(at(fields({ tag: Output.body, bytes: Buffer.alloc(51) }))).toMatchObject(tooLarge);
    expect(at(fields({ tag: Output.path, bytes: Buffer.alloc(80) }))).toMatchObject({ kind: 'request-changes' });
    expect(at(fields({ tag: Output.path, bytes: Buffer.alloc(81) }))).toMatchObject(tooLarge);
    expect(at(fields({ tag: Output.body, bytes: Buffer.alloc(200) }))).toMatchObject(tooLarge);
    const twice = { tag: Output.bodyParts, bytes: u32(1, 0, 40, 1, 0, 40) };
    expect(at(fields(twice), Buffer.alloc(40))).toMatchObject(tooLarge);
    expect(OUTPUT_LIMITS).toEqual({ frameBytes: 1_048_576, bodyBytes: 10_485_760 });
  });

  it('has a field that means nothing where it stands: ACTION_INVALID, never silence (P-08)', () => {
    const path = { tag: Output.path, bytes: text('/x') };
    const status = { tag: Output.status, bytes: u32(200) };
    const immediate = { tag: Output.immediateStatus, bytes: u32(403) };
    const invalid = { code: 'ACTION_INVALID' };
    expect(decode(fields(path), Phase.responseHeaders)).toMatchObject(invalid);
    expect(decode(fields(status), Phase.requestHeaders)).toMatchObject(invalid);
    expect(decode(fields(immediate, path))).toMatchObject(invalid);
    expect(decode(fields({ tag: Output.headersSet, bytes: pairBlock([]) }), Phase.requestBodyChunk)).toMatchObject(
      invalid,
    );
    expect(decode(fields({ tag: Output.fault, bytes: text('{}') }))).toMatchObject(invalid);
  });

  it('has JSON of another shape: ACTION_INVALID', () => {
    const invalid = { code: 'ACTION_INVALID' };
    for (const wrong of ['{}', '{"authenticated":1,"authorized":true,"authType":"x"}']) {
      expect(decode(fields({ tag: Output.auth, bytes: text(wrong) }))).toMatchObject(invalid);
    }
    expect(decode(fields({ tag: Output.dynamicMetadata, bytes: text('{"a":1}') }))).toMatchObject(invalid);
    const fault = { tag: Output.fault, bytes: text('{"code":-1}') };
    expect(decode(fields({ tag: Output.immediateStatus, bytes: u32(400) }, fault))).toMatchObject(invalid);
  });

  it('is anything at all: always an action or a failure, never a throw (WH-13)', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw)),
      fc
        .tuple(answers, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }))
        .map(([[, action], flips]) => {
          const raw = encodeAction(action);
          for (const [at, value] of flips) raw[at % raw.length] = value;
          return raw;
        }),
    );
    const phases = fc.constantFrom<Phase>(1, 2, 3, 4, 6, 8);
    fc.assert(
      fc.property(hostile, phases, (raw, phase) => {
        const decoded = decode(raw, phase, Buffer.alloc(10));
        expect(['failure', 'request-changes', 'response-changes', 'immediate', 'forward', 'terminate']).toContain(
          decoded.kind,
        );
      }),
      { numRuns: 10_000 },
    );
  });
});
