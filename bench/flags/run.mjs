/**
 * `npm run bench:flags`: the flag engine beside its peers. METHOD.md says what is measured and how.
 *
 *   --quick            short rounds, few of them: shows the shape, not the last digit
 *   --only W2,W7       of W1 … W9, start, memory, client
 *   --without-edict    the peers alone
 *
 * Exit code 1 when an answer is wrong or a contender breaks; never because of a time.
 */

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { ChildError, forked } from './children.mjs';
import { ensureEdict, ensurePeers } from './install.mjs';
import * as tables from './tables.mjs';

const GROUPS = ['W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'W7', 'W9'];
const SECTIONS = [...GROUPS, 'W8', 'client', 'memory', 'start'];
const NOT_INSTALLABLE = {
  '@openfeature/go-feature-flag-provider':
    'the newest version the npm registry offers (0.7.0) only evaluates remotely, so it has no in-process mode to measure',
};

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        'without-edict': { type: 'boolean', default: false },
      },
    });
    const only = values.only
      ?.split(',')
      .map((each) => SECTIONS.find((name) => name.toLowerCase() === each.toLowerCase()));
    if (only?.includes(undefined)) fail(`--only takes ${SECTIONS.join(', ')}, separated by commas`);
    return {
      quick: values.quick,
      sections: only ?? SECTIONS,
      isPartial: only !== undefined,
      without: values['without-edict'],
    };
  } catch (error) {
    fail(error.message);
  }
}

const { quick, sections, isPartial, without } = options();
const pace = quick ? { rounds: 5, roundMs: 20, warmupMs: 60 } : { rounds: 21, roundMs: 40, warmupMs: 400 };
const processes = quick ? 3 : 9;
const peers = ensurePeers();
const withEdict = !without && ensureEdict();
const { CONTENDERS, isPeer } = await import('./contenders/index.mjs');
const { measureLoading, measureMemory, measureStarting } = await import('./sections.mjs');

const report = {
  when: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0].model.trim(),
  cores: cpus().length,
  platform: `${process.platform} ${process.arch}`,
  isQuick: quick,
  pace,
  peers,
  notMeasured: NOT_INSTALLABLE,
  workloads: [],
  failures: [],
};

const print = (text) => process.stdout.write(`${text}\n`);
print(`${report.cpu}, ${report.cores} cores, Node ${report.node}, ${report.platform}`);
print(
  `peers: ${Object.entries(peers)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}`,
);
if (!withEdict) print('Edict is not measured: dist/index.js is not there, or --without-edict was given');
for (const [name, why] of Object.entries(NOT_INSTALLABLE)) print(`left out: ${name}: ${why}`);

function take({ workload }) {
  report.workloads.push(workload);
  print(tables.workloadTable(workload));
}

const ACTIONS = {
  W8: async () => {
    const onResult = (size) => print(tables.loadingTable(size));
    report.loading = await measureLoading({ rounds: Math.min(processes, 5), withEdict, onResult });
  },
  start: async () => {
    const onResult = (size) => print(tables.startingTable(size));
    report.starting = await measureStarting({ rounds: processes, withEdict, settleMs: quick ? 300 : 2000, onResult });
  },
  memory: async () => {
    if (!withEdict) return;
    report.memory = await measureMemory({ evaluations: quick ? 200_000 : 1_000_000 });
    print(tables.memoryText(report.memory));
  },
  client: async () => {
    if (withEdict) await forked('client.mjs', { pace }, { onMessage: take });
  },
};

for (const section of SECTIONS.filter((name) => sections.includes(name))) {
  try {
    if (GROUPS.includes(section))
      await forked('evaluate.mjs', { group: section, pace, withEdict }, { onMessage: take });
    else await ACTIONS[section]();
  } catch (error) {
    if (!(error instanceof ChildError)) throw error;
    report.failures.push({ section, message: error.message });
    print(`\n${section} FAILED: ${error.message}`);
  }
}

print(tables.verdictTable(report.workloads, CONTENDERS, isPeer));
const file = quick || isPartial || !withEdict ? 'results-quick.json' : 'results.json';
writeFileSync(new URL(file, import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
print(`\nresults: bench/flags/${file}; method: bench/flags/METHOD.md`);
if (report.failures.length > 0) process.exitCode = 1;
