/** What the exit code of every command means. */

export const ExitCode = {
  /** Done, and nothing to complain about. */
  fine: 0,
  /** Done, and something was found: a lint finding, a bad line, a failed check. */
  found: 1,
  /** Not done: unknown option, unreadable file, port taken. */
  misuse: 2,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
