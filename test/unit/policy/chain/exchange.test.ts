import { describe, expect, it } from 'vitest';
import type { RequestStep } from '../../../../src/policy/chain/exchange-steps.ts';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import type { Outcome } from '../../../../src/policy/model/instance.ts';
import { settleHeaders, streamedHeaders } from '../../../../src/policy/reduce/derive.ts';
import { bodyOf, ExchangeRig, type Hooks, position, request, response, text } from '../support/exchange-rig.ts';

const changes = 'request-changes' as const;

/** A policy that notes each of its hooks. */
function noting(key: string, log: string[], hooks: readonly (keyof Hooks)[], more = {}) {
  const note = (hook: string) => (): undefined => {
    log.push(`${key}.${hook}`);
    return undefined;
  };
  return position(key, Object.fromEntries(hooks.map((hook) => [hook, note(hook)])), more);
}

const ALL = ['requestHeaders', 'requestBody', 'responseHeaders', 'responseBody'] as const;

describe('order', () => {
  it('requests run forward, responses backward, all headers of a direction before any body (P-01, P-02, P-20)', () => {
    const log: string[] = [];
    const rig = new ExchangeRig({
      system: [noting('s', log, ALL)],
      api: [noting('a', log, ALL)],
      operation: [noting('o', log, ALL)],
    });
    void rig.exchange.requestHeaders('buffer');
    void rig.exchange.requestBody(bodyOf('x'));
    void rig.exchange.responseHeaders(response(), 'buffer');
    void rig.exchange.responseBody(bodyOf('y'));
    expect(log).toEqual([
      's.requestHeaders',
      'a.requestHeaders',
      'o.requestHeaders',
      's.requestBody',
      'a.requestBody',
      'o.requestBody',
      'o.responseHeaders',
      'a.responseHeaders',
      's.responseHeaders',
      'o.responseBody',
      'a.responseBody',
      's.responseBody',
    ]);
  });

  it('a late position runs its header hook after the body hooks of its direction (P-49, U-02)', () => {
    const log: string[] = [];
    const rig = new ExchangeRig([
      noting('late', log, ['requestHeaders', 'responseHeaders'], { late: true }),
      noting('body', log, ALL),
    ]);
    void rig.exchange.requestHeaders('buffer');
    void rig.exchange.requestBody(bodyOf('x'));
    void rig.exchange.responseHeaders(response(), 'none');
    expect(log).toEqual([
      'body.requestHeaders',
      'body.requestBody',
      'late.requestHeaders',
      'body.responseHeaders',
      'body.responseBody',
      'late.responseHeaders',
    ]);
  });

  it('body hooks of a message without a body run in the header step, with present false (P-06)', () => {
    const seen: HookInput[] = [];
    const rig = new ExchangeRig(
      [position('body', { requestBody: (input) => void seen.push(input) })],
      request({ method: 'GET' }),
    );
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ kind: 'forward' });
    expect(seen.map(({ request: { body } }) => body.present)).toEqual([false]);
  });

  it('header changes take effect before the body is awaited (U-01)', () => {
    const rig = new ExchangeRig([
      position('auth', { requestHeaders: () => ({ kind: changes, headers: { set: [['authorization', 'x']] } }) }),
      position('body', { requestBody: () => undefined }),
    ]);
    expect(rig.exchange.requestHeaders('buffer')).toMatchObject({
      mutation: { headers: { set: [['authorization', ['x']]] } },
    });
  });

  it('a disabled position is skipped and keeps its place (P-22)', () => {
    const log: string[] = [];
    const off = noting('off', log, ALL, { enabled: false });
    const rig = new ExchangeRig([off, noting('on', log, ALL)]);
    void rig.exchange.requestHeaders('none');
    expect(log).toEqual(['on.requestHeaders', 'on.requestBody']);
  });
});

