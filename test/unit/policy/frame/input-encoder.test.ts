import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeclaredInputs } from '../../../../src/policy/frame/declared-inputs.ts';
import { InputEncoder } from '../../../../src/policy/frame/input-encoder.ts';
import { Input } from '../../../../src/policy/frame/tags.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { NO_BODY, NOTHING_GATHERED } from '../../../../src/policy/model/views.ts';
import { GuestMemory } from '../../../../src/wasm/memory.ts';
import { body, EXCHANGE, hookInput, INFO } from '../guest/support/guest-rig.ts';
import { readFrame, readPairs } from './support/frames.ts';

const PLACE = 4_096;
const ALL: DeclaredInputs = {
  headers: 'all',
  body: true,
  downstream: true,
  upstream: true,
  auth: true,
  api: true,
  metadata: ['x', 'missing'],
};

const memory = new GuestMemory(new WebAssembly.Memory({ initial: 4, maximum: 4 }));
const ONES = Buffer.alloc(memory.byteLength, 0xff);

/** Encodes into memory full of ones, so that nothing is zero by luck; gives the frame. */
function encode(inputs: DeclaredInputs, phase: Phase, input: HookInput, encoder = new InputEncoder(inputs)): Buffer {
  memory.bytes.fill(0xff);
  let granted = 0;
  const length = encoder.encode(
    memory,
    (size) => {
      granted = size;
      return PLACE;
    },
    phase,
    input,
  );
  expect(length).toBeLessThanOrEqual(granted);
  expect(memory.buffer.subarray(PLACE + granted).equals(ONES.subarray(PLACE + granted))).toBe(true);
  return Buffer.from(memory.read(PLACE, length, length));
}

const tagsOf = (bytes: Buffer): number[] => [...readFrame(bytes).keys()].sort((a, b) => a - b);
const textOf = (bytes: Buffer, tag: number): string | undefined => readFrame(bytes).get(tag)?.toString('utf8');

const IDENTITY = [Input.requestId, Input.route, Input.tenant, Input.deadline];
const LINE = [Input.path, Input.method, Input.authority, Input.scheme];

const full = hookInput({
  exchange: { ...EXCHANGE, traceparent: '00-ab', clientIp: '203.0.113.7' },
  vhost: 'api',
  downstream: {
    headers: HeaderMap.from([['x-was', 'here']]),
    path: '/before',
    method: 'GET',
    authority: 'a',
    scheme: 'http',
  },
  upstream: { name: 'main', url: 'http://10.0.0.1', basePath: '/v1' },
  upstreamResponse: { headers: HeaderMap.from([['server', 'x']]), status: 418 },
  gathered: {
    ...NOTHING_GATHERED,
    auth: [{ authenticated: true, authorized: true, authType: 'jwt' }],
    metadata: { x: 1, secret: 2 },
    overlay: HeaderMap.from([['x-shown', '1']]),
  },
});

