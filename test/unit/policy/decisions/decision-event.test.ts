/** What a decision event says, and what a mask takes out of it before it is kept. */

import { describe, expect, it } from 'vitest';
import { Masks } from '../../../../src/policy/decisions/masks.ts';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { FakeClock } from '../../relay/support/fake-clock.ts';
import { facts, logOf, ScriptedSink, subject } from './support/scripted-sink.ts';

async function eventOf(more: Parameters<typeof facts>[1], masks?: Parameters<typeof Masks.compile>[0]) {
  const clock = new FakeClock();
  const sink = new ScriptedSink();
  let text = '';
  sink.answer = ({ events }) => {
    text = events;
    return { kind: 'sent' };
  };
  const log = logOf(clock, sink, masks === undefined ? {} : { masks });
  log.record(subject(), facts('r-1', more));
  await log.flush();
  return JSON.parse(text) as Record<string, unknown>;
}

const request = {
  headers: HeaderMap.from([
    ['authorization', 'Bearer s3cret'],
    ['x-one', '1'],
    ['x-one', '2'],
  ]),
  path: '/pets?token=s3cret',
  method: 'GET',
  authority: 'api.example',
  scheme: 'https',
};

describe('a decision event', () => {
  it('names who decided what, with the trace it belongs to', async () => {
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
    const records = [
      {
        position: 'limit',
        name: 'quota',
        version: 'v2.0.0',
        phase: Phase.responseBodyChunk,
        outcome: 'failed' as const,
      },
    ].map((record) => ({ ...record, code: 'TRAP' as const, message: 'inside', durationUs: 12.34 }));
    const fault = { code: 900_800, type: 'THROTTLED', message: 'm', description: 'd' };
    const event = await eventOf({ traceparent, records, result: { status: 429, shortCircuit: true, fault } });
    expect(event).toEqual({
      decisionId: 'd-1',
      time: '2026-01-01T00:00:00.000Z',
      tenant: 'shop',
      labels: { team: 'a' },
      revision: 'r1',
      route: 'pets-get',
      policies: [
        {
          name: 'quota',
          version: 'v2.0.0',
          position: 'limit',
          phase: 'RESPONSE_BODY_CHUNK',
          outcome: 'failed',
          code: 'TRAP',
          durationUs: 12.3,
        },
      ],
      result: { status: 429, shortCircuit: true, fault: { code: 900_800, type: 'THROTTLED' } },
      requestId: 'r-1',
      traceId: 'ab'.repeat(16),
      spanId: 'cd'.repeat(8),
      erased: [],
      masked: [],
    });
  });

  it('has no inputs unless they are given, and then without credentials and query', async () => {
    expect(await eventOf({})).not.toHaveProperty('inputs');
    const event = await eventOf({ inputs: { request } });
    expect(JSON.stringify(event)).not.toContain('s3cret');
    expect(event).toMatchObject({
      inputs: { request: { path: '/pets', headers: { 'x-one': ['1', '2'] } } },
      erased: ['/inputs/request/headers/authorization', '/inputs/request/query'],
    });
  });
});

describe('masks', () => {
  it('erase members, put null in place of list items, replace with what they say, and list only what they met', async () => {
    const masks = [
      { pointer: '/inputs/request/headers/authorization', replace: '***' },
      { pointer: '/inputs/request/headers/x-one/0' },
      { pointer: '/inputs/request/headers/x-one/length' },
      { pointer: '/inputs/request/query' },
      { pointer: '/inputs/request/headers/x~1y' },
      { pointer: '/inputs/__proto__/polluted', replace: true },
      { pointer: '/requestId' },
    ];
    const event = await eventOf({ inputs: { request } }, masks);
    expect(event).toMatchObject({
      inputs: { request: { headers: { authorization: '***', 'x-one': [null, '2'] } } },
      erased: ['/inputs/request/headers/x-one/0', '/inputs/request/query', '/requestId'],
      masked: ['/inputs/request/headers/authorization'],
    });
    expect(event).not.toHaveProperty('requestId');
  });

  it('that are no pointers, or would hide which event it is, are refused with all reasons at once', () => {
    const refused = Masks.compile([
      { pointer: 'inputs' },
      { pointer: '/a~2' },
      { pointer: '/tenant' },
      { pointer: '/x' },
    ]);
    expect(refused).toEqual({
      problems: [
        'mask "inputs" is no JSON pointer',
        'mask "/a~2" is no JSON pointer',
        'mask "/tenant" touches what identifies the event',
      ],
    });
  });
});
