/** The SDK from inside a policy: what a hook reads, what it answers, what it asks of the host. */

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CompiledGuest } from '../../../../src/policy/guest/core-guest.ts';
import { hostFault } from '../../../../src/policy/guest/host-functions.ts';
import { CAPABILITY_FUNCTIONS, type Capability } from '../../../../src/policy/guest/imports.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { NOTHING_GATHERED } from '../../../../src/policy/model/views.ts';
import { buildGuestBytes, POLICY_OPTIONS } from '../../guest/build-guest.ts';
import {
  body,
  callNow,
  compile,
  EXCHANGE,
  hookInput,
  INFO,
  instanceOf,
  policyOf,
  RecordingHost,
} from './support/guest-rig.ts';

const EVERYTHING = Object.keys(CAPABILITY_FUNCTIONS) as Capability[];

let guest: CompiledGuest;
beforeAll(async () => {
  guest = compile(await buildGuestBytes('test/unit/policy/guest/probe', POLICY_OPTIONS));
}, 120_000);

function probe(what: string, host = new RecordingHost(), limits = {}) {
  const inputs = { headers: 'all', body: true, auth: true, downstream: true, upstream: true, metadata: ['x'] } as const;
  return instanceOf(guest, { do: what }, { host, granted: EVERYTHING, inputs, limits });
}

async function headersOf(what: string, host = new RecordingHost(), input = hookInput()): Promise<object> {
  const outcome = callNow(await probe(what, host), Phase.requestHeaders, input);
  if (outcome.kind !== 'action' || outcome.action.kind !== 'request-changes') throw new Error(JSON.stringify(outcome));
  return Object.fromEntries(outcome.action.headers?.set ?? []);
}

describe('a policy in AssemblyScript reads', () => {
  it('everything that is declared', async () => {
    const input = hookInput({
      exchange: { ...EXCHANGE, clientIp: '203.0.113.7', traceparent: '00-ab' },
      vhost: 'v',
      downstream: {
        headers: HeaderMap.from([
          ['a', '1'],
          ['a', '2'],
        ]),
        path: '/was',
        method: 'GET',
        authority: 'a',
        scheme: 'http',
      },
      upstream: { name: 'main', url: 'http://10.0.0.1/\u00fc', basePath: '/' },
      gathered: {
        ...NOTHING_GATHERED,
        auth: [{ authenticated: true, authorized: true, authType: 'jwt', subject: 'ann' }],
        metadata: { x: { deep: [0, 1.5] } },
        overlay: HeaderMap.from([['x-shown', '1']]),
      },
    });
    expect(await headersOf('read', new RecordingHost(), input)).toEqual({
      'x-lines': '12 true',
      'x-first': 'host=api.example.com',
      'x-missing': 'null',
      'x-line': 'POST /petstore/pets/7?verbose=1 api.example.com https',
      'x-identity': 'r-1 pets-get shop 1700000000000.0',
      'x-rare': '203.0.113.7 00-ab v',
      'x-info': 'under-test v1.0.0 route PetStore',
      'x-auth': 'ann',
      'x-meta': '1.5',
      'x-upstream': 'http://10.0.0.1/\u00fc',
      'x-shown': 'yes',
      'x-downstream': '/was 2',
    });
  });

  it('nothing where nothing was sent', async () => {
    expect(await headersOf('read')).toMatchObject({
      'x-auth': 'nobody',
      'x-meta': '0.0',
      'x-upstream': '',
      'x-shown': 'no',
      'x-downstream': 'none',
      'x-rare': '  ',
    });
  });

  it('bodies, chunks and what is held back', async () => {
    const instance = await probe('');
    const request = { ...hookInput().request, body: body('h\u00e9') };
    expect(callNow(instance, Phase.requestBody, hookInput({ request }))).toEqual({
      kind: 'action',
      action: {
        kind: 'request-changes',
        headers: { set: [['x-body', 'true true false h\u00e9']] },
        body: Uint8Array.from(Buffer.from('<h\u00e9>')),
      },
    });
    expect(callNow(instance, Phase.responseHeaders)).toMatchObject({
      action: { status: 202, headers: { set: [['x-cookies', 'a=1|b=2']] } },
    });
    const sliced = callNow(instance, Phase.responseBody);
    expect(sliced).toMatchObject({ action: { body: Uint8Array.from(Buffer.from('response body')) } });
    const chunk = (data: string) =>
      hookInput({ chunk: { data: Buffer.from(data), endOfStream: true, index: 3, streamId: 1 } });
    const bytes = (text: string) => Uint8Array.from(Buffer.from(text));
    expect(callNow(instance, Phase.requestBodyChunk, chunk('x'))).toEqual({
      kind: 'action',
      action: { kind: 'forward', body: bytes('3.0true') },
    });
    expect(callNow(instance, Phase.requestBodyChunk, chunk(''))).toEqual({ kind: 'none' });
    expect(callNow(instance, Phase.responseBodyChunk, chunk('x'))).toEqual({
      kind: 'action',
      action: { kind: 'forward', body: bytes('') },
    });
    expect(callNow(instance, Phase.responseBodyChunk, chunk('stop'))).toEqual({
      kind: 'action',
      action: { kind: 'terminate', body: bytes('bye') },
    });
    const pending = (fresh: string, total: number) =>
      hookInput({ pending: { fresh: Buffer.from(fresh), total, streamId: 1 } });
    const ask = (fresh: string, total: number) => callNow(instance, Phase.needsMoreRequestData, pending(fresh, total));
    expect(ask('abc', 3)).toEqual({ kind: 'decision', needsMore: true });
    expect(ask('a\nc', 3)).toEqual({ kind: 'decision', needsMore: false });
    expect(ask('abc', 11)).toEqual({ kind: 'decision', needsMore: false });
  });
});

