/** Evaluations leave nothing behind: guest memory stays, to the byte, and the process hardly grows. */

import { describe, expect, it } from 'vitest';
import { measureMemory } from './support/memory-run.ts';

describe('200,000 evaluations', () => {
  it('leave guest memory unchanged to the byte, and less than 8 MiB of RSS (GOFF-WASM-006)', async () => {
    const { guestBytesBefore, guestBytesAfter, grownBytes, answered } = await measureMemory(200_000);
    expect(answered).toBe(200_000);
    expect(guestBytesAfter).toBe(guestBytesBefore);
    expect(grownBytes).toBeLessThan(8 * 1_048_576);
  });
});
