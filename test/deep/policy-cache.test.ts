/** The same promise as in the default suite, for a thousand kills. */

import { describe, expect, it } from 'vitest';
import { killWhileCaching } from '../faults/support/policy-kill-run.ts';

const KILLS = Number(process.env['EDICT_KILLS'] ?? 1_000);

describe('a process that is killed while it writes the cache of policies', () => {
  it('leaves whole contents and a whole configuration that names them, or none (P-79)', async () => {
    const { broken, ...figures } = await killWhileCaching(KILLS);
    console.log(`kill -9 while caching: ${JSON.stringify({ ...figures, broken: broken.length })}`);
    expect(broken).toEqual([]);
    expect(figures.whole + figures.absent).toBe(figures.kills);
    // Otherwise the kills missed what they were meant to meet.
    expect(figures.interrupted).toBeGreaterThan(KILLS / 10);
  }, 1_800_000);
});
