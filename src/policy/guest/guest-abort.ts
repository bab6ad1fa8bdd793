/** What ends a call when AssemblyScript's `abort` is reached. */

export class GuestAbort extends Error {
  override readonly name = 'GuestAbort';

  constructor(text: string, line: number) {
    super(text === '' ? `aborted at line ${line}` : `${text} (line ${line})`);
  }
}
