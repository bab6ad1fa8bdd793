import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import type { UsageEvent } from '../../../../src/server/collector/usage-event.ts';
import { readUsageEvent, usageEventText } from '../../../../src/server/collector/usage-event.ts';

function read(raw: JsonObject, meta?: JsonObject): UsageEvent {
  const outcome = readUsageEvent(raw, meta);
  if ('problem' in outcome) throw new Error(outcome.problem);
  return outcome.event;
}

describe('readUsageEvent', () => {
  it('gives absent and null fields the zero of their type, and a source', () => {
    const empty = {
      kind: 'feature',
      contextKind: '',
      userKey: '',
      creationDate: 0,
      key: '',
      variation: '',
      value: null,
      default: false,
      version: '',
      source: 'PROVIDER_CACHE',
      metadata: undefined,
    };
    expect(read({})).toEqual(empty);
    expect(read({ userKey: null, creationDate: null, default: null, source: null, metadata: null })).toEqual(empty);
    expect(read({ kind: 'tracking' })).toEqual({
      kind: 'tracking',
      contextKind: '',
      userKey: '',
      creationDate: 0,
      key: '',
      evaluationContext: null,
      trackingEventDetails: null,
    });
  });

  it.each([undefined, null, '', 'feature', 'click', 'Tracking'])('takes kind %o for a feature event', (kind) => {
    expect(read(kind === undefined ? {} : { kind }).kind).toBe('feature');
  });

  it.each<[string, JsonObject]>([
    ['"kind" is not a string', { kind: 7 }],
    ['"contextKind" is not a string', { contextKind: {} }],
    ['"userKey" is not a string', { userKey: 1 }],
    ['"creationDate" is not an integer', { creationDate: '1790000000' }],
    ['"creationDate" is not an integer', { creationDate: 1.5 }],
    ['"key" is not a string', { key: true }],
    ['"variation" is not a string', { variation: 1 }],
    ['"default" is not a boolean', { default: 'false' }],
    ['"version" is not a string', { version: 7 }],
    ['"source" is not a string', { source: [] }],
    ['"metadata" is not an object', { metadata: 'x' }],
    ['"userKey" is not a string', { kind: 'tracking', userKey: 1 }],
    ['"evaluationContext" is not an object', { kind: 'tracking', evaluationContext: [] }],
    ['"trackingEventDetails" is not an object', { kind: 'tracking', trackingEventDetails: 1 }],
  ])('refuses with %s', (problem, raw) => {
    expect(readUsageEvent(raw, undefined)).toEqual({ problem });
  });

  it('ignores another name for the failure flag', () => {
    expect(read({ failed: true, defaultValue: true })).toMatchObject({ default: false });
  });

  it('puts the request’s meta in the place of a feature event’s metadata, and never into a tracking event', () => {
    const raw = { metadata: { own: 1 } };
    expect(read(raw)).toMatchObject({ metadata: { own: 1 } });
    expect(read(raw, { service: 'shop' })).toMatchObject({ metadata: { service: 'shop' } });
    expect(read(raw, {})).toMatchObject({ metadata: {} });
    expect(read({ ...raw, kind: 'tracking' }, { service: 'shop' })).not.toHaveProperty('metadata');
  });

  it.each([
    [9_999_999_999, 9_999_999_999, false],
    [10_000_000_000, 1_000_000_000, true],
    [1_790_000_000_999, 1_790_000_000, true],
    [1e15, 1_000_000_000, true],
    [-5, -5, false],
  ])('takes creationDate %d for %d seconds', (given, taken, wasMilliseconds) => {
    expect(readUsageEvent({ creationDate: given }, undefined)).toMatchObject({
      event: { creationDate: taken },
      wasMilliseconds,
    });
  });
});

describe('usageEventText', () => {
  it('writes a feature event in the order of GO Feature Flag’s exporters', () => {
    const value = { b: '<1>', a: [null] };
    const raw = { value, key: 'f', userKey: 'u', creationDate: 5, contextKind: 'user', default: true, version: '1' };
    expect(usageEventText(read(raw, { z: 1, a: '&' }))).toBe(
      '{"kind":"feature","contextKind":"user","userKey":"u","creationDate":5,"key":"f","variation":"",' +
        '"value":{"a":[null],"b":"\\u003c1\\u003e"},"default":true,"version":"1","source":"PROVIDER_CACHE",' +
        '"metadata":{"a":"\\u0026","z":1}}',
    );
  });

  it('leaves out an empty contextKind and empty metadata', () => {
    expect(usageEventText(read({}, {}))).toBe(
      '{"kind":"feature","userKey":"","creationDate":0,"key":"","variation":"","value":null,"default":false,' +
        '"version":"","source":"PROVIDER_CACHE"}',
    );
  });

  it('writes a tracking event with context and details, null where there are none', () => {
    const raw = { kind: 'tracking', key: 'order', trackingEventDetails: { value: 29.9, currency: 'EUR' } };
    expect(usageEventText(read(raw))).toBe(
      '{"kind":"tracking","userKey":"","creationDate":0,"key":"order","evaluationContext":null,' +
        '"trackingEventDetails":{"currency":"EUR","value":29.9}}',
    );
  });
});
