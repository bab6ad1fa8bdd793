/** The same promise as in the default suite, over a million hooks. */

import { describe, expect, it } from 'vitest';
import { measureHooks } from '../unit/policy/guest/support/memory-run.ts';

describe('1,000,000 hooks of an AssemblyScript policy, bodies up to 20 kB, and 10,000 instances', () => {
  it('leave the memory of their one store unchanged to the byte, and less than 8 MiB of RSS (P-55, P-76, WH-06)', async () => {
    const { guestBytesBefore, guestBytesAfter, grownBytes, answered, made, instances, stores } = await measureHooks(
      1_000_000,
      10_000,
    );
    expect(answered).toBe(1_000_000);
    expect({ made, instances }).toEqual({ made: 10_000, instances: 1 });
    expect(stores).toBe(1);
    expect(guestBytesAfter).toBe(guestBytesBefore);
    expect(grownBytes).toBeLessThan(8 * 1_048_576);
  }, 120_000);
});
