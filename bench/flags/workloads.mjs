/** The workloads W1–W7 and W9: which flags, which contexts, and what one operation is. W8 loads sets (see load.mjs). */

import { flagSet, randomOf, users } from './generate.mjs';

const BOOLEAN = { on: true, off: false };
const METADATA = { owner: 'team-orbit', jira: 'SHOP-1001' };

const flag = (key, fields) => ({
  key,
  type: 'boolean',
  variations: BOOLEAN,
  rules: [],
  otherwise: { serve: 'off' },
  dialect: 'query',
  version: '1.0.0',
  metadata: METADATA,
  ...fields,
});

/** Contexts as a JSON parser makes them: none shares strings with the flags, all of one list share a shape. */
const contexts = (count, make) => JSON.parse(JSON.stringify(Array.from({ length: count }, (_, index) => make(index))));

/** 64 users, every other one at the address that the rule asks for, with `attributes` attributes in all. */
function mailUsers(attributes) {
  return contexts(64, (index) => {
    const context = { targetingKey: `user-${index}` };
    // The attribute that decides stands in the middle: neither first nor last to be found.
    const before = Math.floor((attributes - 1) / 2);
    const filler = (n) => [`text ${n} of ${index}`, n * 7 + index, n % 2 === 0][n % 3];
    for (let n = 0; n < before; n++) context[`attribute${n}`] = filler(n);
    context.email = `person.${index}@${index % 2 === 0 ? 'example.com' : 'mail.example'}`;
    for (let n = before; n < attributes - 1; n++) context[`attribute${n}`] = filler(n);
    return context;
  });
}

const mailFlag = () => flag('staff-banner', { rules: [{ when: ['ew', 'email', '@example.com'], serve: 'on' }] });

/** Four kinds of condition, five of each; only the twentieth holds. */
function twentyRules() {
  const miss = (n) =>
    [
      ['eq', 'team', `team-${n}`],
      ['ew', 'email', `@office-${n}.example`],
      ['ge', 'age', 100 + n],
      ['in', 'country', [`x${n}`, `y${n}`, `z${n}`]],
    ][n % 4];
  const rules = Array.from({ length: 19 }, (_, n) => ({ when: miss(n), serve: 'on' }));
  rules.push({ when: ['eq', 'team', 'team-last'], serve: 'on' });
  return flag('long-list', { rules });
}

/** An object of 2 KiB of JSON, nested two deep. */
function largeObject() {
  const value = { layout: 'grid', columns: 4, limits: { items: 48, retries: 3, timeoutMs: 1500 }, sections: [] };
  while (JSON.stringify(value).length < 2000) {
    const n = value.sections.length;
    value.sections.push({ id: `section-${n}`, title: `Section number ${n}`, weight: n * 10, tags: ['a', 'b'] });
  }
  value.note = '.'.repeat(Math.max(0, 2048 - JSON.stringify({ ...value, note: '' }).length));
  return value;
}

/** A fixed random order of (flag, user) pairs, so that every contender meets the same ones. */
function pairs(flagCount, userCount, length = 4096) {
  const r = randomOf(99);
  const order = { flags: new Uint32Array(length), users: new Uint32Array(length) };
  for (let i = 0; i < length; i++) {
    order.flags[i] = r.below(flagCount);
    order.users[i] = r.below(userCount);
  }
  return order;
}

const single = (id, title, theFlag, list, more = {}) => ({
  id,
  title,
  flags: [theFlag],
  contexts: list,
  mode: 'single',
  ...more,
});

const mailTitle = (count) => `one "email ends with" rule, ${count} attributes`;

/** By name; each builds its data only when it is asked for. `peers` are the contenders that take part in common sets. */
export const WORKLOADS = {
  W1: () => [single('W1', 'static flag', flag('release', { otherwise: { serve: 'on' } }), mailUsers(4))],
  W2: () => [single('W2', mailTitle(4), mailFlag(), mailUsers(4))],
  W3: () => {
    const list = contexts(64, (n) => ({
      targetingKey: `user-${n}`,
      email: `person.${n}@mail.example`,
      age: 20 + n,
      country: 'de',
      team: 'team-last',
    }));
    return [single('W3', 'twenty rules, the last matches', twentyRules(), list)];
  },
  W4: () => {
    const list = contexts(10_000, (n) => ({
      targetingKey: `user-${n}`,
      email: `person.${n}@mail.example`,
      plan: 'pro',
    }));
    const split = {
      split: [
        ['on', 50],
        ['off', 50],
      ],
    };
    return [single('W4', '50/50 percentage over 10,000 keys', flag('experiment', { otherwise: split }), list)];
  },
  W5: () => {
    const fields = { type: 'object', variations: { wide: largeObject(), none: {} }, otherwise: { serve: 'wide' } };
    return [single('W5', '2 KiB object value', flag('home-layout', fields), mailUsers(4))];
  },
  W6: () => [3, 20, 100].map((count) => single(`W6/${count}`, mailTitle(count), mailFlag(), mailUsers(count))),
  W7: () => [
    {
      id: 'W7',
      title: 'all of 1,000 flags for one user, per flag',
      flags: flagSet(1000),
      contexts: users(16),
      mode: 'all',
    },
  ],
  W9: (peers) => {
    const list = users(256);
    const full = flagSet(1000, { full: true });
    const common = full.filter((each) => peers.every((peer) => peer.lacks(each) === undefined));
    const title = 'random mix over 1,000 flags';
    const mixed = (id, name, flags) => ({
      id,
      title: name,
      flags,
      contexts: list,
      mode: 'mixed',
      order: pairs(flags.length, list.length),
    });
    return [
      mixed('W9', title, full),
      mixed('W9/common', `${title}, the ${common.length} that every flag SDK can express`, common),
    ];
  },
};
