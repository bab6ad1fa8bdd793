/** What the scripts print: headings, times and failures, in colour only where colour is wanted. */

export const coloured =
  process.env.NO_COLOR === undefined &&
  (process.env.FORCE_COLOR !== undefined ? process.env.FORCE_COLOR !== '0' : process.stdout.isTTY === true);

const paint = (code) => (text) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);

export function say(line = '') {
  process.stdout.write(`${line}\n`);
}

/** A duration a person reads at a glance: `0.4 s`, `12.3 s`, `2 min 05 s`. */
export function seconds(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** A failure whose message is all the reader needs: the scripts print it without a stack. */
export class PlainError extends Error {}

/** Runs a script's main function; a failure becomes a message on stderr and exit code 1. */
export async function main(action) {
  try {
    await action();
  } catch (error) {
    process.stderr.write(`${red(error instanceof PlainError ? error.message : (error?.stack ?? String(error)))}\n`);
    process.exitCode = 1;
  }
}
