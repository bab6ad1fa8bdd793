/** `edict policy list [DIR]`: the policies that chains can name, with the schemas of their parameters. */

import { systemClock } from '../../options/clock.ts';
import { isPolicyFailure } from '../../policy/model/failure.ts';
import { nativeStatus, type PackageStatus, packageStatus } from '../../policy-engine/package-status.ts';
import { readPackages } from '../../policy-engine/policy-folder.ts';
import { ShippedCatalogue } from '../../policy-engine/shipped-catalogue.ts';
import { NO_CAPABILITIES } from '../../policy-host/capabilities.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { paintFor } from '../colour.ts';
import { alignColumns, type Cell } from '../columns.ts';
import { print, printError, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { UsageError } from '../usage-error.ts';

/** Those of a folder, where one is given, then those of the catalogue that it has not. Exit code 1 when one is refused. */
export async function listPolicies(
  folder: string | undefined,
  options: { readonly json?: boolean },
): Promise<ExitCode> {
  const own = folder === undefined ? { packages: new Map(), refused: [] } : await packagesOf(folder);
  const listed: PackageStatus[] = [...own.packages.values()].map(packageStatus);
  const taken = new Set([...listed.map(({ name }) => name), ...own.refused.map(({ name }) => name)]);
  const catalogue = new ShippedCatalogue({ ports: {}, allowed: NO_CAPABILITIES, clock: systemClock });
  for (const name of catalogue.names) {
    const entry = taken.has(name) ? undefined : await catalogue.find(name);
    if (entry !== undefined && !isPolicyFailure(entry)) listed.push(nativeStatus(entry, 'catalogue'));
  }
  const refused = own.refused.map(({ folder: at, name, failure }) => ({ folder: at, name, ...failure }));
  if (options.json === true) printJson({ policies: listed, refused });
  else {
    const rows = listed.map(({ name, version, origin, description }): Cell[] => [
      { text: name },
      { text: version },
      { text: origin, style: 'dim' },
      { text: escapeControls(description) },
    ]);
    for (const line of alignColumns(rows, paintFor(process.stdout), '')) print(line);
    for (const { folder: at, code, message } of refused) printError(escapeControls(`${at}: ${code}: ${message}`));
  }
  return refused.length === 0 ? ExitCode.fine : ExitCode.found;
}

async function packagesOf(folder: string): Promise<Awaited<ReturnType<typeof readPackages>>> {
  try {
    return await readPackages(folder);
  } catch (caught) {
    throw new UsageError(`cannot read ${folder}: ${(caught as Error).message}`);
  }
}
