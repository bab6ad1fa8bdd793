import { describe, expect, it } from 'vitest';
import { matchMember, memberNames } from '../../../src/flags/member-names.ts';

const NAMES = memberNames(['disable', 'bucketingKey']);

describe('matchMember', () => {
  it.each([
    ['disable', 'disable'],
    ['DISABLE', 'disable'],
    ['di\u017fable', 'disable'],
    ['bucKetingkey', 'bucketingKey'],
    ['buc\u212aetingKey', 'bucketingKey'],
  ])('takes %s for %s', (name, member) => {
    expect(matchMember(name, NAMES)).toBe(member);
  });

  it.each(['disabled', 'd\u0130sable', 'd\u0131sable', '', '__proto__', 'constructor'])(
    'knows no member %s',
    (name) => {
      expect(matchMember(name, NAMES)).toBeUndefined();
    },
  );
});
