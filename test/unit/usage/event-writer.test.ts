/** The bytes of feature events, whatever was written before them. */

import { describe, expect, it } from 'vitest';

import type { EventSubject, FeatureFacts } from '../../../src/usage/event-writer.ts';
import { EventWriter } from '../../../src/usage/event-writer.ts';
import { Random } from '../flags/jsonlogic/random-cases.ts';

const written = (writer: EventWriter, subject: EventSubject, facts: FeatureFacts): string => {
  const size = writer.feature(subject, facts);
  return writer.bytes.toString('utf8', 0, size);
};

function expected({ userKey, isAnonymous, creationDate }: EventSubject, facts: FeatureFacts): string {
  const { flagKey: key, variation, value, isDefault, version, source } = facts;
  return JSON.stringify({
    kind: 'feature',
    contextKind: isAnonymous ? 'anonymousUser' : 'user',
    userKey,
    creationDate,
    key,
    variation: variation || 'SdkDefault',
    value,
    default: isDefault,
    version,
    source,
  });
}

describe('a feature event', () => {
  it('is its own, in 20,000 random ones that share all but one member with others', () => {
    const random = new Random(7);
    const writer = new EventWriter();
    const objects = [Object.freeze({ a: Object.freeze([1]) }), Object.freeze({ a: Object.freeze([2]) }), { a: 1 }];
    const userKeys = [
      'user-1',
      'ü',
      'a"b',
      'a\\b',
      '\u0000',
      'DEL\u007f',
      '💥',
      '\ud800',
      'x'.repeat(96),
      'ü'.repeat(97),
      'k'.repeat(9_000),
    ];
    for (let i = 0; i < 20_000; i++) {
      const subject = {
        userKey: random.pick(userKeys),
        isAnonymous: random.chance(0.5),
        creationDate: 1_790_000_000 + random.below(3),
      };
      const facts = {
        flagKey: random.pick(['a', 'b"', '__proto__', 'ü']),
        variation: random.pick(['on', 'off', '']),
        value: random.pick<unknown>([true, false, 1, '1', 'true', null, random.next(), ...objects]),
        isDefault: random.chance(0.5),
        version: random.pick([undefined, '1', '2']),
        source: random.pick(['INPROCESS', 'PROVIDER_CACHE']),
      };
      expect(written(writer, subject, facts)).toBe(expected(subject, facts));
    }
  });

  it('of more flags than are remembered is right, also the second time', () => {
    const writer = new EventWriter();
    const subject = { userKey: 'u', isAnonymous: false, creationDate: 1 };
    for (let i = 0; i < 20_000; i++) {
      const facts = {
        flagKey: `flag-${i % 5_000}`,
        variation: 'on',
        value: i % 5_000,
        isDefault: false,
        version: undefined,
        source: 'INPROCESS',
      };
      expect(written(writer, subject, facts)).toBe(expected(subject, facts));
    }
  });

  it('with a huge key leaves no huge buffer behind', () => {
    const writer = new EventWriter();
    const facts = {
      flagKey: 'f',
      variation: 'on',
      value: 1,
      isDefault: false,
      version: undefined,
      source: 'INPROCESS',
    };
    const huge = { userKey: 'ü'.repeat(500_000), isAnonymous: false, creationDate: 1 };
    expect(written(writer, huge, facts)).toBe(expected(huge, facts));
    expect(writer.bytes.length).toBeGreaterThan(1_000_000);
    const usual = { ...huge, userKey: 'u' };
    expect(written(writer, usual, facts)).toBe(expected(usual, facts));
    expect(writer.bytes.length).toBeLessThan(10_000);
  });
});
