/**
 * Child process: the OpenFeature client over Edict, over a provider that does nothing, and over the in-memory provider.
 * Edict and nothing are measured in pairs, in both orders, and compared pair by pair.
 */

import { EdictProvider } from '../../dist/index.js';
import { InMemoryProvider, OpenFeature } from '../server-sdk.mjs';
import { checkAnswers, WrongAnswer } from './answers.mjs';
import { inMemoryFlags } from './contenders/closures.mjs';
import { edict } from './contenders/edict.mjs';
import { interleave, loopOf, median } from './measure.mjs';
import { WORKLOADS } from './workloads.mjs';

/** Resolves every flag to the caller's default, at once. */
class NothingProvider {
  metadata = { name: 'nothing' };
  runsOn = 'server';
  #resolve = (value) => Promise.resolve({ value });

  resolveBooleanEvaluation(_key, value) {
    return this.#resolve(value);
  }

  resolveStringEvaluation(_key, value) {
    return this.#resolve(value);
  }

  resolveNumberEvaluation(_key, value) {
    return this.#resolve(value);
  }

  resolveObjectEvaluation(_key, value) {
    return this.#resolve(value);
  }
}

const CALLS = {
  boolean: (client, key) => (context) => client.getBooleanValue(key, false, context),
  string: (client, key) => (context) => client.getStringValue(key, '', context),
  number: (client, key) => (context) => client.getNumberValue(key, 0, context),
  object: (client, key) => (context) => client.getObjectValue(key, {}, context),
};

async function clientOf(name, provider) {
  await OpenFeature.setProviderAndWait(name, provider);
  const client = OpenFeature.getClient(name);
  return {
    context: (context) => context,
    bind: (flag) => CALLS[flag.type](client, flag.key),
    valueOf: (value) => value,
  };
}

function runnerOf(name, instance, { flags, contexts, mode, order }) {
  const loop = loopOf(mode, true);
  const state = { at: 0, list: contexts, order, calls: flags.map((flag) => instance.bind(flag)) };
  return { name, run: (times) => loop(state, times) };
}

async function compare(workload, pace) {
  const bootstrap = JSON.parse(edict.write(workload.flags));
  const edictClient = await clientOf(`${workload.id} edict`, new EdictProvider({ bootstrap }));
  const memoryClient = await clientOf(`${workload.id} in-memory`, new InMemoryProvider(inMemoryFlags(workload.flags)));
  const nothingClient = await clientOf(`${workload.id} nothing`, new NothingProvider());
  const checked =
    (await checkAnswers({ name: 'Edict through the client' }, edictClient, workload)) +
    (await checkAnswers({ name: 'in-memory through the client' }, memoryClient, workload));
  const runners = [
    runnerOf('client over Edict', edictClient, workload),
    runnerOf('client over nothing', nothingClient, workload),
    runnerOf('client over in-memory provider', memoryClient, workload),
  ];
  const results = await interleave(runners, pace);
  // Pairs back to back, first one way round and then the other: the ratio is free of what the machine does in between.
  const [ours, nothing] = runners;
  const ratios = { cpu: [], wall: [] };
  for (let pair = 0; pair < 2 * pace.rounds; pair++) {
    const both = pair % 2 === 0 ? [ours, nothing] : [nothing, ours];
    const times = new Map((await interleave(both, { ...pace, rounds: 1 })).map((each) => [each.name, each]));
    ratios.cpu.push(times.get(ours.name).cpuNs / times.get(nothing.name).cpuNs);
    ratios.wall.push(times.get(ours.name).wallNs / times.get(nothing.name).wallNs);
  }
  await OpenFeature.clearProviders();
  const ratioToNothing = { cpu: median(ratios.cpu), wall: median(ratios.wall) };
  return { id: `${workload.id} client`, title: workload.title, checked, results, left: [], ratioToNothing };
}

const { pace } = JSON.parse(process.argv[2]);
try {
  for (const group of ['W1', 'W2', 'W9']) {
    process.send({ workload: await compare(WORKLOADS[group]([])[0], pace) });
  }
} catch (error) {
  process.send({ error: error instanceof WrongAnswer ? error.message : error.stack });
  process.exitCode = 1;
}
process.disconnect();
