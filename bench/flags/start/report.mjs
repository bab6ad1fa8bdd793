/** What a starting process tells its parent: one JSON line at the first right answer, one when memory has settled. */

const LINE = '\n';

export const { port, question, settleMs } = JSON.parse(process.argv[2] ?? '{}');
export const started = performance.now();

/** Called with the first answer; a wrong one ends the process with exit code 3. */
export function answered(value, { imported, ready }) {
  const answeredAt = performance.now();
  if (JSON.stringify(value) !== JSON.stringify(question.value)) {
    process.stderr.write(
      `${JSON.stringify(value)} for ${question.flag.key}, expected ${JSON.stringify(question.value)}\n`,
    );
    process.exit(3);
  }
  const line = {
    importMs: imported - started,
    initializeMs: ready - imported,
    firstMs: answeredAt - started,
    rssBytes: process.memoryUsage.rss(),
  };
  process.stdout.write(JSON.stringify(line) + LINE);
  setTimeout(() => {
    const settled = { settledRssBytes: process.memoryUsage.rss(), peakRssBytes: process.resourceUsage().maxRSS * 1024 };
    process.stdout.write(JSON.stringify(settled) + LINE, () => process.exit(0));
  }, settleMs);
}
