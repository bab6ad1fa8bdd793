/** `edict policy bench DIR`: what a hook costs, for each self test of the manifest. */

import { prepareCase } from '../../policy/canary/self-test.ts';
import { isPolicyFailure } from '../../policy/model/failure.ts';
import { loadPackage } from '../../policy-engine/load-package.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { paintFor } from '../colour.ts';
import { alignColumns, type Cell } from '../columns.ts';
import { print, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';
import { readPolicyFolder } from './read-policy.ts';

export interface BenchOptions {
  readonly calls: number;
  readonly json?: boolean;
}

interface Figures {
  readonly phase: string;
  readonly calls: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
}

/** Exit code 1 when a call fails. Rejects with a `UsageError` when there is nothing to measure. */
export async function benchPolicy(folder: string, { calls, json }: BenchOptions): Promise<ExitCode> {
  const found = await readPolicyFolder(folder);
  const entry = 'failure' in found ? found.failure : await loadPackage(found, () => undefined);
  if (isPolicyFailure(entry)) throw new UsageError(escapeControls(`${folder}: ${entry.code}: ${entry.message}`));
  const { manifest } = entry;
  if (manifest.selfTest.length === 0) throw new UsageError(`${folder}: the manifest has no selfTest to measure`);
  const figures: Figures[] = [];
  for (const test of manifest.selfTest) {
    const prepared = await prepareCase(entry, test);
    if (isPolicyFailure(prepared)) throw new UsageError(escapeControls(`${prepared.code}: ${prepared.message}`));
    const { instance, phase, input } = prepared;
    const times = new Float64Array(calls);
    let failures = 0;
    // The first tenth is for code that nobody has run yet.
    for (let i = -Math.ceil(calls / 10); i < calls; i++) {
      const began = performance.now();
      const outcome = instance.call(phase, input);
      const settled = outcome instanceof Promise ? await outcome : outcome;
      if (i < 0) continue;
      times[i] = (performance.now() - began) * 1_000;
      if (settled.kind === 'failure') failures++;
    }
    await instance.destroy();
    times.sort();
    const at = (share: number): number => times[Math.min(calls - 1, Math.floor(calls * share))] ?? 0;
    figures.push({ phase: test.phase, calls, p50: at(0.5), p99: at(0.99), failures });
  }
  const policy = { name: manifest.name, version: manifest.version };
  if (json === true) printJson({ policy, cases: figures });
  else printFigures(`${policy.name} ${policy.version}, metered`, figures);
  return figures.every(({ failures }) => failures === 0) ? ExitCode.fine : ExitCode.found;
}

function printFigures(title: string, figures: readonly Figures[]): void {
  print(title);
  const head: Cell[] = ['case', 'phase', 'calls', 'p50 µs', 'p99 µs', 'failed'].map((text) => ({ text, style: 'dim' }));
  const rows = figures.map(({ phase, calls, p50, p99, failures }, i): Cell[] => [
    { text: String(i + 1) },
    { text: phase },
    { text: String(calls) },
    { text: p50.toFixed(2) },
    { text: p99.toFixed(2) },
    { text: String(failures), ...(failures > 0 ? { style: 'red' as const } : {}) },
  ]);
  for (const line of alignColumns([head, ...rows], paintFor(process.stdout), '  ')) print(line);
}
