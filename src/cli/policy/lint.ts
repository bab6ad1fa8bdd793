/** `edict policy lint DIR`: everything that is wrong with a folder of policies, and what its chains do that nobody may have meant. */

import { systemClock } from '../../options/clock.ts';
import { PolicySets } from '../../policy/build/policy-sets.ts';
import { DEFAULT_ALLOWED } from '../../policy-engine/defaults.ts';
import { EngineCatalog } from '../../policy-engine/engine-catalog.ts';
import { definePolicy } from '../../policy-engine/native-definition.ts';
import { readFolder } from '../../policy-engine/policy-folder.ts';
import { withFlagGates } from '../../policy-engine/positions.ts';
import { parseCapabilities } from '../../policy-host/capabilities.ts';
import { MemoryKv } from '../../policy-host/kv/memory-kv.ts';
import { PolicyWorkers } from '../../policy-workers/policy-workers.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { paintFor } from '../colour.ts';
import { print, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';

export interface LintOptions {
  /** Names of native policies, which only the service has. */
  readonly native: readonly string[];
  readonly json?: boolean;
}

/** Exit code 1 when there is a problem or a finding. Rejects with a `UsageError` when the folder cannot be read. */
export async function lintPolicies(folder: string, { native, json }: LintOptions): Promise<ExitCode> {
  const found = await readFolder(folder);
  if ('fault' in found) throw new UsageError(escapeControls(`${folder}: ${found.fault}`));
  const workers = new PolicyWorkers({ workers: 1 });
  const catalog = new EngineCatalog({
    natives: native.map((name) => definePolicy({ name, hooks: { onRequestHeaders: () => undefined } }).entry),
    trusted: new Set(),
    allowed: parseCapabilities({ ...DEFAULT_ALLOWED, http: true }, 'tenant').capabilities,
    ports: { kv: new MemoryKv({ monotonic: () => performance.now() }) },
    workers: () => workers,
    shipped: { clock: systemClock },
  });
  catalog.replace(found.packages, found.refused);
  const gated = withFlagGates(found.document, true);
  // Values of secrets and of the environment are the service's; here any text stands for them.
  const names = [...JSON.stringify(gated.document).matchAll(/\benv\s+\\"([^"\\]+)\\"/g)].map(([, name]) => name ?? '');
  const sets = new PolicySets({ catalog, templates: { secret: () => 'x', env: () => 'x', envNames: names } });
  const report = await sets.activate(gated.document);
  sets.close();
  await Promise.all([catalog.close(), workers.close()]);
  const problems = [...gated.problems, ...report.problems];
  const { findings } = report;
  if (json === true) printJson({ folder, problems, findings, refused: catalog.refused });
  else {
    const paint = paintFor(process.stdout);
    for (const { path, code, message } of problems) print(escapeLine(paint('red', code), path, message));
    for (const { code, route, message } of findings) print(escapeLine(paint('yellow', code), route, message));
    print(`${folder}: ${count(problems.length, 'problem')}, ${count(findings.length, 'finding')}`);
  }
  return problems.length + findings.length === 0 ? ExitCode.fine : ExitCode.found;
}

function escapeLine(code: string, place: string, message: string): string {
  return `${code}  ${escapeControls(`${place}: ${message}`)}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
