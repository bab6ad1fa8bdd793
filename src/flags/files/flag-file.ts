/** What reading a flag file yields, whatever its format. */

import type { JsonValue } from '../../internal/json.ts';
import type { Finding, FindPosition, TextPosition } from '../finding.ts';

/** The flags of a file as JSON values, not yet validated, with what was wrong on the way. */
export interface FlagFile {
  /** Flag key to flag, in file order. Flags that could not be converted are missing; a finding says why. */
  readonly flags: ReadonlyMap<string, JsonValue>;
  /** A finding without `flag` is about the file: a syntax error, or a top-level key that names no flag. */
  readonly findings: readonly Finding[];
  /** False when the file as a whole could not be read; `flags` is empty then, and nothing is known about it. */
  readonly isReadable: boolean;
  /** Places in the file, worked out when asked. */
  readonly positions: FindPosition;
}

const NOWHERE: FindPosition = () => undefined;

/** A file that cannot be read at all. */
export function brokenFile(message: string, position: TextPosition | undefined, remedy: string): FlagFile {
  return { flags: new Map(), findings: [{ message, ...position, remedy }], isReadable: false, positions: NOWHERE };
}

/** A file that can be read but is not a map of flags. */
export function wrongTopLevel(kind: string): FlagFile {
  return brokenFile(
    `the top level must map flag names to flags, found ${kind}`,
    { line: 1, column: 1 },
    "write one member per flag, with the flag's name as the key",
  );
}
