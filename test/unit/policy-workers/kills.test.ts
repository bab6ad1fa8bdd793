import { describe, expect, it } from 'vitest';
import { killWorkers } from './support/kill-run.ts';

describe.runIf(process.platform === 'linux').each(['told', 'ended'] as const)(
  '10 endless loops in a row, %s',
  (ending) => {
    it('are answered, leave no thread and no descriptor behind, and end with the process (P-58, WH-04)', async () => {
      const { failures, kills, before, after, closed, pool } = await killWorkers(10, ending);
      expect(failures).toEqual([]);
      expect(kills).toBe(10);
      expect(after.threads).toBe(before.threads);
      expect(after.descriptors).toBe(before.descriptors);
      expect(after.handles).toBe(before.handles);
      // Two leased and the spare were the only ones left; the process ended, or there would be no report.
      expect(pool).toMatchObject({ leased: 2, spares: 1 });
      expect(before.threads - closed.threads).toBe(3);
    }, 60_000);
  },
);
