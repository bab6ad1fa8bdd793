/** A million events while the collector is down: memory, latency, log lines, counts, and what arrives when it is back. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { deadPort } from '../unit/relay/support/scripted-relay.ts';

const EVENTS = 1_000_000;
const MIB = 1_048_576;

interface Facts {
  readonly accepted: number;
  readonly sent: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly pending: number;
}

interface Report {
  readonly outage: { readonly facts: Facts; readonly warnings: readonly string[] };
  readonly lost: number;
  readonly warnings: readonly string[];
  readonly facts: Facts;
  readonly peakBytes: number;
  readonly settledBytes: number;
  readonly nsPerEvent: number;
  readonly p99: { readonly ratio: number; readonly down: number; readonly up: number };
  readonly offered: Readonly<Record<string, number>>;
  readonly arrivedPerFlag: Readonly<Record<string, number>>;
}

const child = fileURLToPath(new URL('./fixtures/usage-child.mjs', import.meta.url));

async function run(mode: 'each' | 'summary'): Promise<Report> {
  const args = ['--expose-gc', child, String(EVENTS), mode, String(await deadPort())];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * MIB });
  const report = JSON.parse(stdout) as Report;
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
  console.log(
    `usage events, ${mode}: ${EVENTS} with the collector down: RSS +${mib(report.peakBytes)} at the peak, ` +
      `+${mib(report.settledBytes)} after; evaluation p99 ${report.p99.down.toFixed(0)} ns, with a healthy collector ` +
      `${report.p99.up.toFixed(0)} ns, ratio ${report.p99.ratio.toFixed(2)}; ${report.nsPerEvent.toFixed(0)} ns for taking an event`,
  );
  return report;
}

const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

describe('1,000,000 events with the collector down', () => {
  it('cost at most 32 MiB and one warning, are counted to the last, and leave evaluations as fast as before (UE-02, D-70)', async () => {
    const { outage, facts, lost, warnings, ...report } = await run('each');
    expect(report.peakBytes).toBeLessThanOrEqual(32 * MIB);
    expect(outage.warnings).toHaveLength(1);
    const offered = total(report.offered);
    expect(outage.facts).toMatchObject({ accepted: offered, sent: 0, pending: 20_000 });
    expect(outage.facts.dropped).toMatchObject({ total: offered - 20_000, overflow: offered - 20_000 });
    // Back again: what was kept arrives, and the second line says what did not.
    expect(facts).toMatchObject({ accepted: offered, sent: 20_000, pending: 0, dropped: { total: offered - 20_000 } });
    expect(total(report.arrivedPerFlag)).toBe(20_000);
    expect(lost).toBe(0);
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain(`${offered - 20_000} were lost`);
    // The promise is 10 %; the rest is for machines that do something else meanwhile.
    expect(report.p99.ratio).toBeLessThanOrEqual(1.3);
  }, 180_000);

  it('lose no total per flag when they are counted instead (UE-02, D-78)', async () => {
    const { outage, facts, lost, warnings, ...report } = await run('summary');
    expect(report.peakBytes).toBeLessThanOrEqual(32 * MIB);
    expect(outage.warnings).toHaveLength(1);
    const offered = total(report.offered);
    expect(facts).toMatchObject({ accepted: offered, sent: offered, pending: 0, dropped: { total: 0 } });
    expect(report.arrivedPerFlag).toEqual(report.offered);
    expect(lost).toBe(0);
    expect(warnings).toHaveLength(2);
    expect(report.p99.ratio).toBeLessThanOrEqual(1.3);
  }, 180_000);
});
