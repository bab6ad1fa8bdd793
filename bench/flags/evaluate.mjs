/** Child process of one workload group: asserts the answers, measures every contender, sends the results to the parent. */

import { checkAnswers, WrongAnswer } from './answers.mjs';
import { CONTENDERS, isPeer } from './contenders/index.mjs';
import { interleave, loopOf } from './measure.mjs';
import { WORKLOADS } from './workloads.mjs';

/** The runners of one contender: usually one, two where it can also answer for all flags at once. */
function runnersOf(contender, instance, { flags, contexts, mode, order }) {
  const list = contexts.map((context) => instance.context(context));
  const calls = instance.bind && flags.map((flag) => instance.bind(flag));
  const runner = (name, kind, state, opsPerTurn = 1) => {
    const loop = loopOf(kind, contender.isAsync === true);
    const own = { at: 0, order, open: instance.open, all: instance.all, calls, list, ...state };
    return { name, opsPerTurn, run: (times) => loop(own, times) };
  };
  if (mode === 'all') {
    const each =
      calls && runner(`${contender.name}, one by one`, instance.open ? 'eachOpened' : 'each', {}, flags.length);
    return [instance.all && runner(contender.name, 'all', {}, flags.length), each].filter(Boolean);
  }
  if (instance.open === undefined) return [runner(contender.name, mode, {})];
  if (mode === 'mixed') return [runner(`${contender.name}, 20 a request`, 'requests', {})];
  return [runner(`${contender.name} beforehand`, mode, { list: list.map((context) => instance.open(context)) })];
}

async function measureWorkload(workload, contenders, pace) {
  const left = [];
  const taking = [];
  let checked = 0;
  for (const contender of contenders) {
    if (contender.onlyAll && workload.mode !== 'all') continue;
    const lacks = [...new Set(workload.flags.map((flag) => contender.lacks(flag)).filter(Boolean))];
    if (lacks.length > 0) {
      left.push({ name: contender.name, why: `cannot express ${lacks.join(', ')}` });
      continue;
    }
    const instance = await contender.load(contender.write(workload.flags));
    checked += await checkAnswers(contender, instance, workload);
    taking.push({ contender, instance });
  }
  const runners = taking.flatMap(({ contender, instance }) => runnersOf(contender, instance, workload));
  const results = await interleave(runners, pace);
  for (const { instance } of taking) await instance.close();
  const { id, title } = workload;
  return { id, title, flags: workload.flags.length, contexts: workload.contexts.length, checked, results, left };
}

const { group, pace, withEdict } = JSON.parse(process.argv[2]);
const contenders = CONTENDERS.filter((each) => withEdict || each.isPresent === undefined);
try {
  for (const workload of WORKLOADS[group](CONTENDERS.filter(isPeer))) {
    process.send({ workload: await measureWorkload(workload, contenders, pace) });
  }
} catch (error) {
  process.send({ error: error instanceof WrongAnswer ? error.message : error.stack });
  process.exitCode = 1;
}
process.disconnect();
