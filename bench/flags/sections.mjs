/** What is measured in processes of its own: loading (W8), starting, and a million evaluations. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forked, startRelay, timedStart } from './children.mjs';
import { flagSet, users } from './generate.mjs';
import { LOADABLE } from './load.mjs';
import { median } from './measure.mjs';
import { rightVariations } from './model.mjs';

const medians = (runs) => {
  const keys = Object.keys(runs[0]);
  return Object.fromEntries(keys.map((key) => [key, median(runs.map((run) => run[key]))]));
};

/** A boolean flag with a rule and a user for whom the rule holds: its answer shows that the rules were really loaded. */
function questionOf(flags) {
  const list = users(64);
  for (const flag of flags) {
    if (flag.type !== 'boolean' || flag.rules.length === 0 || flag.otherwise.serve === undefined) continue;
    const context = list.find((user) => rightVariations(flag, user)[0] !== flag.otherwise.serve);
    if (context !== undefined) return { flag, context, value: flag.variations[rightVariations(flag, context)[0]] };
  }
  throw new Error('no flag to ask for');
}

/** Writes the configuration of each SDK to a file, runs the action, and removes the files. */
async function withFiles(count, names, action) {
  const flags = flagSet(count, { seed: 8 });
  const directory = mkdtempSync(join(tmpdir(), 'edict-bench-'));
  try {
    const paths = {};
    for (const name of names) {
      const [file, exported] = LOADABLE[name];
      const contender = (await import(`./contenders/${file}`))[exported];
      paths[name] = join(directory, `${name}.json`);
      writeFileSync(paths[name], contender.write(flags));
    }
    return await action(paths, questionOf(flags));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** W8: time to ready and memory with 1,000, 10,000 and 50,000 flags, one process for each SDK, size and round. */
export async function measureLoading({ rounds, withEdict, onResult }) {
  const names = Object.keys(LOADABLE).filter((name) => withEdict || name !== 'edict');
  const sizes = [];
  for (const count of [1000, 10_000, 50_000]) {
    const results = await withFiles(count, names, async (paths, question) => {
      const runs = new Map(names.map((name) => [name, []]));
      for (let round = 0; round < rounds; round++) {
        for (const name of names) {
          const [message] = await forked(
            'load.mjs',
            { name, path: paths[name], question },
            { execArgv: ['--expose-gc'] },
          );
          runs.get(name).push(message);
        }
      }
      return names.map((name) => ({ name, ...medians(runs.get(name)) }));
    });
    sizes.push({ flags: count, rounds, results });
    onResult(sizes[sizes.length - 1]);
  }
  return sizes;
}

/**
 * Starting: import and initialize beyond the relay's answer, the whole process from spawn to its first right answer, and
 * memory. The relay runs in another process; rounds are interleaved.
 */
export async function measureStarting({ rounds, withEdict, settleMs, onResult }) {
  const names = ['bare', 'growthbook', 'launchdarkly', ...(withEdict ? ['edict', 'edict-provider'] : [])];
  const sizes = [];
  for (const count of [100, 10_000, 50_000]) {
    const results = await withFiles(count, ['edict', 'growthbook', 'launchdarkly'], async (paths, question) => {
      const relay = await startRelay(paths);
      try {
        const runs = new Map(names.map((name) => [name, []]));
        for (let round = 0; round < rounds; round++) {
          for (const name of names) {
            const run = await timedStart(name, { port: relay.port, question, settleMs });
            const relayMs = name === 'bare' ? 0 : await relay.answerMs();
            runs.get(name).push({ ...run, relayMs, beyondRelayMs: run.importMs + run.initializeMs - relayMs });
          }
        }
        return names.map((name) => ({ name, ...medians(runs.get(name)) }));
      } finally {
        relay.close();
      }
    });
    sizes.push({ flags: count, rounds, results });
    onResult(sizes[sizes.length - 1]);
  }
  return sizes;
}

/** A million evaluations: guest memory before and after, and what the process grew by. */
export async function measureMemory({ evaluations }) {
  const [message] = await forked('memory.mjs', { evaluations }, { execArgv: ['--expose-gc'] });
  const { before, after } = message;
  return {
    evaluations,
    guestBytesBefore: before.guestBytes,
    guestBytesAfter: after.guestBytes,
    rssGrowthBytes: after.rssBytes - before.rssBytes,
  };
}
