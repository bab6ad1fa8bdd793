/** `edict policy test DIR`: the self tests of a manifest, run in the module as an engine runs it. */

import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { systemClock } from '../../options/clock.ts';
import type { CatalogEntry } from '../../policy/build/catalog.ts';
import { runSelfTest, type SelfTestResult } from '../../policy/canary/self-test.ts';
import type { PolicyManifest } from '../../policy/manifest/manifest.ts';
import { isPolicyFailure, type PolicyFailure } from '../../policy/model/failure.ts';
import { DEFAULT_ALLOWED } from '../../policy-engine/defaults.ts';
import { loadPackage } from '../../policy-engine/load-package.ts';
import { ShippedCatalogue } from '../../policy-engine/shipped-catalogue.ts';
import { parseCapabilities } from '../../policy-host/capabilities.ts';
import { MemoryKv } from '../../policy-host/kv/memory-kv.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { paintFor } from '../colour.ts';
import { print, printError, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { folderOf, isShipped, readPolicyFolder } from './read-policy.ts';

interface Case extends SelfTestResult {
  /** Policies of the catalogue have twins, and both must pass. */
  readonly runs: 'module' | 'native';
}

/** Exit code 1 when a case fails, when there is none, or when the policy cannot be loaded. */
export async function testPolicy(from: string, options: { readonly json?: boolean }): Promise<ExitCode> {
  const folder = await folderOf(from);
  const twins = await twinsOf(folder);
  if (isPolicyFailure(twins)) {
    const { code, message } = twins;
    if (options.json === true) printJson({ policy: null, passed: false, problem: { code, message }, cases: [] });
    else print(`${folder}: ${paintFor(process.stdout)('red', escapeControls(`${code}: ${message}`))}`);
    return ExitCode.found;
  }
  const cases: Case[] = [];
  for (const [runs, entry] of twins) {
    for (const test of entry.manifest.selfTest) cases.push({ runs, ...(await runSelfTest(entry, test)) });
  }
  const failed = cases.filter(({ passed }) => !passed).length;
  const passed = failed === 0 && cases.length > 0;
  const { name, version } = (twins[0] as Twin)[1].manifest;
  if (options.json === true) printJson({ policy: { name, version }, passed, cases });
  else printCases(`${name} ${version}`, cases, failed);
  return passed ? ExitCode.fine : ExitCode.found;
}

type Twin = readonly [Case['runs'], CatalogEntry];

/** The module, and of a policy of the catalogue its native twin; those that have no module are native alone. */
async function twinsOf(folder: string): Promise<readonly Twin[] | PolicyFailure> {
  const twins: Twin[] = [];
  if (isShipped(folder)) {
    const allowed = parseCapabilities(DEFAULT_ALLOWED, 'tenant').capabilities;
    const kv = new MemoryKv({ monotonic: () => performance.now() });
    const native = await new ShippedCatalogue({ ports: { kv }, allowed, clock: systemClock }).find(basename(folder));
    if (native !== undefined && isPolicyFailure(native)) return native;
    if (native !== undefined) twins.push(['native', native]);
    if (native !== undefined && !hasModule(folder, native.manifest)) return twins;
  }
  const found = await readPolicyFolder(folder);
  const module =
    'failure' in found ? found.failure : await loadPackage(found, (line) => printError(escapeControls(line)));
  if (isPolicyFailure(module)) return module;
  return [...twins, ['module', module]];
}

/** Modules of the catalogue are in the repository, not in every installation. */
function hasModule(folder: string, { module }: PolicyManifest): boolean {
  return module !== undefined && existsSync(join(folder, module.file));
}

function printCases(policy: string, cases: readonly Case[], failed: number): void {
  const paint = paintFor(process.stdout);
  const hasTwins = new Set(cases.map(({ runs }) => runs)).size > 1;
  for (const [i, { phase, passed, differences, durationUs, runs }] of cases.entries()) {
    const mark = passed ? paint('green', 'ok ') : paint('red', 'BAD');
    const time = paint('dim', `${durationUs.toFixed(0)} µs${hasTwins ? `, ${runs}` : ''}`);
    print(`${mark} ${i + 1} ${phase}  ${time}`);
    for (const difference of differences) print(`      ${escapeControls(difference)}`);
  }
  const count = `${cases.length} ${cases.length === 1 ? 'case' : 'cases'}`;
  if (cases.length === 0) print(`${policy}: ${paint('red', 'the manifest has no selfTest')}`);
  else print(`${policy}: ${count}, ${failed === 0 ? paint('green', 'all passed') : paint('red', `${failed} failed`)}`);
}
