/** What a hook allocates, measured where no collection can hide it: a number, not a time, and the same in every run. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

interface Measured {
  readonly bytesPerHook: number;
  readonly rounds: number;
  readonly answered: number;
  readonly asked: number;
}

const child = fileURLToPath(new URL('fixtures/allocation-child.mjs', import.meta.url));

describe('a hook with 12 headers', () => {
  it('allocates at most 3 kB for a metered module, frames, views and action together, and next to nothing natively (U-27)', async () => {
    const args = ['--expose-gc', '--max-semi-space-size=128', child];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const report = JSON.parse(stdout) as Record<'nothing' | 'module', Measured>;
    for (const { rounds, answered, asked } of Object.values(report)) {
      expect(rounds).toBeGreaterThan(0);
      expect(answered).toBe(asked);
    }
    expect(report.nothing.bytesPerHook).toBeLessThan(100);
    // 2,674 on Node 20.20.
    expect(report.module.bytesPerHook).toBeLessThan(3_000);
  });
});