describe('immediate responses', () => {
  it('end the phase, and no ordinary response policy runs (P-09, P-20)', () => {
    const log: string[] = [];
    const rig = new ExchangeRig([
      noting('first', log, ALL),
      position('answer', {
        requestHeaders: () => ({
          kind: 'immediate',
          status: 429,
          headers: [['retry-after', '3']],
          body: Buffer.from('slow'),
        }),
      }),
      noting('never', log, ALL),
    ]);
    const step = rig.exchange.requestHeaders('none');
    expect(step).toMatchObject({ kind: 'respond', response: { status: 429 } });
    const { headers, body } = (step as Extract<RequestStep, { kind: 'respond' }>).response;
    expect(Object.fromEntries(headers.entries())).toEqual({ 'retry-after': ['3'], 'content-length': ['4'] });
    expect(text(body.content)).toBe('slow');
    expect(log).toEqual(['first.requestHeaders']);
  });

  it('pass onFault only with a fault, and finally always (P-50)', () => {
    const after: string[] = [];
    const mark = (name: string) =>
      position(name, {
        responseHeaders: () => {
          after.push(name);
          return { kind: 'response-changes', headers: { set: [[`x-${name}`, 'yes']] } };
        },
      });
    const answer = (fault?: object) =>
      position('answer', { requestHeaders: () => ({ kind: 'immediate', status: 401, ...fault }) as never });
    const fault = { fault: { code: 900_901, type: 'AUTH', message: 'no', description: '' } };
    for (const given of [undefined, fault]) {
      after.length = 0;
      const rig = new ExchangeRig({ operation: [answer(given)], onFault: [mark('fault')], finally: [mark('last')] });
      const step = rig.exchange.requestHeaders('none') as { response: { headers: { has(name: string): boolean } } };
      expect(after).toEqual(given === undefined ? ['last'] : ['fault', 'last']);
      expect(step.response.headers.has('x-last')).toBe(true);
    }
  });

  it('from finally they are counted and ignored', () => {
    const rig = new ExchangeRig({
      finally: [position('last', { responseHeaders: () => ({ kind: 'immediate', status: 500 }) })],
    });
    void rig.exchange.requestHeaders('none');
    expect(rig.exchange.responseHeaders(response(), 'none')).toMatchObject({
      response: { status: 200 },
      isReplaced: false,
    });
    expect(rig.outcomes).toEqual(['last/3: skipped']);
  });
});

describe('failures', () => {
  const failing = { requestHeaders: (): Outcome => policyFailure('TRAP', 'secret detail') };

  it('closed: the client gets an engine fault with one id in body and header, and nothing of the inside (P-21, P-51)', () => {
    const rig = new ExchangeRig([position('bad', failing)]);
    const step = rig.exchange.requestHeaders('none') as {
      response: { status: number; headers: { first(n: string): string }; body: { content: Uint8Array } };
    };
    expect(step.response.status).toBe(500);
    expect(step.response.headers.first('x-error-id')).toBe('error-1');
    expect(JSON.parse(text(step.response.body.content))).toEqual({
      error: 'Internal policy error',
      error_id: 'error-1',
    });
    expect(rig.outcomes).toEqual(['bad/1: TRAP']);
  });

  it('open: the chain goes on as if nothing was said (P-51)', () => {
    const log: string[] = [];
    const rig = new ExchangeRig([
      position('bad', failing, { failureMode: 'open' }),
      noting('next', log, ['requestHeaders']),
    ]);
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ kind: 'forward' });
    expect(log).toEqual(['next.requestHeaders']);
  });

  it('fallback: the constant action stands in (P-51)', () => {
    const fallback = { kind: 'immediate', status: 503 } as const;
    const rig = new ExchangeRig([position('bad', failing, { failureMode: { fallback } })]);
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ kind: 'respond', response: { status: 503 } });
  });

  it('a position whose policy is missing is never passed (P-64, U-04)', () => {
    const missing = position(
      'gone',
      {},
      { instance: policyFailure('POLICY_MISSING', 'not there'), failureStatus: 503 },
    );
    const rig = new ExchangeRig([missing]);
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ kind: 'respond', response: { status: 503 } });
  });

  it('an action with one bad field is not applied at all', () => {
    const rig = new ExchangeRig([
      position(
        'bad',
        {
          requestHeaders: () => ({
            kind: changes,
            headers: {
              set: [
                ['x-good', '1'],
                ['x-bad', 'a\r\nb'],
              ],
            },
          }),
        },
        { failureMode: 'open' },
      ),
    ]);
    expect(rig.exchange.requestHeaders('none')).toEqual({
      kind: 'forward',
      mutation: { headers: { remove: [], set: [] } },
    });
    expect(rig.outcomes).toEqual(['bad/1: ACTION_INVALID']);
  });

  it('the time of a step is that of its policies: neither client nor handler nor pause counts (P-52)', () => {
    const deadlines: number[] = [];
    const noted = ({ exchange }: HookInput): undefined => void deadlines.push(exchange.deadline);
    const rig = new ExchangeRig(
      [
        position('all', {
          requestHeaders: noted,
          requestBody: noted,
          responseHeaders: noted,
          responseBody: noted,
          responseChunk: noted,
        }),
      ],
      request(),
      0,
      100,
    );
    void rig.exchange.requestHeaders('buffer');
    rig.nowMs += 10_000;
    void rig.exchange.requestBody(bodyOf('x'));
    rig.nowMs += 10_000;
    void rig.exchange.responseHeaders(response(), 'stream');
    rig.nowMs += 10_000;
    void rig.exchange.responseChunk({ data: Buffer.from('x'), endOfStream: false, streamId: 1 });
    expect(deadlines).toEqual([1_100, 11_100, 21_100, 31_100]);
    expect(rig.outcomes.every((outcome) => outcome.endsWith('none'))).toBe(true);
  });

  it('past the deadline of the chain nobody runs any more (P-52)', () => {
    const rig = new ExchangeRig([
      position('slow', {
        requestHeaders: () => {
          rig.nowMs = 5_000;
          return undefined;
        },
      }),
      position('next', { requestHeaders: () => undefined }),
    ]);
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ kind: 'respond', response: { status: 500 } });
    expect(rig.outcomes).toEqual(['slow/1: none', 'next/1: DEADLINE_EXCEEDED']);
  });

  it('a truncated body fails every position that wants it, unless it accepts that (V-27)', () => {
    const hooks: Hooks = { requestBody: () => undefined };
    const closed = new ExchangeRig([position('body', hooks)]);
    void closed.exchange.requestHeaders('buffer');
    expect(closed.exchange.requestBody(bodyOf('x', { truncated: true }))).toMatchObject({ kind: 'respond' });
    const accepting = new ExchangeRig([position('body', hooks, { acceptsTruncated: true })]);
    void accepting.exchange.requestHeaders('buffer');
    expect(accepting.exchange.requestBody(bodyOf('x', { truncated: true }))).toMatchObject({ kind: 'forward' });
  });

  it('chunks: closed ends the stream with nothing, open forwards unchanged', () => {
    const hooks: Hooks = { responseBody: () => undefined, responseChunk: () => policyFailure('TRAP', 'x') };
    const chunk = { data: Buffer.from('data'), endOfStream: false, streamId: 1 };
    const run = (failureMode: 'open' | 'closed') => {
      const rig = new ExchangeRig([position('bad', hooks, { failureMode })]);
      void rig.exchange.requestHeaders('none');
      void rig.exchange.responseHeaders(response(), 'stream');
      return rig.exchange.responseChunk(chunk);
    };
    expect(run('open')).toEqual({ data: chunk.data, ends: false, failed: false });
    expect(run('closed')).toEqual({ data: new Uint8Array(0), ends: true, failed: true });
  });
});

