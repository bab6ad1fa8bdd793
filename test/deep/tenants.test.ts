/** Ten thousand tenants come and go, and a thousand stay idle, each with a policy of its own. */

import { describe, expect, it } from 'vitest';
import { measureTenants } from '../unit/policy/tenants/support/tenants-run.ts';
import { swapUnderLoad } from '../unit/policy-engine/support/swaps.ts';

const MIB = 1_048_576;

describe('10,000 tenants that are made, decide once, and are reaped', () => {
  it('leave memory flat, no store, no timer and no decision unsent (V-19, WH-11)', async () => {
    const report = await measureTenants('churn', 10_000);
    console.log(`10,000 create-and-drop tenants: ${(report.grownBytes / MIB).toFixed(1)} MiB of RSS`);
    expect(report).toMatchObject({ served: 11_000, created: 11_000, reaped: 11_000, tenants: 0, instances: 0 });
    expect(report.books).toMatchObject({ accepted: 11_000, sent: 11_000, pending: 0 });
    expect(report).toMatchObject({ memoryBytes: 0, timers: 0 });
    expect(report.grownBytes).toBeLessThan(16 * MIB);
  }, 300_000);
});

describe('1,000 idle tenants with one AssemblyScript policy each', () => {
  it('stay within 150 MiB beyond the process (V-19)', async () => {
    const report = await measureTenants('idle', 1_000);
    const { grownBytes, memoryBytes } = report;
    console.log(
      `1,000 idle tenants: ${(grownBytes / MIB).toFixed(1)} MiB of RSS for ${memoryBytes / MIB} MiB of linear memory`,
    );
    expect(report).toMatchObject({ tenants: 1_000, instances: 1_000, served: 1_001 });
    expect(grownBytes).toBeLessThan(150 * MIB);
  }, 300_000);
});

describe('a configuration that is replaced 1,000 times under load', () => {
  it('fails no request and leaves no instance behind (P-59)', async () => {
    expect(await swapUnderLoad(1_000)).toEqual({ statuses: [200], seen: ['1000'], live: 2, referenced: 2 });
  }, 300_000);
});
