/** The same promise as in the default suite, for a thousand kills. */

import { describe, expect, it } from 'vitest';
import { killWhileSaving } from '../faults/support/kill-run.ts';

const KILLS = Number(process.env['EDICT_KILLS'] ?? 1_000);

describe('a process that is killed while it saves', () => {
  it('leaves a file that passes its checksum, or none, whatever the moment (CF-08)', async () => {
    const { broken, ...figures } = await killWhileSaving(KILLS);
    console.log(`kill -9 while saving: ${JSON.stringify({ ...figures, broken: broken.length })}`);
    expect(broken).toEqual([]);
    expect(figures.whole + figures.absent).toBe(figures.kills);
    // Otherwise the kills missed what they were meant to meet.
    expect(figures.interrupted).toBeGreaterThan(KILLS / 10);
  }, 900_000);
});
