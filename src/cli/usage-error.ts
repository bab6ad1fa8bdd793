/** A mistake in how the command was called: shown as one sentence, exit code 2. */

export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** What to do about it, shown on a line of its own. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
