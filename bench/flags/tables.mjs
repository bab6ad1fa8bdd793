/** The tables a person reads: plain text, one line a contender, ratios beside the nanoseconds. */

const number = (value, digits = 1) =>
  value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toFixed(digits);
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);

/** Right-aligned columns below a heading; the first column is left-aligned. */
export function table(heading, columns, rows) {
  const cells = [columns, ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index].length)));
  const line = (row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  return [`\n${heading}`, ...cells.map((row) => `  ${line(row)}`)].join('\n');
}

/** What ratios refer to: the shape of Edict that the workload is about, or the fastest where Edict takes no part. */
function baseOf(results) {
  const named = (prefix) => results.find(({ name }) => name.startsWith(prefix));
  const fastest = results.reduce((a, b) => (b.cpuNs < a.cpuNs ? b : a));
  return named('Edict evaluateAll') ?? named('Edict evaluate') ?? named('client over Edict') ?? fastest;
}

/** One workload. Ratios are of CPU time. */
export function workloadTable({ id, title, checked, results, left, ratioToNothing }) {
  const base = baseOf(results);
  const rows = results.map(({ name, cpuNs, wallNs, cpuQuartilesNs: [low, high] }) => [
    name,
    number(cpuNs),
    number(wallNs),
    `${number(low)}–${number(high)}`,
    `${(cpuNs / base.cpuNs).toFixed(2)} ×`,
  ]);
  const heading = `${id}: ${title} (${checked.toLocaleString('en-US')} answers checked)`;
  const lines = [table(heading, ['contender', 'CPU ns', 'wall ns', 'CPU quartiles', `to ${base.name}`], rows)];
  for (const { name, why } of left) lines.push(`  left out: ${name} ${why}`);
  if (ratioToNothing) {
    const { cpu, wall } = ratioToNothing;
    lines.push(`  Edict to nothing, pair by pair in both orders: ${cpu.toFixed(3)} × CPU, ${wall.toFixed(3)} × wall`);
  }
  return lines.join('\n');
}

export function loadingTable({ flags, rounds, results }) {
  const rows = results.map((each) => [
    each.name,
    number(each.readyMs),
    number(each.readyCpuMs),
    mebibytes(each.rssBytes),
    mebibytes(each.rssBytes - each.rssBeforeBytes),
    mebibytes(each.heapBytes + each.externalBytes),
    mebibytes(each.peakRssBytes),
  ]);
  const heading = `W8: ${flags.toLocaleString('en-US')} flags loaded from text (medians of ${rounds} processes)`;
  return table(heading, ['contender', 'ready ms', 'CPU ms', 'RSS MiB', 'added MiB', 'heap+ext MiB', 'peak MiB'], rows);
}

export function startingTable({ flags, rounds, results }) {
  const rows = results.map((each) => [
    each.name,
    number(each.wholeMs),
    number(each.importMs),
    number(each.initializeMs),
    number(each.relayMs),
    number(each.beyondRelayMs),
    mebibytes(each.rssBytes),
    mebibytes(each.settledRssBytes),
    mebibytes(each.peakRssBytes),
  ]);
  const columns = [
    'contender',
    'whole ms',
    'import',
    'initialize',
    'relay',
    'beyond relay',
    'RSS MiB',
    'settled',
    'peak',
  ];
  const heading = `Start: ${flags.toLocaleString('en-US')} flags from a relay on loopback (medians of ${rounds} processes)`;
  return table(heading, columns, rows);
}

export function memoryText({ evaluations, guestBytesBefore, guestBytesAfter, rssGrowthBytes }) {
  const guest =
    guestBytesBefore === guestBytesAfter ? 'unchanged' : `grew to ${guestBytesAfter.toLocaleString('en-US')}`;
  return (
    `\nMemory: ${evaluations.toLocaleString('en-US')} evaluations; guest memory ` +
    `${guestBytesBefore.toLocaleString('en-US')} bytes, ${guest}; RSS ${mebibytes(rssGrowthBytes)} MiB more`
  );
}

/** Every shape of Edict beside the fastest flag SDK, workload by workload, with the rule engine and the floor to look at. */
export function verdictTable(workloads, contenders, isPeer) {
  const rows = [];
  for (const { id, results } of workloads) {
    const best = (accepts) => {
      const names = contenders.filter(accepts).map(({ name }) => name);
      const own = results.filter(({ name }) => names.some((each) => name === each || name.startsWith(`${each},`)));
      return own.sort((a, b) => a.cpuNs - b.cpuNs)[0];
    };
    const peer = best(isPeer);
    const [engine, floor] = [best((each) => each.isRuleEngine), best((each) => each.isFloor)];
    for (const { name, cpuNs } of results.filter((each) => each.name.startsWith('Edict'))) {
      rows.push([
        id,
        name,
        number(cpuNs),
        peer?.name ?? '',
        peer ? number(peer.cpuNs) : '',
        peer ? `${(peer.cpuNs / cpuNs).toFixed(2)} ×` : '',
        peer ? (cpuNs <= peer.cpuNs ? 'at or under' : 'slower') : '',
        engine ? number(engine.cpuNs) : '',
        floor ? number(floor.cpuNs) : '',
      ]);
    }
  }
  if (rows.length === 0) return '';
  const columns = ['', 'Edict', 'CPU ns', 'fastest flag SDK', 'CPU ns', 'factor', 'Edict is', 'rule engine', 'floor'];
  return table('Edict and the fastest flag SDK', columns, rows);
}
