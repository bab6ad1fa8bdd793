/** The flags that the integration tests ask about: one for each kind of answer. */

import type { JsonObject } from '../../../src/internal/json.ts';
import type { Flags } from './relay-under-test.ts';

const onOff = (variation: string): JsonObject => ({ variations: { on: true, off: false }, defaultRule: { variation } });

export const FLAGS: Flags = {
  'new-checkout': {
    variations: { on: true, off: false },
    targeting: [{ name: 'staff', query: 'email ew "@example.com"', variation: 'on' }],
    defaultRule: { variation: 'off' },
    version: '7',
  },
  banner: {
    variations: { html: '<b>&amp;</b>', text: 'plain' },
    defaultRule: { variation: 'html' },
    metadata: { owner: 'web', zürich: 1.5 },
  },
  'split:50': { variations: { a: 'A', b: 'B' }, defaultRule: { percentage: { a: 50, b: 50 } } },
  limits: {
    variations: { small: { users: 10, tags: ['x'] }, large: { users: 1000, tags: [] } },
    targeting: [{ query: '{">": [{"var": "seats"}, 100]}', variation: 'large' }],
    defaultRule: { variation: 'small' },
  },
  region: {
    variations: { prod: 'prod', other: 'other' },
    targeting: [{ query: 'env eq "production"', variation: 'prod' }],
    defaultRule: { variation: 'other' },
  },
  'switched-off': { ...onOff('on'), disable: true },
  'in-steps': {
    ...onOff('off'),
    scheduledRollout: [{ date: '2020-01-01T00:00:00Z', defaultRule: { variation: 'on' } }],
  },
  quiet: { ...onOff('on'), trackEvents: false },
};

export const STAFF = { targetingKey: 'user-1', email: 'ann@example.com', seats: 500 };

/** A flag set of one flag, which tells which set it is from. */
export function nameplate(name: string): Flags {
  return { nameplate: { variations: { name, other: 'other' }, defaultRule: { variation: 'name' } } };
}
