/**
 * Guards Object.prototype in every test: code that writes to it through a name from outside (`__proto__`, a path, a flag key)
 * fails here, instead of quietly changing every object of the process.
 *
 * It is closed to new members but not frozen: a frozen one would also refuse `{}.constructor = …` on ordinary objects, which
 * the test tools themselves do. Changed members are found after each test.
 */

import { afterEach, expect } from 'vitest';

const before = Object.getOwnPropertyDescriptors(Object.prototype);

Object.preventExtensions(Object.prototype);

afterEach(() => {
  const after = Object.getOwnPropertyDescriptors(Object.prototype);
  const changed = Reflect.ownKeys(before).filter((name) => {
    const [one, other] = [before, after].map((all) => (all as PropertyDescriptorMap)[name]);
    return one?.value !== other?.value || one?.get !== other?.get || one?.set !== other?.set;
  });
  expect(changed, 'members of Object.prototype that the test changed').toEqual([]);
});
