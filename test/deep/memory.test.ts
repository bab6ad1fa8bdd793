/** The same promise as in the default suite, over a million evaluations. */

import { describe, expect, it } from 'vitest';
import { measureMemory } from '../unit/evaluator/support/memory-run.ts';

describe('1,000,000 evaluations', () => {
  it('leave guest memory unchanged to the byte, and less than 8 MiB of RSS', async () => {
    const { guestBytesBefore, guestBytesAfter, grownBytes, answered } = await measureMemory(1_000_000);
    expect(answered).toBe(1_000_000);
    expect(guestBytesAfter).toBe(guestBytesBefore);
    expect(grownBytes).toBeLessThan(8 * 1_048_576);
  }, 120_000);
});
