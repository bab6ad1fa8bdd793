/** The clockwork: loops with code of their own, calibration, interleaved rounds, medians of CPU and wall time. */

/**
 * Loop bodies by the mode of a workload. `calls` are the bound flags, `list` the contexts (or, when the contender opens
 * something per request, what it opened), `state.at` where the last round stopped. The sink keeps results alive.
 */
const BODIES = {
  single: 'if (AWAIT call(list[at]) === state) hits++; if (++at === list.length) at = 0;',
  mixed:
    'if (AWAIT calls[order.flags[at]](list[order.users[at]]) === state) hits++; if (++at === order.flags.length) at = 0;',
  // One request is 20 evaluations for one user; opening it is part of the cost.
  requests:
    'if (n % 20 === 0) request = open(list[order.users[at]]);' +
    ' if (AWAIT calls[order.flags[at]](request) === state) hits++; if (++at === order.flags.length) at = 0;',
  all: 'if (AWAIT all(list[at]) === state) hits++; if (++at === list.length) at = 0;',
  each: 'const c = list[at]; for (const one of calls) if (AWAIT one(c) === state) hits++; if (++at === list.length) at = 0;',
  eachOpened:
    'const c = open(list[at]); for (const one of calls) if (AWAIT one(c) === state) hits++; if (++at === list.length) at = 0;',
};

let loops = 0;

/**
 * A loop function nobody else runs: V8 keeps type feedback per function, and one loop shared by ten contenders would
 * charge each of them for the others. The number in the text makes the source, and so the compiled code, its own.
 */
export function loopOf(kind, isAsync) {
  loops++;
  const body = BODIES[kind].replaceAll('AWAIT', isAsync ? 'await' : '');
  const text = `/* loop ${loops} */ return ${isAsync ? 'async ' : ''}(state, times) => {
    const { calls, list, order, open, all } = state; const call = calls?.[0]; let { at } = state; let hits = 0; let request;
    for (let n = 0; n < times; n++) { ${body} }
    state.at = at; return hits;
  };`;
  return new Function(text)();
}

const nowNs = () => Number(process.hrtime.bigint());

async function timed(run, times) {
  const cpu = process.cpuUsage();
  const start = nowNs();
  await run(times);
  const wall = nowNs() - start;
  const used = process.cpuUsage(cpu);
  return { wall, cpu: (used.user + used.system) * 1000 };
}

/** How often the loop must turn to last `roundMs`; warms the code up on the way. */
async function calibrate(run, roundMs, warmupMs) {
  let times = 1;
  let spentMs = 0;
  for (;;) {
    const { wall } = await timed(run, times);
    spentMs += wall / 1e6;
    if (spentMs >= warmupMs && wall >= roundMs * 0.5e6) return Math.max(1, Math.ceil((times * roundMs * 1.1e6) / wall));
    if (wall < roundMs * 0.5e6) times *= 2;
  }
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Measures runners `{ name, run(times), opsPerTurn }` round after round, each round beginning with another one, so that
 * a machine that slows down slows everybody. Gives nanoseconds an operation: medians, and the quartiles of CPU time.
 * A runner measured before keeps its calibration.
 */
export async function interleave(runners, { rounds, roundMs, warmupMs }) {
  for (const runner of runners) runner.times ??= await calibrate(runner.run, roundMs, warmupMs);
  const samples = runners.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < runners.length; step++) {
      const index = (round + step) % runners.length;
      const runner = runners[index];
      const { wall, cpu } = await timed(runner.run, runner.times);
      const operations = runner.times * (runner.opsPerTurn ?? 1);
      samples[index].push({ wall: wall / operations, cpu: cpu / operations });
    }
  }
  return runners.map((runner, index) => {
    const cpu = samples[index].map((sample) => sample.cpu).sort((a, b) => a - b);
    return {
      name: runner.name,
      cpuNs: median(cpu),
      wallNs: median(samples[index].map((sample) => sample.wall)),
      cpuQuartilesNs: [cpu[cpu.length >> 2], cpu[(3 * cpu.length) >> 2]],
      rounds,
      operationsPerRound: runner.times * (runner.opsPerTurn ?? 1),
    };
  });
}
