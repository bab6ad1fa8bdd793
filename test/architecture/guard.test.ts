/** The guard that every test runs under does its work. */

import { describe, expect, it } from 'vitest';

describe('Object.prototype', () => {
  it('takes no new member from any test', () => {
    const anything: Record<string, Record<string, unknown>> = {};
    expect(() => {
      anything['__proto__']!.polluted = true;
    }).toThrow(TypeError);
    expect('polluted' in {}).toBe(false);
  });
});
