/** Hooks leave nothing behind: the guest's memory stays, to the byte, and the process hardly grows. */

import { describe, expect, it } from 'vitest';
import { measureHooks } from './support/memory-run.ts';

describe('50,000 hooks of an AssemblyScript policy, bodies up to 20 kB', () => {
  it('leave the memory of their one store unchanged to the byte, and less than 8 MiB of RSS (P-76, WH-06)', async () => {
    const { guestBytesBefore, guestBytesAfter, grownBytes, answered, stores } = await measureHooks(50_000);
    expect(answered).toBe(50_000);
    expect(stores).toBe(1);
    expect(guestBytesAfter).toBe(guestBytesBefore);
    expect(grownBytes).toBeLessThan(8 * 1_048_576);
  });
});
