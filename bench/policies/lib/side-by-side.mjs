/** Two or more runners in one process, round by round in changing order, so that a slow moment is slow for all of them. */

const wall = () => Number(process.hrtime.bigint());

/** Nanoseconds of this process alone: for machines that are busy with much else. */
export function cpuTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}

function timed(run, times, clock) {
  const start = clock();
  run(times);
  return clock() - start;
}

/** The quantile `share` of unsorted numbers. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/**
 * Runners are functions of how often to turn. Gives for each the nanoseconds a turn (lower quartile over the rounds:
 * neighbours on the machine only ever add) and `ratio`, the median over the rounds of its time to the first runner's.
 */
export function sideBySide(runners, { rounds, roundMs, clock = wall }) {
  let times = 1;
  while (timed(runners[0], times, clock) < roundMs * 1e6) times *= 2;
  const samples = runners.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < runners.length; step++) {
      const index = (round + step) % runners.length;
      samples[index].push(timed(runners[index], times, clock) / times);
    }
  }
  return samples.map((own) => ({
    ns: quantile(own, 0.25),
    ratio: quantile(
      own.map((sample, round) => sample / samples[0][round]),
      0.5,
    ),
  }));
}
