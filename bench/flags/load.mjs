/**
 * Child process of W8: loads one configuration file into one SDK and reports the time to the first right answer and the
 * memory it then holds. A process each, because memory is only comparable in processes that did nothing else.
 */

import { readFileSync } from 'node:fs';

/** Module and export by name, so that a child loads no other SDK than its own. */
export const LOADABLE = {
  edict: ['edict.mjs', 'edict'],
  flagd: ['flagd.mjs', 'flagd'],
  unleash: ['unleash.mjs', 'unleash'],
  growthbook: ['growthbook.mjs', 'growthbook'],
  launchdarkly: ['launchdarkly.mjs', 'launchdarkly'],
};

const memory = () => {
  for (let i = 0; i < 3; i++) globalThis.gc();
  return process.memoryUsage();
};

async function child() {
  const { name, path, question } = JSON.parse(process.argv[2]);
  const [file, exported] = LOADABLE[name];
  const begun = performance.now();
  const contender = (await import(`./contenders/${file}`))[exported];
  const importMs = performance.now() - begun;
  let text = readFileSync(path, 'utf8');
  const before = memory();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const instance = await contender.load(text);
  const ask = instance.bind(question.flag);
  const value = instance.valueOf(await ask(instance.context(question.context)));
  const readyMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  text = undefined;
  if (JSON.stringify(value) !== JSON.stringify(question.value)) {
    process.send({
      error: `${contender.name}: ${JSON.stringify(value)} for ${question.flag.key} after loading ${path}`,
    });
  } else {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const after = memory();
    process.send({
      importMs,
      readyMs,
      readyCpuMs: (user + system) / 1000,
      rssBytes: after.rss,
      rssBeforeBytes: before.rss,
      heapBytes: after.heapUsed,
      externalBytes: after.external,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    });
    // Asked again at the end: nothing of the SDK may have been collected before it was measured.
    await ask(instance.context(question.context));
  }
  await instance.close();
  process.disconnect();
}

if (process.send !== undefined && process.argv[1] === new URL(import.meta.url).pathname) await child();
