/** What validation has to say about a flag: plain data, and the one way to print it. */

/** One member of a flag on the way to the place a finding is about. */
export type FlagPath = readonly (string | number)[];

/** Something wrong with a flag (or with the whole file, when `flag` is missing). */
export interface Finding {
  readonly flag?: string;
  /** The rule's name, or its place (`defaultRule`, `targeting[2]`) when it has none. */
  readonly rule?: string;
  /** The member the message is about, for example `query` or `percentage`. */
  readonly field?: string;
  /** The exact text GO Feature Flag logs, where it has one. */
  readonly message: string;
  /** Where in the flag's JSON the member stands, or would have to stand. */
  readonly path?: FlagPath;
  /** Line in the flag file, from 1. */
  readonly line?: number;
  /** Column in the flag file, from 1. */
  readonly column?: number;
  /** How to put it right, in a plain sentence. */
  readonly remedy?: string;
}

/** A place in a file; both count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** Finds the place of a flag (empty path) or of something inside it; `undefined` when the file does not hold it. */
export type FindPosition = (flag: string, path: FlagPath) => TextPosition | undefined;

/** One line: `file:line:column: flag "key", rule "name", field query: message (remedy)`. */
export function formatFinding(finding: Finding, file?: string): string {
  const place = [file, finding.line, finding.column].filter((part) => part !== undefined).join(':');
  const subject = [
    finding.flag === undefined ? undefined : `flag ${JSON.stringify(finding.flag)}`,
    finding.rule === undefined ? undefined : `rule ${JSON.stringify(finding.rule)}`,
    finding.field === undefined ? undefined : `field ${finding.field}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
  const remedy = finding.remedy === undefined ? '' : ` (${finding.remedy})`;
  return `${[place, subject, finding.message].filter((part) => part !== '').join(': ')}${remedy}`;
}

/** The findings with line and column filled in. A place that does not exist is shown at the nearest parent that does. */
export function locateFindings(findings: readonly Finding[], find: FindPosition): Finding[] {
  return findings.map((finding) => {
    if (finding.flag === undefined || finding.line !== undefined) return finding;
    const path = finding.path ?? [];
    for (let depth = path.length; depth >= 0; depth -= 1) {
      const position = find(finding.flag, path.slice(0, depth));
      if (position !== undefined) return { ...finding, line: position.line, column: position.column };
    }
    return finding;
  });
}
