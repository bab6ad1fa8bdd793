/** What hooks do beside the message: metadata that is set while a hook runs, and its limits. */

import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../../src/internal/json.ts';
import { Chain } from '../../../../src/policy/chain/chain.ts';
import type { HookRecord } from '../../../../src/policy/chain/decision.ts';
import { Exchange } from '../../../../src/policy/chain/exchange.ts';
import { type Position, positionOf } from '../../../../src/policy/chain/position.ts';
import { policyFailure } from '../../../../src/policy/model/failure.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import type { Outcome, PolicyInstance } from '../../../../src/policy/model/instance.ts';
import type { ProcessingModes } from '../../../../src/policy/model/modes.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { METADATA_LIMITS } from '../../../../src/policy/reduce/metadata.ts';
import { EXCHANGE, hookInput } from '../guest/support/guest-rig.ts';

type Hook = (phase: Phase, input: HookInput) => Outcome | Promise<Outcome>;

const HEADERS: ProcessingModes = {
  requestHeaders: 'process',
  requestBody: 'skip',
  responseHeaders: 'process',
  responseBody: 'stream',
};

function position(key: string, hook: Hook, more: Partial<Position> = {}): Position {
  const instance: PolicyInstance = { modes: HEADERS, call: hook, destroy: () => undefined };
  return positionOf({ key, policy: { name: key, version: 'v1.0.0' }, instance, ...more });
}

const sets = (metadataPatch: Record<string, JsonValue>): Outcome => ({ kind: 'none', effects: { metadataPatch } });

function exchangeOf(positions: Position[], records: HookRecord[] = []): Exchange {
  const { request } = hookInput();
  return new Exchange(new Chain({ operation: positions }), { ...EXCHANGE, deadline: 2_000_000_000_000 }, request, {
    now: () => 1,
    monotonic: () => 1,
    errorId: () => 'e',
    record: (record) => records.push(record),
  });
}

describe('metadata that a hook sets while it answers that nothing changes', () => {
  it('P-15 is seen by the next policy, in the response phase too, and can be deleted', () => {
    const seen: unknown[] = [];
    const first = position('first', (phase) =>
      phase === Phase.requestHeaders ? sets({ a: 1, b: { c: true } }) : { kind: 'none' },
    );
    const second = position('second', (_phase, input) => {
      seen.push(input.gathered.metadata);
      return sets({ a: null });
    });
    const exchange = exchangeOf([first, second]);
    expect(exchange.requestHeaders('none')).toMatchObject({ kind: 'forward' });
    exchange.responseHeaders(hookInput().response!, 'none');
    // Request headers, response headers, and the body hook of a response without a body.
    expect(seen).toEqual([{ a: 1, b: { c: true } }, { b: { c: true } }, { b: { c: true } }]);
    expect(exchange.gathered.metadata).toEqual({ b: { c: true } });
  });

  it('is recorded as a hook that changed nothing of the message', () => {
    const records: HookRecord[] = [];
    const exchange = exchangeOf([position('first', () => sets({ a: 1 }))], records);
    exchange.requestHeaders('none');
    expect(records.map(({ outcome }) => outcome)).toEqual(['none']);
  });

  it('is kept when it comes with a promise, and from a chunk hook', async () => {
    const exchange = exchangeOf([position('later', () => Promise.resolve(sets({ later: true })))]);
    await exchange.requestHeaders('none');
    exchange.responseHeaders(hookInput().response!, 'stream');
    expect(exchange.gathered.metadata).toEqual({ later: true });
    const chunks = exchangeOf([position('chunk', () => sets({ chunk: 1 }))]);
    chunks.responseHeaders(hookInput().response!, 'stream');
    chunks.responseChunk({ data: Buffer.from('x'), endOfStream: true, streamId: 1 });
    expect(chunks.gathered.metadata).toEqual({ chunk: 1 });
  });

  it('is dropped with a hook that fails', () => {
    const exchange = exchangeOf([position('fails', () => policyFailure('GUEST_ERROR', 'no'), { failureMode: 'open' })]);
    exchange.requestHeaders('none');
    expect(exchange.gathered.metadata).toEqual({});
  });
});

describe('the limits of metadata', () => {
  const failing = (patch: Record<string, JsonValue>, more: Partial<Position> = {}): string | undefined => {
    const records: HookRecord[] = [];
    const exchange = exchangeOf([position('p', () => sets(patch), more)], records);
    expect(exchange.requestHeaders('none')).toMatchObject({
      kind: records[0]?.code === undefined ? 'forward' : 'respond',
    });
    if (records[0]?.code !== undefined) expect(exchange.gathered.metadata).toEqual({});
    return records[0]?.code;
  };
  const keys = (count: number): Record<string, JsonValue> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));

  it('P-66 refuse a key that was not declared, from effects and from actions', () => {
    const grants = { metadataWrites: new Set(['mine']) };
    expect(failing({ mine: 1 }, { grants })).toBeUndefined();
    expect(failing({ other: 1 }, { grants })).toBe('ACTION_INVALID');
    expect(failing({ mine: 1, other: null }, { grants })).toBe('ACTION_INVALID');
    const records: HookRecord[] = [];
    const action: Outcome = { kind: 'action', action: { kind: 'request-changes', metadataPatch: { other: 1 } } };
    exchangeOf([position('p', () => action, { grants })], records).requestHeaders('none');
    expect(records[0]).toMatchObject({ code: 'ACTION_INVALID' });
    expect(records[0]?.message).toContain('"other"');
  });

  it('P-66 are 64 keys, 16 KiB a value and 64 KiB in all, each one below and one above', () => {
    expect(failing(keys(METADATA_LIMITS.keys))).toBeUndefined();
    expect(failing(keys(METADATA_LIMITS.keys + 1))).toBe('ACTION_INVALID');
    expect(failing({ a: 'x'.repeat(METADATA_LIMITS.valueBytes - 2) })).toBeUndefined();
    expect(failing({ a: 'x'.repeat(METADATA_LIMITS.valueBytes - 1) })).toBe('ACTION_INVALID');
    // Four values of 16 KiB and their keys.
    const value = 'x'.repeat(METADATA_LIMITS.totalBytes / 4 - 3);
    expect(failing({ a: value, b: value, c: value, d: value })).toBeUndefined();
    expect(failing({ a: value, b: value, c: value, dd: value })).toBe('ACTION_INVALID');
  });

  it('count what other policies have set, and never stand against deleting', () => {
    const records: HookRecord[] = [];
    const first = position('first', () => sets(keys(METADATA_LIMITS.keys)));
    const second = position('second', () => sets({ more: 1 }), { failureMode: 'open' });
    const third = position('third', () => sets({ k0: null, more: 1 }));
    const exchange = exchangeOf([first, second, third], records);
    exchange.requestHeaders('none');
    expect(records.map(({ outcome }) => outcome)).toEqual(['none', 'failed', 'none']);
    expect(Object.keys(exchange.gathered.metadata)).toHaveLength(METADATA_LIMITS.keys);
    expect(exchange.gathered.metadata).toMatchObject({ more: 1 });
  });
});
