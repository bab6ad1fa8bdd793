/** Reads a YAML flag file. */

import type { Document, Node } from 'yaml';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { JsonValue } from '../../internal/json.ts';
import type { Finding, FindPosition, FlagPath, TextPosition } from '../finding.ts';
import type { FlagFile } from './flag-file.ts';
import { brokenFile, wrongTopLevel } from './flag-file.ts';
import type { Shape } from './flag-shape.ts';
import { FLAG } from './flag-shape.ts';
import type { ReportProblem, YamlEntry } from './yaml-values.ts';
import { YamlConverter, YamlProblem } from './yaml-values.ts';

/** The file itself: a map of flags. */
const TOP_LEVEL = { kind: 'map', of: FLAG } as const;

export function readYaml(text: string): FlagFile {
  const lines = new LineCounter();
  const documents = parse(text, lines);
  if ('flags' in documents) return documents;
  const [document, ...others] = documents;
  if (document === undefined) return { flags: new Map(), findings: [], isReadable: true, positions: () => undefined };
  const [error] = document.errors;
  if (error !== undefined) {
    // The library recurses; where its stack ends it says so in the engine's words.
    const message = error.message.startsWith('Maximum call stack') ? 'nesting is too deep' : error.message;
    return brokenFile(message, placeOf(lines, error.pos[0]), 'correct the YAML at this place');
  }
  const findings: Finding[] = [];
  if (others.length > 0) {
    findings.push({
      message: 'only the first of several YAML documents is read',
      ...placeOf(lines, others[0]?.range[0] ?? 0),
      remedy: 'put all flags into one document',
    });
  }
  return readDocument(document, lines, findings);
}

/** All scalars come as text: what they mean is decided by this project's own rules, not by a schema of the library. */
function parse(text: string, lines: LineCounter): Document.Parsed[] | FlagFile {
  try {
    const documents = parseAllDocuments(text, {
      schema: 'failsafe',
      resolveKnownTags: false,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
      lineCounter: lines,
    });
    return [...documents] as Document.Parsed[];
  } catch (caught) {
    if (caught instanceof RangeError) return brokenFile('nesting is too deep', undefined, 'nest less');
    throw caught;
  }
}

function readDocument(document: Document.Parsed, lines: LineCounter, findings: Finding[]): FlagFile {
  const converter = new YamlConverter(document);
  const root = document.contents as Node | null;
  const flags = new Map<string, JsonValue>();
  const nodes = new Map<string, YamlEntry>();
  if (!isMap(root)) {
    const empty = root === null || (isScalar(root) && ['', '~', 'null'].includes(String(root.value)));
    if (!empty) return wrongTopLevel(isSeq(root) ? 'array' : 'string');
    return { flags, findings, isReadable: true, positions: () => undefined };
  }
  // A problem of one key or one flag is reported and left behind, so that it hides no other flag.
  const report: ReportProblem = (problem, key) => findings.push(findingOf(problem, lines, key, root));
  for (const entry of converter.entries(root, TOP_LEVEL, report)) {
    nodes.set(entry.key, entry);
    try {
      flags.set(entry.key, converter.flag(entry.value));
    } catch (caught) {
      findings.push(findingOf(caught, lines, entry.key, entry.keyNode));
    }
  }
  return { flags, findings, isReadable: true, positions: yamlPositions(converter, nodes, lines) };
}

function findingOf(problem: unknown, lines: LineCounter, flag: string | undefined, fallback: Node): Finding {
  if (!(problem instanceof YamlProblem)) throw problem;
  return {
    ...(flag === undefined ? {} : { flag }),
    message: problem.message,
    ...placeOf(lines, (problem.node ?? fallback).range?.[0] ?? 0),
    remedy: problem.remedy,
  };
}

function yamlPositions(
  converter: YamlConverter,
  flags: ReadonlyMap<string, YamlEntry>,
  lines: LineCounter,
): FindPosition {
  return (flag: string, path: FlagPath): TextPosition | undefined => {
    const entry = flags.get(flag);
    if (entry === undefined) return undefined;
    let place: Node | null = entry.keyNode;
    let value: Node | null = entry.value;
    let shape: Shape | undefined = FLAG;
    for (const step of path) {
      const container: Node | null = converter.resolve(value);
      if (isMap(container)) {
        const member = converter.entries(container).find(({ key }) => key === step);
        if (member === undefined) return undefined;
        place = member.keyNode;
        value = member.value;
        shape = shape?.kind === 'struct' ? shape.members.get(member.key) : undefined;
      } else if (isSeq(container) && typeof step === 'number') {
        const item: unknown = converter.elements(container, shape)[step];
        if (!isNode(item)) return undefined;
        shape = shape?.kind === 'list' ? shape.of : undefined;
        place = item;
        value = item;
      } else {
        return undefined;
      }
    }
    return place.range ? placeOf(lines, place.range[0]) : undefined;
  };
}

function placeOf(lines: LineCounter, offset: number): TextPosition {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}