describe('conditions', () => {
  const condition = (answers: (boolean | { error: string })[]) => ({
    source: 'test',
    test: () => answers.shift() ?? true,
  });

  it('are asked per phase, or once with sticky (P-22)', () => {
    for (const [sticky, expected] of [
      [false, ['a/1: skipped', 'a/2: none']],
      [true, ['a/1: skipped', 'a/2: skipped']],
    ] as const) {
      const hooks: Hooks = { requestHeaders: () => undefined, requestBody: () => undefined };
      const rig = new ExchangeRig([position('a', hooks, { condition: condition([false, true]), sticky })]);
      void rig.exchange.requestHeaders('none');
      expect(rig.outcomes).toEqual(expected);
    }
  });

  it('that cannot be evaluated follow the failure mode', () => {
    const rig = new ExchangeRig([
      position('a', { requestHeaders: () => undefined }, { condition: condition([{ error: 'no such header' }]) }),
    ]);
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ kind: 'respond', response: { status: 500 } });
    expect(rig.outcomes).toEqual(['a/1: CONDITION_ERROR']);
  });
});

describe('policies that take their time', () => {
  it('mix with others in one chain, and the answer is the same (P-37)', async () => {
    const set = (name: string) => ({ kind: changes, headers: { set: [[name, '1'] as const] } });
    const rig = new ExchangeRig([
      position('sync', { requestHeaders: () => set('a') }),
      position('async', { requestHeaders: async () => set('b') }),
      position('sync-2', { requestHeaders: () => set('c') }),
    ]);
    const step = rig.exchange.requestHeaders('none');
    expect(step).toBeInstanceOf(Promise);
    expect(await step).toMatchObject({
      mutation: {
        headers: {
          set: [
            ['a', ['1']],
            ['b', ['1']],
            ['c', ['1']],
          ],
        },
      },
    });
  });

  it('a chain of synchronous policies answers at once', () => {
    const rig = new ExchangeRig([position('sync', { requestHeaders: () => undefined })]);
    expect(rig.exchange.requestHeaders('none')).not.toBeInstanceOf(Promise);
  });
});

