/** The same promise as in the default suite, until the guest has 655 MB of memory. */

import { describe, expect, it } from 'vitest';
import { growInEveryCall } from '../unit/wasm/support/growing-guest.ts';

describe('a guest that grows in each of 10,000 calls', () => {
  it('never leaves the host with a detached buffer', () => {
    expect(growInEveryCall(10_000)).toBe(10_001 * 65_536);
  }, 120_000);
});
