/**
 * All checks of the project, in order, each with its time; every stage runs even when one before it failed.
 * Ends with one bare line, `N passed, N failed`: the tests and the stages before them, counted together. What this machine
 * cannot run is named on a line `not run: …` and counted after them, `, N skipped`.
 *
 *   node scripts/test.mjs                  the default run
 *   node scripts/test.mjs --stock-relay    builds GO Feature Flag's relay and the example components first (minutes, once) and
 *                                          tests with them too
 *   node scripts/test.mjs --deep           with test/deep/ as well, and the relay
 *   node scripts/test.mjs <args>           other arguments go to vitest (a file name, -t "a name")
 */

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES, example } from '../tools/components/examples.mjs';
import { goProgram } from '../tools/go/programs.mjs';
import { ensure } from './lib/ensure.mjs';
import { at, CACHE } from './lib/paths.mjs';
import { node } from './lib/process.mjs';
import { bold, coloured, green, red, say, seconds } from './lib/terminal.mjs';

const OWN_ARGS = ['--deep', '--stock-relay'];
const args = process.argv.slice(2);
const deep = args.includes('--deep');
const stockRelay = deep || args.includes('--stock-relay');
const vitestArgs = args.filter((arg) => !OWN_ARGS.includes(arg));
/** With a choice of names all others are skipped, and that is nobody's loss. */
const picksTests = vitestArgs.some((arg) => /^(-t|--testNamePattern)/.test(arg));

const STAGES = [
  // Before the build, which would replace a stale wasm/ and so hide that it was committed stale.
  { name: 'Guest is reproducible', script: 'scripts/build-guest.mjs', args: ['--check'] },
  { name: 'Build', script: 'scripts/build.mjs', args: [] },
  {
    name: 'Lint and format',
    script: 'node_modules/@biomejs/biome/bin/biome',
    args: ['ci', `--colors=${coloured ? 'force' : 'off'}`, '--error-on-warnings', '--diagnostic-level=warn', '.'],
  },
  { name: 'Types', script: 'node_modules/typescript/bin/tsc', args: ['-p', 'tsconfig.test.json'] },
];

const total = { passed: 0, failed: 0, skipped: 0 };
const began = performance.now();

if (await stage('Install', ensurePackages)) {
  for (const { name, script, args: stageArgs } of STAGES) {
    await stage(name, async () => (await node(at(script), stageArgs)).code === 0);
  }
  await stage('GO Feature Flag’s own programs', buildJudges, { counted: false });
  if (stockRelay) await stage('Policies in other languages', buildExamples, { counted: false });
  await stage(deep ? 'Tests, deep ones included' : 'Tests', runTests, { counted: false });
}

say();
say(bold(`All of it took ${seconds(performance.now() - began)}.`));
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
say(`${total.passed} passed, ${total.failed} failed${skipped}`);
if (total.failed > 0) process.exitCode = 1;

/** Runs one stage under its heading. `action` answers whether it passed; a throw is a failure too. */
async function stage(name, action, { counted = true } = {}) {
  say();
  say(bold(`── ${name}`));
  const start = performance.now();
  let passed = false;
  try {
    passed = await action();
  } catch (error) {
    say(red(error instanceof Error ? error.message : String(error)));
  }
  if (counted) total[passed ? 'passed' : 'failed']++;
  say(`${passed ? green('passed') : red('failed')} in ${seconds(performance.now() - start)}`);
  return passed;
}

async function ensurePackages() {
  await ensure();
  return true;
}

/** Builds what the tests compare Edict with. A machine without Go has none of it: the tests that miss it say so themselves. */
async function buildJudges() {
  try {
    for (const name of stockRelay ? ['go-core', 'go-relay'] : ['go-core']) {
      const { reason } = await goProgram(name);
      say(reason === undefined ? `${name} is there` : `not built: ${name}: ${reason}`);
    }
    return true;
  } catch (error) {
    total.failed++;
    throw error;
  }
}

/** Builds the example components; the tools for that are large, so an ordinary run goes without. */
async function buildExamples() {
  try {
    for (const name of Object.keys(EXAMPLES)) {
      const { reason } = await example(name);
      say(reason === undefined ? `${name} is there` : `not built: ${name}: ${reason}`);
    }
    return true;
  } catch (error) {
    total.failed++;
    throw error;
  }
}

async function runTests() {
  mkdirSync(CACHE, { recursive: true });
  const report = join(CACHE, `tests-${process.pid}.json`);
  try {
    const { code } = await node(
      at('node_modules/vitest/vitest.mjs'),
      ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...vitestArgs],
      { env: { EDICT_NO_BUILD: '1', ...(deep ? { EDICT_DEEP: '1' } : {}) } },
    );
    return count(readReport(report), code);
  } finally {
    rmSync(report, { force: true });
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Adds vitest's numbers to the total; whatever went wrong outside a test counts as one failure each. */
function count(report, code) {
  const passed = report?.numPassedTests ?? 0;
  // A file that could not be loaded has no failed test of its own.
  const broken = (report?.testResults ?? []).filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  let failed = (report?.numFailedTests ?? 0) + broken;
  if (failed === 0 && code !== 0) {
    failed = 1;
    say(red(`vitest ended with exit code ${code} although no test failed; its messages are above`));
  }
  if (failed === 0 && passed === 0) {
    failed = 1;
    say(red('no test ran'));
  }
  nameSkipped(report);
  total.passed += passed;
  total.failed += failed;
  return failed === 0;
}

/** What was not run is no success: it is named, with the reason that its own name gives. */
function nameSkipped(report) {
  if (picksTests) return;
  for (const { assertionResults } of report?.testResults ?? []) {
    for (const { status, fullName } of assertionResults) {
      if (status !== 'skipped' && status !== 'pending' && status !== 'todo') continue;
      total.skipped++;
      say(`not run: ${fullName}`);
    }
  }
}
