/** Hooks leave nothing behind: the guest's memory stays, to the byte, and the process hardly grows. */

import { describe, expect, it } from 'vitest';
import { measureHooks } from './support/memory-run.ts';

describe('50,000 hooks of an AssemblyScript policy, bodies up to 20 kB, and 500 instances', () => {
  it('leave the memory of their one store unchanged to the byte, and less than 8 MiB of RSS (P-55, P-76, WH-06)', async () => {
    const { guestBytesBefore, guestBytesAfter, grownBytes, answered, made, instances, stores } = await measureHooks(
      50_000,
      500,
    );
    expect(answered).toBe(50_000);
    expect({ made, instances }).toEqual({ made: 500, instances: 1 });
    expect(stores).toBe(1);
    expect(guestBytesAfter).toBe(guestBytesBefore);
    expect(grownBytes).toBeLessThan(8 * 1_048_576);
  });
});
