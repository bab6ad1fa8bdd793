/** `edict doctor`: looks whether everything Edict needs is there and sound, one line for each check. */

import { type Paint, paintFor, type Style } from './colour.ts';
import { alignColumns, type Cell } from './columns.ts';
import { print, printJson } from './console.ts';
import type { Check } from './doctor/check.ts';
import { checkModule } from './doctor/check-module.ts';
import { checkRelay, type RelayAddress } from './doctor/check-relay.ts';
import { checkRuntime } from './doctor/check-runtime.ts';
import { ExitCode } from './exit-codes.ts';

export interface DoctorOptions extends RelayAddress {
  readonly json?: boolean;
}

const MARKS: Readonly<Record<Check['status'], readonly [text: string, style: Style]>> = {
  ok: ['ok', 'green'],
  note: ['--', 'dim'],
  bad: ['BAD', 'red'],
};

/** Exit code 1 when a check is bad. Rejects with an `EdictError` for an option that breaks its rule. */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const checks = [...checkRuntime(), ...(await checkModule()), ...(await checkRelay(options))];
  const bad = checks.filter(({ status }) => status === 'bad').length;
  if (options.json === true) printJson({ isHealthy: bad === 0, checks });
  else printChecks(checks, bad, paintFor(process.stdout));
  return bad === 0 ? ExitCode.fine : ExitCode.found;
}

function printChecks(checks: readonly Check[], bad: number, paint: Paint): void {
  const rows = checks.map(({ name, status, detail }): Cell[] => {
    const [text, style] = MARKS[status];
    return [{ text, style }, { text: name }, { text: detail, ...(status === 'note' ? { style: 'dim' as const } : {}) }];
  });
  const lines = alignColumns(rows, paint);
  for (const [i, line] of lines.entries()) {
    print(line);
    const remedy = checks[i]?.remedy;
    if (remedy !== undefined) print(`     ${paint('yellow', remedy)}`);
  }
  print();
  print(bad === 0 ? paint('green', 'All is well.') : paint('red', `${bad} of ${checks.length} checks failed.`));
}
