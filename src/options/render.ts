/** Writes the two texts that come from the table of options: the documented type and docs/options.md. */

import { environmentName } from './env.ts';
import type { OptionGroup, OptionRow } from './kinds.ts';
import type { OptionName } from './table.ts';
import { OPTION_NAMES, OPTION_TABLE } from './table.ts';

const LINE_WIDTH = 120;

const INTRODUCTION = `# Options

Every option of Edict, from the table the code uses; a test keeps this page equal to it.

- A value that breaks its rule throws \`INVALID_OPTION\`, naming the option, the kind of value and the rule, before any I/O.
- A name that does not exist is ignored with one warning, which names the nearest known option.
- Options are copied and frozen; changing your object later has no effect.
- No environment variable is read unless you ask: \`optionsFromEnv()\` reads the variables named here, then
  \`OFREP_ENDPOINT\`, \`OFREP_HEADERS\` and \`OFREP_TIMEOUT_MS\` for what is still missing. Values given in code win:
  \`{ ...optionsFromEnv(), pollIntervalMs: 30_000 }\`.
- Durations are whole milliseconds, sizes are bytes.
`;

/** docs/options.md. */
export function renderOptionsMarkdown(): string {
  const groups = new Map<OptionGroup, OptionName[]>();
  for (const name of OPTION_NAMES) {
    const { group } = OPTION_TABLE[name];
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  const sections = [...groups].map(([group, names]) => {
    const head = `## ${group}\n\n| Option | Type | Default | Rule | What it does | Why change it |\n|---|---|---|---|---|---|\n`;
    return head + names.map(renderRow).join('');
  });
  return [INTRODUCTION, ...sections].join('\n');
}

/** src/options/edict-options.ts: a hand-readable interface, so that editors show the text of the table. */
export function renderOptionsType(): string {
  const members = OPTION_NAMES.map((name) => {
    const row = OPTION_TABLE[name] as OptionRow<unknown>;
    const sentences = `${row.doc} ${row.why} Default: ${plainDefault(row)}${row.unit === undefined ? '' : ` ${row.unit}`}.`;
    const comment = wrap(sentences, LINE_WIDTH - '   * '.length).map((line) => `   * ${line}\n`);
    return `  /**\n${comment.join('')}   */\n  readonly ${name}?: ${memberType(row.type)};\n`;
  });
  return `/** The type of the options a caller can give. Written from the table in table.ts by render.ts; a test keeps it equal. */

import type { Dispatcher } from 'undici';

import type { Logger } from '../telemetry/logger.ts';
import type { Meter } from '../telemetry/meter.ts';
import type { Clock } from './clock.ts';
import type { FallbackOption } from './fallback.ts';
import type { HeadersFunction } from './rows/connection.ts';

/** Every option, each documented with its default. All may be left out, except \`endpoint\` or else \`bootstrap\`. */
export interface EdictOptions {
${members.join('')}}
`;
}

function renderRow(name: OptionName): string {
  const row = OPTION_TABLE[name] as OptionRow<unknown>;
  const variable = row.fromText === undefined ? '' : `<br>\`${environmentName(name)}\``;
  const type = row.unit === undefined ? row.type : `${row.type} (${row.unit})`;
  const cells = [`\`${name}\`${variable}`, `\`${type}\``, renderDefault(row), row.rule, row.doc, row.why];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
}

/** From the constant the code really uses, unless the row has better words. */
function renderDefault(row: OptionRow<unknown>): string {
  return row.defaultText ?? `\`${row.fallback()}\``;
}

function plainDefault(row: OptionRow<unknown>): string {
  return row.defaultText ?? String(row.fallback());
}

/** An optional member may also be given as undefined, which counts as absent: spreads of partial objects do that. */
function memberType(type: string): string {
  // Bare, it would be a function that may give undefined.
  const isFunction = /^\(.*\) => /.test(type);
  return `${isFunction ? `(${type})` : type} | undefined`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