describe('an input frame', () => {
  it('brings only what is declared: without anything, identity and request line (P-68)', () => {
    expect(tagsOf(encode({}, Phase.requestBody, hookInput()))).toEqual([...IDENTITY, ...LINE]);
    expect(tagsOf(encode({}, Phase.responseBody, hookInput()))).toEqual([...IDENTITY, ...LINE, Input.status]);
  });

  it.each<[string, DeclaredInputs, readonly number[]]>([
    ['headers', { headers: ['Accept'] }, [Input.requestHeaders, Input.responseHeaders]],
    ['request body', { body: 'request' }, [Input.requestBody, Input.requestBodyFlags]],
    ['response body', { body: 'response' }, [Input.responseBody, Input.responseBodyFlags]],
    ['downstream', { downstream: true }, [Input.downstream]],
    ['upstream', { upstream: true }, [Input.upstream, Input.upstreamResponse]],
    ['auth', { auth: true }, [Input.auth]],
    ['api', { api: true }, [Input.api]],
    ['metadata', { metadata: ['x'] }, [Input.metadata]],
  ])('brings %s when declared, and nothing else (P-68)', (_, inputs, tags) => {
    const without = tagsOf(encode({}, Phase.responseBody, full));
    expect(tagsOf(encode(inputs, Phase.responseBody, full))).toEqual([...without, ...tags].sort((a, b) => a - b));
  });

  it('brings the values themselves', () => {
    const frame = encode(ALL, Phase.responseBody, full);
    const fields = readFrame(frame);
    expect(textOf(frame, Input.requestId)).toBe('r-1');
    expect(textOf(frame, Input.traceparent)).toBe('00-ab');
    expect(textOf(frame, Input.clientIp)).toBe('203.0.113.7');
    expect(textOf(frame, Input.vhost)).toBe('api');
    expect(fields.get(Input.deadline)?.readDoubleLE(0)).toBe(EXCHANGE.deadline);
    expect(fields.get(Input.status)?.readUInt32LE(0)).toBe(201);
    expect(JSON.parse(textOf(frame, Input.metadata) ?? '')).toEqual({ x: 1 });
    expect(JSON.parse(textOf(frame, Input.auth) ?? '')).toEqual(full.gathered.auth);
    expect(JSON.parse(textOf(frame, Input.api) ?? '')).toEqual(EXCHANGE.api);
    expect(JSON.parse(textOf(frame, Input.upstream) ?? '')).toEqual(full.upstream);
    expect(readPairs(fields.get(Input.overlay) as Buffer)).toEqual([['x-shown', '1']]);
    const downstream = readFrame(fields.get(Input.downstream) as Buffer);
    expect(downstream.get(Input.path)?.toString()).toBe('/before');
    expect(readPairs(downstream.get(Input.requestHeaders) as Buffer)).toEqual([['x-was', 'here']]);
    const upstream = readFrame(fields.get(Input.upstreamResponse) as Buffer);
    expect(upstream.get(Input.status)?.readUInt32LE(0)).toBe(418);
  });

  it('tells a body that is not there from an empty one (P-11)', () => {
    const flagsOf = (frame: Buffer) => readFrame(frame).get(Input.requestBodyFlags)?.readUInt32LE(0);
    const request = hookInput().request;
    const absent = encode(ALL, Phase.requestBody, hookInput({ request: { ...request, body: NO_BODY } }));
    expect([readFrame(absent).has(Input.requestBody), flagsOf(absent)]).toEqual([false, 2]);
    const empty = encode(ALL, Phase.requestBody, hookInput({ request: { ...request, body: body('') } }));
    expect([readFrame(empty).get(Input.requestBody)?.length, flagsOf(empty)]).toEqual([0, 3]);
    const cut = { ...body('x'), truncated: true, endOfStream: false, encoded: true };
    expect(flagsOf(encode(ALL, Phase.requestBody, hookInput({ request: { ...request, body: cut } })))).toBe(13);
  });

  it('brings a body to its own phase and a request body to the response’s, never to header hooks of its direction', () => {
    const has = (phase: Phase, tag: number) => readFrame(encode(ALL, phase, full)).has(tag);
    const { requestBody, responseBody } = Input;
    expect([1, 2, 3, 4, 6, 8].map((phase) => has(phase as Phase, requestBody))).toEqual([
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect([1, 2, 3, 4, 6, 8].map((phase) => has(phase as Phase, responseBody))).toEqual([
      false,
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it('brings one chunk to a chunk hook, and to a query nothing but the fresh bytes (P-68)', () => {
    const chunk = { data: Buffer.from('part'), endOfStream: true, index: 7, streamId: 9 };
    const fields = readFrame(encode(ALL, Phase.requestBodyChunk, hookInput({ chunk })));
    expect(fields.get(Input.chunk)?.toString()).toBe('part');
    expect(fields.get(Input.chunkIndex)?.readDoubleLE(0)).toBe(7);
    expect(fields.get(Input.chunkFlags)?.readUInt32LE(0)).toBe(2);
    const pending = { fresh: Buffer.from('new'), total: 2 ** 40, streamId: 9 };
    const query = readFrame(encode(ALL, Phase.needsMoreResponseData, { ...full, pending }));
    expect([...query.keys()].sort()).toEqual([Input.streamId, Input.total, Input.fresh].sort());
    expect(query.get(Input.total)?.readDoubleLE(0)).toBe(2 ** 40);
    expect(query.get(Input.fresh)?.toString()).toBe('new');
  });

  it('holds any headers and texts as they were: header bytes as bytes, texts as UTF-8', () => {
    const name = fc.stringMatching(/^[a-z-]{1,12}$/);
    const value = fc.oneof(fc.stringMatching(/^[ -~\u0080-\u00ff]{0,80}$/), fc.constant('x'.repeat(1_000)));
    const line = fc.record({ path: fc.string({ maxLength: 80 }), method: fc.string({ unit: 'binary' }) });
    const content = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), line, content, (pairs, more, bytes) => {
        const headers = HeaderMap.from(pairs);
        const request = { ...hookInput().request, ...more, headers, body: body(bytes) };
        const frame = encode(ALL, Phase.requestBody, hookInput({ request }));
        const fields = readFrame(frame);
        expect(readPairs(fields.get(Input.requestHeaders) as Buffer)).toEqual([...headers.pairs()]);
        expect(fields.get(Input.path)).toEqual(Buffer.from(more.path, 'utf8'));
        expect(fields.get(Input.method)).toEqual(Buffer.from(more.method, 'utf8'));
        expect(fields.get(Input.requestBody)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  it('asks for more room when the usual is not enough, and remembers', () => {
    const headers = HeaderMap.from(Array.from({ length: 300 }, (_, i) => [`x-${i}`, 'v'.repeat(100)]));
    const input = hookInput({ request: { ...hookInput().request, headers } });
    const encoder = new InputEncoder(ALL);
    const asked: number[] = [];
    const arena = (size: number): number => {
      asked.push(size);
      return PLACE;
    };
    expect(encoder.encode(memory, arena, Phase.requestHeaders, input)).toBeGreaterThan(30_000);
    expect(asked.length).toBeGreaterThan(1);
    asked.length = 0;
    encoder.encode(memory, arena, Phase.requestHeaders, input);
    expect(asked).toHaveLength(1);
    expect(encoder.encode(memory, () => 0, Phase.requestHeaders, input)).toBe(0);
  });

  it('of an init says who is made, for what API, with which params', () => {
    const params = { text: 'h\u00e9 \u{1f600}', list: [1, null] };
    const length = new InputEncoder({}).encodeInit(memory, () => PLACE, { info: INFO, params });
    const frame = Buffer.from(memory.read(PLACE, length, length));
    expect(JSON.parse(textOf(frame, Input.params) ?? '')).toEqual(params);
    expect(JSON.parse(textOf(frame, Input.api) ?? '')).toEqual(INFO.api);
    expect(JSON.parse(textOf(frame, Input.policy) ?? '')).toEqual({
      name: 'under-test',
      version: 'v1.0.0',
      route: 'pets-get',
      attachedTo: 'route',
      tenant: 'shop',
    });
  });
});