describe('a policy in AssemblyScript answers', () => {
  it('with every field a change of the request can have (P-08, P-14)', async () => {
    expect(callNow(await probe('everything'), Phase.requestHeaders)).toEqual({
      kind: 'action',
      action: {
        kind: 'request-changes',
        headers: { set: [['a', '1']], append: [['b', '\u00ff']], remove: ['c'] },
        overlay: { set: [['d', '4']], append: [['e', '5']], remove: ['f'] },
        path: '/p\u00e4th',
        host: 'h',
        method: 'PUT',
        upstreamName: 'u',
        upstreamSlot: 'sandbox',
        queryAdd: [['q', '\u00fc']],
        querySet: [['r', '']],
        queryRemove: ['s'],
        observations: {
          analyticsMetadata: { a: 1 },
          dynamicMetadata: { n: { a: 1 } },
          analyticsHeaderFilter: { mode: 'deny', names: ['cookie', 'x'] },
        },
        metadataPatch: { m: null },
        auth: { authenticated: true, authorized: true, authType: 'jwt', subject: 'a"b' },
      },
    });
  });

  it('in place of the upstream, with a fault', async () => {
    expect(callNow(await probe('respond'), Phase.requestHeaders)).toEqual({
      kind: 'action',
      action: {
        kind: 'immediate',
        status: 403,
        headers: [
          ['x-why', 'no'],
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
        body: Uint8Array.from(Buffer.from('go away')),
        fault: { code: 900_900, type: 'AUTH', message: 'who "are" you', description: '\u0001' },
      },
    });
  });

  it('that it failed: the first reason counts, and what it returned does not', async () => {
    expect(callNow(await probe('fail'), Phase.requestHeaders)).toEqual({
      kind: 'failure',
      code: 'GUEST_ERROR',
      message: 'the policy reported an error: the first',
    });
    expect(callNow(await probe('wide'), Phase.requestHeaders)).toMatchObject({
      code: 'GUEST_ERROR',
      message: expect.stringContaining('more than one byte'),
    });
  });

  it('by an exception of the language, which ends its call with its text', async () => {
    expect(callNow(await probe('abort'), Phase.requestHeaders)).toMatchObject({
      code: 'TRAP',
      message: expect.stringMatching(/Index out of range \(line \d+\)/),
    });
  });
});

describe('a policy in AssemblyScript asks the host', () => {
  it('for everything there is, and gets the answers', async () => {
    const host = new RecordingHost();
    const { 'x-host': seen } = (await headersOf('host', host)) as { 'x-host': string };
    expect(seen.split(';')).toEqual([
      '1700000000123.0',
      '12.5',
      '7,7,7',
      '{"value":true,"variant":"on","reason":"STATIC"}',
      'true',
      '{"a":1}',
      'true',
      'true-21',
      '1.0',
      'value@1.0',
      // A number like a code is a number all the same.
      '-21.0',
      '2.0',
      'NaN-25',
      'truefalse',
      '1,2,3',
      '4,5',
      '6',
      'true',
      'truefalse',
      'true',
    ]);
    expect(host.calls).toEqual(
      expect.arrayContaining([
        ['log', 'error', 'bad \\u001b[31m news'],
        ['flag', 'new-ui', 'boolean', 'false', '{"targetingKey":"u"}'],
        ['metaSet', 'm', '{"a":1}'],
        ['kvSet', 'ns', 'k', 'value', 500],
        ['kvIncrement', 'ns', 'n', -2.5, 1_000, true],
        ['hash', 'sha-256', 'data'],
        ['hmac', 'sha-256', 'key', 'data'],
        ['sign', 'ES256', 'key', 'data'],
        ['verify', 'ES256', 'key', [115], 'data'],
        ['equal', [97], [98]],
        ['counterAdd', 3, 1],
        ['histogramRecord', 4, 0.5],
        ['resourceGet', 'kind', 'absent'],
      ]),
    );
  });

  it('again when an answer is longer than its room', async () => {
    const host = new RecordingHost();
    expect(await headersOf('large', host)).toEqual({ 'x-large': '2000' });
    expect(host.calls).toHaveLength(2);
  });

  it.each([
    ['denied', 'HOST_DENIED'],
    ['limit', 'HOST_LIMIT'],
    ['too-large', 'HOST_LIMIT'],
    ['deadline', 'DEADLINE_EXCEEDED'],
    ['unavailable', 'HOST_ERROR'],
  ] as const)('and is told no (%s), which becomes %s', async (fault, code) => {
    const host = new RecordingHost();
    host.kvSet = () => hostFault(fault) as never;
    expect(callNow(await probe('fail-host', host), Phase.requestHeaders)).toMatchObject({
      code,
      message: `a host function refused (${fault}): no store`,
    });
  });

  it('of a host that throws, and is answered that it is unavailable', async () => {
    const host = new RecordingHost();
    host.answers.kvSet = () => {
      throw new Error('a defect');
    };
    expect(callNow(await probe('fail-host', host), Phase.requestHeaders)).toMatchObject({ code: 'HOST_ERROR' });
  });

  it('more often than it may, and is refused from then on', async () => {
    expect(
      callNow(await probe('fail-host', new RecordingHost(), { hostCalls: 0 }), Phase.requestHeaders),
    ).toMatchObject({
      code: 'HOST_LIMIT',
    });
  });

  it('for something that takes time, and goes on with the answer', async () => {
    const host = new RecordingHost();
    const instance = await probe('wait', host);
    const headers = { set: [['x-resumed', 'true 104,105 0']] };
    host.httpStart = () => Promise.resolve(Buffer.from('hi'));
    expect(await instance.call(Phase.requestHeaders, hookInput())).toMatchObject({ action: { headers } });
    host.httpStart = () => Promise.resolve(hostFault('deadline'));
    expect(await instance.call(Phase.requestHeaders, hookInput())).toMatchObject({
      action: { headers: { set: [['x-resumed', 'true none -24']] } },
    });
    host.httpStart = () => Promise.reject(new Error('down'));
    expect(await instance.call(Phase.requestHeaders, hookInput())).toMatchObject({
      action: { headers: { set: [['x-resumed', 'true none -26']] } },
    });
  });

  it('and hears of ends', async () => {
    const host = new RecordingHost();
    const instance = await probe('', host);
    instance.streamEnd?.(5, 'terminated');
    await instance.destroy();
    expect(host.calls).toEqual([
      ['log', 'info', 'stream 5 ended by 4'],
      ['log', 'warn', 'gone'],
    ]);
  });
});

describe('a policy in AssemblyScript decides', () => {
  const planOf = (params: object) =>
    policyOf(guest, { granted: EVERYTHING }).plan({ info: INFO, params: params as Record<string, never> });

  it('how its instances are shared, or leaves it to its manifest', async () => {
    expect(await planOf({})).toBeUndefined();
    expect(await planOf({ share: 3 })).toEqual({ scope: 'singleton', shareKey: 'shop/\u00e4' });
    expect(await planOf({ share: 'x' })).toEqual({ scope: 'per-request', shareKey: 'shop/\u00e4' });
    expect(await planOf({ share: 9 })).toMatchObject({ code: 'INIT_FAILED' });
  });

  it('what of its state goes on in its successor (P-70)', async () => {
    const [old, young] = [await probe(''), await probe('')];
    expect(old.exportState()).toBeUndefined();
    expect(old.importState(Buffer.from('\u00e9 1'))).toBe(true);
    const state = old.exportState() as Uint8Array;
    expect(Buffer.from(state).toString()).toBe('\u00e9 1');
    expect(young.importState(state)).toBe(true);
    expect(young.exportState()).toEqual(state);
    expect(young.importState(Buffer.from('no'))).toBe(false);
    await young.destroy();
    expect(young.exportState()).toBeUndefined();
    expect(young.importState(state)).toMatchObject({ code: 'CLOSED' });
  });
});

describe('a module', () => {
  it('imports what its policy uses and nothing else', () => {
    const { imports } = guest.facts;
    const all = Object.values(CAPABILITY_FUNCTIONS)
      .flat()
      // A policy that blocks could run only in a worker.
      .filter((name) => name !== 'http_call')
      .map((name) => `edict.${name}`);
    expect([...imports].sort()).toEqual([...all, 'edict.error', 'env.abort'].sort());
  });
});

describe('the example of docs/policy-abi.md', () => {
  it('is a policy that greets', async () => {
    const read = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
    const shown = /```ts\n(.*?)```/s
      .exec(read('docs/policy-abi.md'))?.[1]
      ?.replaceAll("'../../policy", "'assembly/policy");
    const built = read('test/unit/policy/guest/greet.as').replaceAll(
      "'../../../../assembly/policy",
      "'assembly/policy",
    );
    expect(built.replaceAll('policy/index', 'policy')).toContain(shown);
    const greet = compile(await buildGuestBytes('test/unit/policy/guest/greet', POLICY_OPTIONS));
    const instance = await instanceOf(greet, { text: 'good day' }, { inputs: { headers: ['x-greeting'] } });
    expect(callNow(instance, Phase.requestHeaders)).toEqual({
      kind: 'action',
      action: { kind: 'request-changes', headers: { set: [['x-greeting', 'good day shop']] } },
    });
    const headers = HeaderMap.from([['X-Greeting', 'already']]);
    const greeted = hookInput({ request: { ...hookInput().request, headers } });
    expect(callNow(instance, Phase.requestHeaders, greeted)).toEqual({ kind: 'none' });
  }, 120_000);
});
