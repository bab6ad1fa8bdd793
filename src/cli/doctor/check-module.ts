/** Checks the evaluation module: the file against its manifest, its limits, and one evaluation with a known answer. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { packageFile } from '../../internal/package-files.ts';
import { parseModule } from '../../wasm/binary/parse-module.ts';
import { type ManifestEntry, readManifest } from '../../wasm/module.ts';
import { Kernel } from '../kernel.ts';
import type { Check } from './check.ts';

const PAGE_KIB = 64;
const REINSTALL = 'reinstall the package; a build step or a scanner may have changed the file';

/** A flag with a query and a percentage: what it answers for user-1 follows from the specification. */
const TEST_FLAG = {
  variations: { on: true, off: false },
  targeting: [{ name: 'staff', query: 'email ew "@example.com"', variation: 'on' }],
  defaultRule: { percentage: { on: 50, off: 50 } },
};

export async function checkModule(): Promise<Check[]> {
  let entry: ManifestEntry;
  try {
    entry = (await readManifest()).flags;
  } catch (caught) {
    return [bad('manifest', caught)];
  }
  return [
    { name: 'engine', status: 'ok', detail: entry.engine, facts: { engine: entry.engine } },
    ...(await checkFile(entry)),
    await checkEvaluation(entry),
  ];
}

async function checkFile(entry: ManifestEntry): Promise<Check[]> {
  try {
    const bytes = await readFile(packageFile(`wasm/${entry.file}`));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const isRight = sha256 === entry.sha256;
    const { memory, imports } = parseModule(bytes);
    const maximum = memory?.maximum;
    const kib = (pages: number | undefined): string => (pages === undefined ? 'no limit' : `${pages * PAGE_KIB} KiB`);
    return [
      {
        name: 'module',
        status: isRight ? 'ok' : 'bad',
        detail: `${entry.file}, ${bytes.length} bytes, sha256 ${sha256.slice(0, 16)}… ${isRight ? 'as in the manifest' : 'is not the manifest’s'}`,
        ...(isRight ? {} : { remedy: REINSTALL }),
        facts: { file: entry.file, bytes: bytes.length, sha256, manifestSha256: entry.sha256 },
      },
      {
        name: 'memory',
        status: maximum === undefined ? 'bad' : 'ok',
        detail: `${kib(memory?.minimum)} at start, at most ${kib(maximum)}; ${imports.length} imports, all denied`,
        facts: { minimumPages: memory?.minimum ?? null, maximumPages: maximum ?? null, imports: imports.length },
      },
    ];
  } catch (caught) {
    return [bad('module', caught)];
  }
}

async function checkEvaluation(entry: ManifestEntry): Promise<Check> {
  try {
    const started = performance.now();
    const kernel = await Kernel.open();
    const loaded = performance.now();
    const ask = (context: Record<string, string>) =>
      kernel.ask({ flagKey: 'doctor', flag: TEST_FLAG, context, enrichment: {} });
    const staff = ask({ targetingKey: 'user-1', email: 'a@example.com' });
    const user = ask({ targetingKey: 'user-1' });
    const isRight = staff.reason === 'TARGETING_MATCH' && staff.value === true && user.reason === 'SPLIT';
    const milliseconds = Math.round((loaded - started) * 10) / 10;
    return {
      name: 'evaluation',
      status: isRight ? 'ok' : 'bad',
      detail: `ABI ${entry.abi}, module ready in ${milliseconds} ms, test flag ${isRight ? 'decided right' : 'decided wrong'}`,
      ...(isRight ? {} : { remedy: REINSTALL }),
      facts: { abi: entry.abi, readyMs: milliseconds },
    };
  } catch (caught) {
    return bad('evaluation', caught);
  }
}

function bad(name: string, caught: unknown): Check {
  return { name, status: 'bad', detail: (caught as Error).message, remedy: REINSTALL };
}
