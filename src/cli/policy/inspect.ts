/** `edict policy inspect MODULE|DIR`: what loading a module finds out about it, and whether it would be taken. */

import { EdictError } from '../../errors.ts';
import { sha256 } from '../../internal/sha256.ts';
import { CAPABILITY_FUNCTIONS, type Capability, grantedFunctions, HOST_MODULE } from '../../policy/guest/imports.ts';
import type { PolicyManifest } from '../../policy/manifest/manifest.ts';
import { grantedCapabilities, parseCapabilities } from '../../policy-host/capabilities.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { policyRules } from '../../wasm/core-abi.ts';
import { factsOf, inspectModule, type ModuleFacts } from '../../wasm/inspect.ts';
import { meterModule } from '../../wasm/metering/rewrite.ts';
import { verifyModule } from '../../wasm/verify-module.ts';
import { paintFor } from '../colour.ts';
import { alignColumns, type Cell } from '../columns.ts';
import { print, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { readModuleOrFolder } from './read-policy.ts';

interface Inspection {
  readonly file: string;
  readonly policy?: { readonly name: string; readonly version: string };
  readonly accepted: boolean;
  readonly problems: readonly string[];
  readonly bytes?: number;
  readonly sha256?: string;
  /** Each import with the capability it needs; `null` for what needs none, or what nothing grants. */
  readonly imports?: readonly { readonly name: string; readonly capability: string | null }[];
  readonly exports?: readonly string[];
  readonly memory?: { readonly minimumPages: number; readonly maximumPages: number | null } | null;
  readonly hasStart?: boolean;
  readonly metered?: { readonly bytes: number; readonly checks: number };
  readonly limits?: PolicyManifest['limits'];
}

/** Exit code 1 when the module would be refused. */
export async function inspectPolicy(path: string, options: { readonly json?: boolean }): Promise<ExitCode> {
  const found = await readModuleOrFolder(path);
  const inspection =
    'failure' in found
      ? refusedInspection(path, found.failure.message)
      : found instanceof Uint8Array
        ? inspectBytes(path, found, undefined)
        : inspectBytes(path, found.bytes, found.manifest);
  if (options.json === true) printJson(inspection);
  else printInspection(inspection);
  return inspection.accepted ? ExitCode.fine : ExitCode.found;
}

function refusedInspection(file: string, problem: string): Inspection {
  return { file, accepted: false, problems: [problem] };
}

/** Without a manifest everything is granted, to show what the module wants; with one only what it declares. */
function inspectBytes(file: string, bytes: Uint8Array, manifest: PolicyManifest | undefined): Inspection {
  const problems: string[] = [];
  const granted =
    manifest === undefined
      ? (Object.keys(CAPABILITY_FUNCTIONS) as Capability[])
      : grantedCapabilities(parseCapabilities(manifest.source.capabilities ?? {}).capabilities);
  let facts: ModuleFacts | undefined;
  let metered: Inspection['metered'];
  try {
    const parsed = verifyModule(bytes, policyRules(grantedFunctions(granted)), false);
    facts = factsOf(parsed);
    const rewritten = meterModule(parsed, { maxPages: manifest?.limits.memoryPages ?? 256 });
    metered = { bytes: rewritten.bytes.length, checks: rewritten.checks };
    new WebAssembly.Module(rewritten.bytes);
  } catch (caught) {
    problems.push(caught instanceof EdictError ? caught.text : (caught as Error).message);
    facts ??= factsOrNothing(bytes);
  }
  return {
    file,
    ...(manifest === undefined ? {} : { policy: { name: manifest.name, version: manifest.version } }),
    accepted: problems.length === 0,
    problems,
    bytes: bytes.length,
    sha256: sha256(bytes),
    ...(facts === undefined ? {} : described(facts)),
    ...(metered === undefined ? {} : { metered }),
    ...(manifest === undefined ? {} : { limits: manifest.limits }),
  };
}

function factsOrNothing(bytes: Uint8Array): ModuleFacts | undefined {
  try {
    return inspectModule(bytes);
  } catch {
    return undefined;
  }
}

function described({ imports, exports, memory, hasStart }: ModuleFacts): Partial<Inspection> {
  return {
    imports: imports.map((name) => ({ name, capability: capabilityOf(name) })),
    exports: [...exports].map(([name, kind]) => (kind === 'function' ? name : `${name} (${kind})`)),
    memory: memory === undefined ? null : { minimumPages: memory.minimum, maximumPages: memory.maximum ?? null },
    hasStart,
  };
}

function capabilityOf(name: string): string | null {
  const capabilities = Object.entries(CAPABILITY_FUNCTIONS) as [string, readonly string[]][];
  return capabilities.find(([, names]) => names.some((one) => `${HOST_MODULE}.${one}` === name))?.[0] ?? null;
}

function printInspection(inspection: Inspection): void {
  const { file, policy, accepted, problems, bytes, imports, exports, memory, hasStart, metered, limits } = inspection;
  const paint = paintFor(process.stdout);
  print(policy === undefined ? file : `${policy.name} ${policy.version}  ${file}`);
  const rows: Cell[][] = [];
  const row = (name: string, text: string): void =>
    void rows.push([{ text: name, style: 'dim' }, { text: escapeControls(text) }]);
  if (bytes !== undefined) row('module', `${bytes} bytes, ${inspection.sha256}`);
  if (memory !== undefined) {
    const pages =
      memory === null ? 'none' : `${memory.minimumPages} to ${memory.maximumPages ?? 'any number of'} pages`;
    row('memory', pages);
  }
  if (hasStart !== undefined) row('start', hasStart ? 'a start function' : 'none');
  for (const [i, { name, capability }] of (imports ?? []).entries()) {
    row(i === 0 ? 'imports' : '', capability === null ? name : `${name} (${capability})`);
  }
  if (exports !== undefined) row('exports', exports.join(', '));
  if (metered !== undefined) row('metered', `${metered.bytes} bytes, fuel is charged in ${metered.checks} places`);
  if (limits !== undefined) {
    row(
      'limits',
      Object.entries(limits)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
    );
  }
  for (const line of alignColumns(rows, paint, '  ')) print(line);
  for (const problem of problems) print(`  ${paint('red', escapeControls(problem))}`);
  print(accepted ? paint('green', 'It would be loaded.') : paint('red', 'It would be refused.'));
}
