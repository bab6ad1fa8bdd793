/** `edict policy test DIR`: the self tests of a manifest, run in the module as an engine runs it. */

import { runSelfTest, type SelfTestResult } from '../../policy/canary/self-test.ts';
import { isPolicyFailure } from '../../policy/model/failure.ts';
import { loadPackage } from '../../policy-engine/load-package.ts';
import { escapeControls } from '../../telemetry/logger.ts';
import { paintFor } from '../colour.ts';
import { print, printError, printJson } from '../console.ts';
import { ExitCode } from '../exit-codes.ts';
import { readPolicyFolder } from './read-policy.ts';

/** Exit code 1 when a case fails, when there is none, or when the policy cannot be loaded. */
export async function testPolicy(folder: string, options: { readonly json?: boolean }): Promise<ExitCode> {
  const found = await readPolicyFolder(folder);
  const loaded =
    'failure' in found ? found.failure : await loadPackage(found, (line) => printError(escapeControls(line)));
  if (isPolicyFailure(loaded)) {
    const { code, message } = loaded;
    if (options.json === true) printJson({ policy: null, passed: false, problem: { code, message }, cases: [] });
    else print(`${folder}: ${paintFor(process.stdout)('red', escapeControls(`${code}: ${message}`))}`);
    return ExitCode.found;
  }
  const { manifest } = loaded;
  const cases: SelfTestResult[] = [];
  for (const test of manifest.selfTest) cases.push(await runSelfTest(loaded, test));
  const failed = cases.filter(({ passed }) => !passed).length;
  const passed = failed === 0 && cases.length > 0;
  const policy = { name: manifest.name, version: manifest.version };
  if (options.json === true) printJson({ policy, passed, cases });
  else printCases(`${policy.name} ${policy.version}`, cases, failed);
  return passed ? ExitCode.fine : ExitCode.found;
}

function printCases(policy: string, cases: readonly SelfTestResult[], failed: number): void {
  const paint = paintFor(process.stdout);
  for (const [i, { phase, passed, differences, durationUs }] of cases.entries()) {
    const mark = passed ? paint('green', 'ok ') : paint('red', 'BAD');
    print(`${mark} ${i + 1} ${phase}  ${paint('dim', `${durationUs.toFixed(0)} µs`)}`);
    for (const difference of differences) print(`      ${escapeControls(difference)}`);
  }
  const count = `${cases.length} ${cases.length === 1 ? 'case' : 'cases'}`;
  if (cases.length === 0) print(`${policy}: ${paint('red', 'the manifest has no selfTest')}`);
  else print(`${policy}: ${count}, ${failed === 0 ? paint('green', 'all passed') : paint('red', `${failed} failed`)}`);
}
