/** The eleven disagreements that a second code path leads to (spec: reducer, §2.8): each a regression test. */

import { describe, expect, it } from 'vitest';
import type { RequestStep } from '../../../../src/policy/chain/exchange-steps.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import { bodyOf, ExchangeRig, type Hooks, position, request, response, text } from '../support/exchange-rig.ts';

/** A policy that only looks. */
function watcher(phases: readonly (keyof Hooks)[], seen: HookInput[]): Hooks {
  const look = (input: HookInput): undefined => {
    seen.push(input);
    return undefined;
  };
  return Object.fromEntries(phases.map((phase) => [phase, look]));
}

const changes = 'request-changes' as const;

function forwarded(step: unknown): Extract<RequestStep, { kind: 'forward' }>['mutation'] {
  expect(step).toMatchObject({ kind: 'forward' });
  return (step as Extract<RequestStep, { kind: 'forward' }>).mutation;
}

describe('one reducer, no disagreements (P-48)', () => {
  it('R-01: the next policy sees an appended value', () => {
    const seen: HookInput[] = [];
    const rig = new ExchangeRig(
      [
        position('append', { requestHeaders: () => ({ kind: changes, headers: { append: [['X-Tag', 'b']] } }) }),
        position('look', watcher(['requestHeaders'], seen)),
      ],
      request({ headers: [['x-tag', 'a']] }),
    );
    const mutation = forwarded(rig.exchange.requestHeaders('buffer'));
    expect(seen[0]?.request.headers.get('x-tag')).toEqual(['a', 'b']);
    expect(mutation.headers).toEqual({ remove: [], set: [['x-tag', ['a', 'b']]] });
  });

  it('R-02: any spelling reads, sets and removes the same header in every phase', () => {
    const seen: HookInput[] = [];
    const rig = new ExchangeRig(
      [
        position('set', {
          requestBody: () => ({ kind: changes, headers: { set: [['X-Foo', '1']], remove: ['X-BAR'] } }),
        }),
        position('look', watcher(['requestBody'], seen)),
      ],
      request({ headers: [['x-bar', 'old']] }),
    );
    void rig.exchange.requestHeaders('buffer');
    const mutation = forwarded(rig.exchange.requestBody(bodyOf('x')));
    expect(seen[0]?.request.headers.first('x-foo')).toBe('1');
    expect(seen[0]?.request.headers.first('X-FOO')).toBe('1');
    expect(mutation.headers).toEqual({ remove: ['x-bar'], set: [['x-foo', ['1']]] });
  });

  it('R-03: a query parameter added in a body hook reaches the wire once', () => {
    const rig = new ExchangeRig([
      position('add', { requestBody: () => ({ kind: changes, queryAdd: [['tag', 'a b']] }) }),
    ]);
    void rig.exchange.requestHeaders('buffer');
    expect(forwarded(rig.exchange.requestBody(bodyOf('x'))).path).toBe('/pets/7?limit=5&tag=a%20b');
  });

  it('R-04: a path change of the header phase is seen in the body phase, and both changes survive', () => {
    const seen: HookInput[] = [];
    const rig = new ExchangeRig([
      position('path', { requestHeaders: () => ({ kind: changes, path: '/cats/7', queryAdd: [['a', '1']] }) }),
      position('query', { requestBody: () => ({ kind: changes, queryAdd: [['b', '2']] }) }),
      position('look', watcher(['requestBody'], seen)),
    ]);
    expect(forwarded(rig.exchange.requestHeaders('buffer')).path).toBe('/cats/7?limit=5&a=1');
    expect(forwarded(rig.exchange.requestBody(bodyOf('x'))).path).toBe('/cats/7?limit=5&a=1&b=2');
    expect(seen[0]?.request.path).toBe('/cats/7?limit=5&a=1&b=2');
  });

  it('R-05: remove followed by append leaves only what was appended', () => {
    const rig = new ExchangeRig(
      [
        position('remove', { requestHeaders: () => ({ kind: changes, headers: { remove: ['x-id'] } }) }),
        position('append', { requestHeaders: () => ({ kind: changes, headers: { append: [['x-id', 'ours']] } }) }),
      ],
      request({ headers: [['x-id', 'theirs']] }),
    );
    expect(forwarded(rig.exchange.requestHeaders('buffer')).headers).toEqual({ remove: [], set: [['x-id', ['ours']]] });
  });

  it('R-06: later hooks see a new authority, and the slot reaches the sink', () => {
    const seen: HookInput[] = [];
    const rig = new ExchangeRig([
      position('host', { requestHeaders: () => ({ kind: changes, host: 'other.example', upstreamSlot: 'sandbox' }) }),
      position('look', watcher(['requestHeaders'], seen)),
    ]);
    const mutation = forwarded(rig.exchange.requestHeaders('buffer'));
    expect(seen[0]?.request.authority).toBe('other.example');
    expect(seen[0]?.request.headers.first('host')).toBe('other.example');
    expect(mutation).toMatchObject({ authority: 'other.example', upstreamSlot: 'sandbox' });
  });

  it('R-07: chunks are numbered from 0, each direction by itself', () => {
    const indexes: [string, number | undefined][] = [];
    const note =
      (side: string) =>
      (input: HookInput): undefined => {
        indexes.push([side, input.chunk?.index]);
        return undefined;
      };
    const rig = new ExchangeRig([
      position('stream', {
        requestBody: () => undefined,
        requestChunk: note('request'),
        responseBody: () => undefined,
        responseChunk: note('response'),
      }),
    ]);
    void rig.exchange.requestHeaders('stream');
    const chunk = (data: string, endOfStream = false) => ({ data: Buffer.from(data), endOfStream, streamId: 1 });
    void rig.exchange.requestChunk(chunk('a'));
    void rig.exchange.requestChunk(chunk('b', true));
    void rig.exchange.responseHeaders(response(), 'stream');
    void rig.exchange.responseChunk(chunk('c'));
    expect(indexes).toEqual([
      ['request', 0],
      ['request', 1],
      ['response', 0],
    ]);
  });

  it('R-08: "no action" from a streaming response hook forwards the chunk as it is', () => {
    const rig = new ExchangeRig([
      position('stream', { responseBody: () => undefined, responseChunk: () => undefined }),
    ]);
    void rig.exchange.requestHeaders('none');
    void rig.exchange.responseHeaders(response(), 'stream');
    const data = Buffer.from('data');
    expect(rig.exchange.responseChunk({ data, endOfStream: false, streamId: 1 })).toEqual({
      data,
      ends: false,
      failed: false,
    });
  });

  it('R-09: an immediate response on the response side keeps what earlier policies told analytics', () => {
    const rig = new ExchangeRig([
      position('answer', { responseHeaders: () => ({ kind: 'immediate', status: 418 }) }),
      // Response phases run backward, so this one runs first.
      position('tell', {
        responseHeaders: () => ({ kind: 'response-changes', observations: { analyticsMetadata: { model: 'm-1' } } }),
      }),
    ]);
    void rig.exchange.requestHeaders('none');
    expect(rig.exchange.responseHeaders(response(), 'none')).toMatchObject({
      isReplaced: true,
      response: { status: 418 },
    });
    expect(rig.exchange.gathered.analyticsMetadata).toEqual({ model: 'm-1' });
  });

  it.each(['completed', 'client-aborted', 'upstream-aborted', 'failed', 'terminated'] as const)(
    'R-10: streams end once for each policy that saw one, also when they end as %s (P-67)',
    (reason) => {
      const ends: [string, number, string][] = [];
      const streaming = (name: string): Hooks => ({
        responseBody: () => undefined,
        responseChunk: () => undefined,
        streamEnd: (id, why) => void ends.push([name, id, why]),
      });
      const rig = new ExchangeRig([position('one', streaming('one')), position('two', streaming('two'))]);
      void rig.exchange.requestHeaders('none');
      void rig.exchange.responseHeaders(response(), 'stream');
      void rig.exchange.responseChunk({ data: Buffer.from('x'), endOfStream: true, streamId: 9 });
      rig.exchange.end(reason, 9);
      rig.exchange.end('completed', 9);
      expect(ends.sort()).toEqual([
        ['one', 9, reason],
        ['two', 9, reason],
      ]);
    },
  );

  it('R-11: metadata can be deleted, and layers of authentication are written by any policy (P-14, P-15)', () => {
    const rig = new ExchangeRig([
      position('write', {
        requestHeaders: () => ({
          kind: changes,
          metadataPatch: { keep: 1, drop: 2 },
          auth: { authenticated: true, authorized: true, authType: 'apikey', subject: 'ana' },
        }),
        responseHeaders: () => ({ kind: 'response-changes', metadataPatch: { drop: null } }),
      }),
      position('second', {
        requestHeaders: () => ({ kind: changes, auth: { authenticated: true, authorized: true, authType: 'jwt' } }),
      }),
    ]);
    void rig.exchange.requestHeaders('none');
    void rig.exchange.responseHeaders(response(), 'none');
    expect(rig.exchange.gathered.metadata).toEqual({ keep: 1 });
    expect(rig.exchange.gathered.auth.map(({ authType }) => authType)).toEqual(['jwt', 'apikey']);
  });

  it('keeps the three states of a body apart: keep, clear, replace (P-11)', () => {
    const answers = [undefined, new Uint8Array(0), Buffer.from('new')];
    const bodies = answers.map((body) => {
      const hook = () => ({ kind: changes, ...(body === undefined ? {} : { body }) });
      const rig = new ExchangeRig(
        [position('body', { requestBody: hook })],
        request({ headers: [['content-length', '3']] }),
      );
      void rig.exchange.requestHeaders('buffer');
      const { body: given, headers } = forwarded(rig.exchange.requestBody(bodyOf('old')));
      return [given === undefined ? undefined : text(given), headers.set];
    });
    expect(bodies).toEqual([
      [undefined, []],
      ['', [['content-length', ['0']]]],
      ['new', []],
    ]);
  });
});
