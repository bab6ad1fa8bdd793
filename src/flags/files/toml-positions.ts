/** Finds where a flag or one of its tables stands in a TOML text, by its table headers. */

import type { FindPosition, FlagPath, TextPosition } from '../finding.ts';

/** A header, or a `key = value` line under it, with the full path it speaks of. */
interface Place {
  readonly path: FlagPath;
  readonly position: TextPosition;
}

const BARE_OR_QUOTED_KEY = /\s*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')\s*/y;

/** The finder of one file; the file is scanned at the first question. */
export function tomlPositions(text: string): FindPosition {
  let places: ReadonlyMap<string, TextPosition> | undefined;
  return (flag, path) => {
    places ??= new Map(scan(text).map((place) => [JSON.stringify(place.path), place.position]));
    return places.get(JSON.stringify([flag, ...path]));
  };
}

/** Every header and every key line; only the first place of a path counts. */
function scan(text: string): Place[] {
  const places = new Map<string, Place>();
  const elements = new Map<string, number>();
  let table: FlagPath = [];
  let multiline: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (multiline === undefined) {
      const position = { line: index + 1, column: line.search(/\S/) + 1 };
      const header = /^\s*(\[\[?)/.exec(line);
      const keys = readKeys(line, header === null ? 0 : header[0].length);
      if (header !== null) table = tablePath(keys.path, header[1] === '[[', elements);
      else if (keys.path.length === 0 || line[keys.end] !== '=') keys.path.length = 0;
      const path = header !== null ? table : [...table, ...keys.path];
      if (header !== null || keys.path.length > 0) addWithParents(places, path, position);
    }
    multiline = openString(line, multiline);
  }
  return [...places.values()];
}

/** A dotted key names its parents too: `[flag.defaultRule]` is the place of `flag` when nothing earlier was. */
function addWithParents(places: Map<string, Place>, path: FlagPath, position: TextPosition): void {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const part = path.slice(0, depth);
    const key = JSON.stringify(part);
    if (!places.has(key)) places.set(key, { path: part, position });
  }
}

/** The path of a table. A part that is an array of tables means its newest element. */
function tablePath(keys: readonly string[], isElement: boolean, elements: Map<string, number>): FlagPath {
  const path: (string | number)[] = [];
  for (const [depth, key] of keys.entries()) {
    path.push(key);
    const id = JSON.stringify(path);
    let element = elements.get(id);
    if (isElement && depth === keys.length - 1) {
      element = element === undefined ? 0 : element + 1;
      elements.set(id, element);
    }
    if (element !== undefined) path.push(element);
  }
  return path;
}

function readKeys(line: string, from: number): { path: string[]; end: number } {
  const path: string[] = [];
  let end = from;
  for (;;) {
    BARE_OR_QUOTED_KEY.lastIndex = end;
    const match = BARE_OR_QUOTED_KEY.exec(line);
    if (match === null) return { path, end };
    path.push(match[1] ?? (match[2] === undefined ? (match[3] as string) : unescapeKey(match[2])));
    end = BARE_OR_QUOTED_KEY.lastIndex;
    if (line[end] !== '.') return { path, end };
    end += 1;
  }
}

function unescapeKey(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}

/** The delimiter of the multi-line string that is still open after this line. */
function openString(line: string, open: string | undefined): string | undefined {
  let delimiter = open;
  for (let at = 0; at < line.length; at += 1) {
    if (delimiter !== undefined) {
      if (delimiter === '"""' && line[at] === '\\') at += 1;
      else if (line.startsWith(delimiter, at)) {
        at += 2;
        delimiter = undefined;
      }
      continue;
    }
    const char = line[at];
    if (char === '#') return undefined;
    if (char !== '"' && char !== "'") continue;
    const triple = char.repeat(3);
    if (line.startsWith(triple, at)) {
      delimiter = triple;
      at += 2;
      continue;
    }
    at += 1;
    while (at < line.length && line[at] !== char) at += char === '"' && line[at] === '\\' ? 2 : 1;
  }
  return delimiter;
}