describe('snapshots', () => {
  it('are the same object, unchanged, for every policy (P-13)', () => {
    const seen: unknown[] = [];
    const hook = (input: HookInput) => {
      seen.push(input.downstream);
      return { kind: changes, path: '/other', headers: { set: [['x', '1'] as const] } };
    };
    const rig = new ExchangeRig([position('one', { requestHeaders: hook }), position('two', { requestHeaders: hook })]);
    void rig.exchange.requestHeaders('none');
    expect(seen[0]).toBe(seen[1]);
    expect(seen[0]).toMatchObject({ path: '/pets/7?limit=5', method: 'POST' });
    expect(Object.isFrozen(seen[0])).toBe(true);
  });

  it('an overlay is seen by later policies and never on the wire (P-18)', () => {
    const seen: HookInput[] = [];
    const rig = new ExchangeRig([
      position('overlay', { requestHeaders: () => ({ kind: changes, overlay: { set: [['X-Plan', 'gold']] } }) }),
      position('look', { requestHeaders: (input) => void seen.push(input) }),
    ]);
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ mutation: { headers: { remove: [], set: [] } } });
    expect(seen[0]?.gathered.overlay.first('x-plan')).toBe('gold');
  });
});

describe('streams', () => {
  const chunk = (data: string, endOfStream = false) => ({ data: Buffer.from(data), endOfStream, streamId: 1 });

  it('each policy gets the bytes of the one before, responses backward (P-02)', () => {
    const suffix = (letter: string): Hooks => ({
      responseBody: () => undefined,
      responseChunk: ({ chunk: part }) => ({
        kind: 'forward',
        body: Buffer.concat([part?.data ?? Buffer.of(), Buffer.from(letter)]),
      }),
    });
    const rig = new ExchangeRig([position('a', suffix('a')), position('b', suffix('b'))]);
    void rig.exchange.requestHeaders('none');
    void rig.exchange.responseHeaders(response(), 'stream');
    expect(text((rig.exchange.responseChunk(chunk('-')) as { data: Uint8Array }).data)).toBe('-ba');
  });

  it('terminate delivers its bytes, runs no further policy, and ends without an error (P-10)', () => {
    const log: string[] = [];
    const rig = new ExchangeRig([
      noting('never', log, ['responseBody', 'responseChunk']),
      position('end', {
        responseBody: () => undefined,
        responseChunk: () => ({ kind: 'terminate', body: Buffer.from('bye') }),
      }),
    ]);
    void rig.exchange.requestHeaders('none');
    void rig.exchange.responseHeaders(response(), 'stream');
    expect(rig.exchange.responseChunk(chunk('x'))).toEqual({ data: Buffer.from('bye'), ends: true, failed: false });
    expect(log).toEqual([]);
  });

  it('a query is not asked where the condition does not hold; an error of the condition counts as true (P-07)', () => {
    const ask = (holds: boolean | { error: string }) => {
      const condition = { source: 'c', test: () => holds };
      const hooks: Hooks = {
        responseBody: () => undefined,
        responseChunk: () => undefined,
        needsMoreResponse: () => true,
      };
      const rig = new ExchangeRig([position('p', hooks, { condition })]);
      return rig.exchange.needsMore('response', { fresh: Buffer.from('x'), total: 1, streamId: 1 });
    };
    expect([ask(true), ask(false), ask({ error: 'no such header' })]).toEqual([true, false, true]);
  });

  it('digests of a changed body are dropped, or kept where the operator says so (P-34, U-15)', () => {
    const base = { headers: HeaderMap.from([['content-digest', 'x']]), body: bodyOf('old') };
    const view = { ...base, body: bodyOf('new') };
    expect(settleHeaders(base, view).has('content-digest')).toBe(false);
    expect(settleHeaders(base, view, 'keep').has('content-digest')).toBe(true);
    expect(settleHeaders(base, base).has('content-digest')).toBe(true);
    expect(streamedHeaders(base.headers).has('content-digest')).toBe(false);
    expect(streamedHeaders(base.headers, 'keep').has('content-digest')).toBe(true);
  });

  it('more is needed while any policy says so; a query that fails counts as no (P-07)', () => {
    const asking = (answer: boolean | Outcome): Hooks => ({
      requestBody: () => undefined,
      requestChunk: () => undefined,
      needsMoreRequest: () => answer as boolean,
    });
    const ask = (...answers: (boolean | Outcome)[]) =>
      new ExchangeRig(answers.map((answer, i) => position(`p${i}`, asking(answer)))).exchange.needsMore('request', {
        fresh: Buffer.from('x'),
        total: 1,
        streamId: 1,
      });
    expect(ask(false, true)).toBe(true);
    expect(ask(false, false)).toBe(false);
    expect(ask(policyFailure('TRAP', 'x'))).toBe(false);
  });
});
