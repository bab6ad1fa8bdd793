/**
 * Child process, run with --expose-gc: a million evaluations of the random mix, and what they leave behind in the guest's
 * linear memory and in the process.
 */

import { edict } from './contenders/edict.mjs';
import { flagSet, users } from './generate.mjs';

const { evaluations } = JSON.parse(process.argv[2]);
const flags = flagSet(1000, { full: true });
const list = users(256);
const { evaluator, close } = await edict.load(edict.write(flags));

function run(count) {
  let failed = 0;
  for (let n = 0; n < count; n++) {
    const { key } = flags[(n * 7919) % flags.length];
    if (evaluator.evaluate(key, list[(n * 31) % list.length]).errorCode !== undefined) failed++;
  }
  return failed;
}

const settled = () => {
  for (let i = 0; i < 3; i++) globalThis.gc();
  return { rssBytes: process.memoryUsage.rss(), guestBytes: evaluator.describe().guestMemoryBytes };
};

// Long enough for the optimizing compiler to have come and gone: its own memory is not the evaluator's.
let failed = run(200_000);
const before = settled();
failed += run(evaluations);
const after = settled();
if (failed > 0) process.send({ error: `${failed} evaluations ended in an error` });
else process.send({ evaluations, before, after });
await close();
process.disconnect();
