import { afterEach, describe, expect, it } from 'vitest';
import { RelayQuestions } from '../../../src/evaluator/remote-questions.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { RelayConnection } from '../../../src/relay/connection.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import type { Handler } from '../relay/support/scripted-relay.ts';
import { inTurn, json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function asking(handler: Handler, options: EdictOptions = {}) {
  const clock = new FakeClock();
  const relay = await ScriptedRelay.start(handler);
  const resolved = resolveOptions({ endpoint: relay.url, clock, ...options });
  const connection = new RelayConnection({ ...resolved, endpoint: resolved.endpoint ?? [] });
  open.push(connection, relay);
  return { relay, clock, questions: new RelayQuestions(connection, resolved) };
}

const answer = (members: object): Handler => json(JSON.stringify({ key: 'flag', ...members }));

describe('an answer as a resolution', () => {
  it('has value, variant, reason and metadata as the relay gave them, without its word to caches (GOFF-REM-003, GOFF-EVAL-009, D-59, GOFF-EVAL-007, GOFF-EVAL-010)', async () => {
    const metadata = {
      owner: 'payments',
      nested: { list: [1, { a: null }] },
      version: '7',
    };
    const sent = { ...metadata, gofeatureflag_cacheable: true };
    const { questions } = await asking(answer({ value: 7, variant: 'v', reason: 'MY_OWN reason', metadata: sent }));
    const given = await questions.ask('flag', {});
    expect(given).toEqual({
      kind: 'answered',
      resolution: {
        flagKey: 'flag',
        value: 7,
        variant: 'v',
        reason: 'MY_OWN reason',
        errorCode: undefined,
        errorMessage: undefined,
        engineCode: undefined,
        metadata,
        ruleIndex: undefined,
        ruleName: undefined,
        version: '7',
        trackEvents: true,
        cacheable: true,
      },
    });
    expect(given.kind === 'answered' && Object.isFrozen(given.resolution)).toBe(true);
  });

  it.each([
    ['absent', {}],
    ['null', { value: null }],
  ])('of a disabled flag, value %s, leaves room for the default (D-53, D-54, GOFF-EVAL-008)', async (_, value) => {
    const { questions } = await asking(answer({ ...value, reason: 'DISABLED', variant: 'SdkDefault' }));
    expect(await questions.ask('flag', {})).toMatchObject({
      resolution: { value: null, reason: 'DISABLED', variant: 'SdkDefault', errorCode: undefined },
    });
  });

  it('without reason and variant says UNKNOWN, and SdkDefault where the default belongs', async () => {
    const { questions } = await asking(inTurn(answer({ value: false }), answer({})));
    expect(await questions.ask('flag', {})).toMatchObject({ resolution: { reason: 'UNKNOWN', variant: '' } });
    expect(await questions.ask('flag', {})).toMatchObject({ resolution: { reason: 'UNKNOWN', variant: 'SdkDefault' } });
  });

  it.each(['PARSE_ERROR', 'TARGETING_KEY_MISSING', 'INVALID_CONTEXT', 'TYPE_MISMATCH', 'GENERAL', 'FLAG_NOT_FOUND'])(
    'with the code %s keeps it, and the details are the message (GOFF-ERR-001, GOFF-ERR-003)',
    async (errorCode) => {
      const body = JSON.stringify({ key: 'flag', errorCode, errorDetails: 'what happened' });
      const { questions } = await asking(reply(errorCode === 'FLAG_NOT_FOUND' ? 404 : 400, body));
      expect(await questions.ask('flag', {})).toMatchObject({
        kind: 'answered',
        resolution: { value: null, reason: 'ERROR', errorCode, errorMessage: 'what happened', engineCode: errorCode },
      });
    },
  );

  it.each(['FLAG_CONFIG', 'SOMETHING_NEW', '__proto__', 'toString'])(
    'with the code %s, which OpenFeature lacks, is GENERAL with the code in front (D-58, GOFF-ERR-002)',
    async (errorCode) => {
      const { questions } = await asking(reply(400, JSON.stringify({ errorCode, errorDetails: 'odd' })));
      expect(await questions.ask('flag', {})).toMatchObject({
        resolution: { errorCode: 'GENERAL', errorMessage: `${errorCode}: odd`, engineCode: errorCode },
      });
    },
  );

  it('never quotes the credential back', async () => {
    const { questions } = await asking(reply(400, '{"errorCode":"GENERAL","errorDetails":"key sesame-1 is odd"}'), {
      apiKey: 'sesame-1',
    });
    expect(await questions.ask('flag', {})).toMatchObject({ resolution: { errorMessage: 'key [redacted] is odd' } });
  });

  it('with members that mean something on every object takes nothing from their prototypes', async () => {
    const { questions } = await asking(
      json('{"key":"constructor","value":1,"metadata":{"__proto__":{"version":"x"}}}'),
    );
    expect(await questions.ask('constructor', {})).toMatchObject({
      resolution: { flagKey: 'constructor', version: '' },
    });
  });
});

describe('a context', () => {
  it('that cannot travel is the caller’s INVALID_CONTEXT, without a request', async () => {
    const { questions, relay } = await asking(answer({ value: 1 }));
    const context: Record<string, unknown> = {};
    context['self'] = context;
    const given = await questions.ask('flag', context);
    expect(given).toMatchObject({ kind: 'failed', error: { code: 'INVALID_CONTEXT' } });
    expect(relay.requests).toHaveLength(0);
  });
});

describe('Retry-After (D-29, GOFF-REM-004)', () => {
  it('keeps every question back until then, single and bulk, and answers RATE_LIMITED at once', async () => {
    const { questions, relay, clock } = await asking(
      inTurn(reply(429, '', { 'retry-after': '10' }), answer({ value: 1 })),
    );
    expect(await questions.ask('flag', {})).toMatchObject({ error: { code: 'RATE_LIMITED' }, retryAfterMs: 10_000 });
    await clock.advance(9_999);
    expect(await questions.ask('flag', {})).toMatchObject({ error: { code: 'RATE_LIMITED' }, retryAfterMs: 1 });
    expect(await questions.askForAll('{}', undefined)).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    expect(relay.requests).toHaveLength(1);
    await clock.advance(1);
    expect(await questions.ask('flag', {})).toMatchObject({ kind: 'answered' });
    expect(relay.requests).toHaveLength(2);
  });

  it('as a date counts from the wall clock, waits on the monotonic one, and is clamped', async () => {
    const { questions, clock } = await asking(
      inTurn(reply(503, '', { 'retry-after': 'Fri, 02 Jan 2026 00:00:00 GMT' }), answer({ value: 1 })),
      { maxRetryAfterMs: 5_000 },
    );
    expect(await questions.ask('flag', {})).toMatchObject({ error: { code: 'UNAVAILABLE' }, retryAfterMs: 5_000 });
    clock.wallMs += 86_400_000;
    expect(await questions.ask('flag', {})).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    await clock.advance(5_000);
    expect(await questions.ask('flag', {})).toMatchObject({ kind: 'answered' });
  });

  it('in the past or unreadable keeps nothing back', async () => {
    for (const value of ['Wed, 31 Dec 2025 00:00:00 GMT', '0', '-3', 'soon']) {
      const { questions, relay } = await asking(reply(429, '', { 'retry-after': value }));
      await questions.ask('flag', {});
      await questions.ask('flag', {});
      expect(relay.requests).toHaveLength(2);
    }
  });

  it('of one address says nothing about the next (D-40)', async () => {
    const other = await ScriptedRelay.start(answer({ value: 'other' }));
    const first = await ScriptedRelay.start(reply(503, '', { 'retry-after': '30' }));
    open.push(other, first);
    const { questions } = await asking(() => undefined, { endpoint: [first.url, other.url] });
    expect(await questions.ask('flag', {})).toMatchObject({ error: { code: 'UNAVAILABLE' } });
    expect(await questions.ask('flag', {})).toMatchObject({ resolution: { value: 'other' } });
    expect([first.requests.length, other.requests.length]).toEqual([1, 1]);
  });
});

describe('many flags', () => {
  it('come in the relay’s order, with errors as resolutions', async () => {
    const { questions } = await asking(
      json(
        '{"flags":[{"key":"b","value":1,"reason":"STATIC","variant":"v"},{"key":"a","value":null,"reason":"ERROR","errorCode":"FLAG_CONFIG","errorDetails":"x"}]}',
        { etag: '"e"' },
      ),
    );
    expect(await questions.askForAll('{}', undefined)).toMatchObject({
      kind: 'answered',
      validator: '"e"',
      resolutions: [
        { flagKey: 'b', value: 1 },
        { flagKey: 'a', value: null, errorCode: 'GENERAL', errorMessage: 'FLAG_CONFIG: x' },
      ],
    });
  });

  it('refused as a whole are one resolution for all', async () => {
    const { questions } = await asking(reply(400, '{"errorCode":"INVALID_CONTEXT","errorDetails":"x"}'));
    expect(await questions.askForAll('{}', undefined)).toMatchObject({
      kind: 'refused',
      resolution: { errorCode: 'INVALID_CONTEXT' },
    });
  });
});
