/** What README and docs say of options is so: names, values and defaults. docs/options.md itself is written from the table. */

import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import type { EdictOptions } from '../../src/options/edict-options.ts';
import { DEFAULT_FALLBACK } from '../../src/options/fallback.ts';
import type { OptionRow } from '../../src/options/kinds.ts';
import { resolveOptions } from '../../src/options/resolve.ts';
import { OPTION_NAMES, OPTION_TABLE, type OptionName } from '../../src/options/table.ts';
import { RecordingLogger } from '../unit/relay/support/recording-logger.ts';

/** Pages about the options of evaluators and provider; those of the relay and the command line have options of their own. */
const PAGES = ['README.md', 'docs/operations.md', 'docs/usage-events.md'];
const textOf = (page: string): string => readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');

/** Throws for a bad value; gives the warnings, of which an unknown name costs one. */
function warningsOf(given: Record<string, unknown>): string[] {
  const logger = new RecordingLogger();
  resolveOptions({ endpoint: 'http://relay', logger, ...given } as EdictOptions);
  return logger.at('warn');
}

/** `name: value` in the text, as records. */
function settingsIn(text: string): [string, unknown][] {
  const found = text.matchAll(/`([a-z][A-Za-z0-9]*): ('[^'`]*'|\d[\d _]*|true|false)`/g);
  return [...found].map(([, name, value]) => {
    const literal = (value as string).replace(/(?<=\d)[ _](?=\d)/g, '').replaceAll("'", '"');
    return [name as string, JSON.parse(literal) as unknown];
  });
}

/** Names of options given to the public classes in the fenced blocks. */
function namesGivenIn(text: string): string[] {
  const names: string[] = [];
  for (const [, code] of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
    const visit = (node: ts.Node): void => {
      const isOurs = ts.isNewExpression(node) && /^(EdictProvider|\w+Evaluator)$/.test(node.expression.getText());
      const options = isOurs ? node.arguments?.[0] : undefined;
      if (options !== undefined && ts.isObjectLiteralExpression(options)) {
        for (const property of options.properties) {
          if (property.name !== undefined) names.push(property.name.getText());
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile('block.ts', code as string, ts.ScriptTarget.Latest, true));
  }
  return names;
}

/** The rows of a table whose first cell is a name in backticks: the name, and the second cell without its backticks. */
function rowsOf(text: string): [string, string][] {
  const rows = text.matchAll(/^\| `(\w+)` \| ([^|]*) \|/gm);
  return [...rows].map(([, name, cell]) => [name as string, (cell as string).replaceAll('`', '').trim()]);
}

function section(text: string, title: string): string {
  return text.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
}

describe.each(PAGES)('%s (D-10)', (page) => {
  it('names options that exist, with values they take', () => {
    for (const [name, value] of settingsIn(textOf(page))) {
      expect(warningsOf({ [name]: value }), `${name}: ${value}`).toEqual([]);
    }
  });

  it('has examples whose options exist', () => {
    expect(namesGivenIn(textOf(page)).filter((name) => !(OPTION_NAMES as readonly string[]).includes(name))).toEqual(
      [],
    );
  });
});

describe('the defaults that README and docs show (D-07, D-10)', () => {
  it('of the options of the README are those of the code', () => {
    const rows = rowsOf(section(textOf('README.md'), 'Options'));
    expect(rows.length).toBeGreaterThan(5);
    const expected = rows.map(([name]) => {
      const row = OPTION_TABLE[name as OptionName] as OptionRow<unknown>;
      return [name, row.defaultText?.replaceAll('`', '') ?? String(row.fallback())];
    });
    expect(rows).toEqual(expected);
  });

  it('of the fallback are those of the code', () => {
    const rows = rowsOf(section(textOf('docs/operations.md'), 'When the engine fails')).filter(
      ([name]) => name !== 'fallback',
    );
    const shown = Object.fromEntries(rows.map(([name, cell]) => [name, Number(cell.replaceAll(' ', ''))]));
    const { mode: _, ...numbers } = DEFAULT_FALLBACK;
    expect(shown).toEqual(numbers);
  });
});

describe('the reading of pages', () => {
  it('finds settings, rows and options of examples', () => {
    expect(settingsIn("`startup: 'lenient'`, `flushIntervalMs: 60 000` and `a: b`")).toEqual([
      ['startup', 'lenient'],
      ['flushIntervalMs', 60_000],
    ]);
    expect(rowsOf('| `a` | `1` | x |\n| b | 2 | y |')).toEqual([['a', '1']]);
    expect(namesGivenIn('```ts\nconst e = new RemoteEvaluator({ endpoint, apiKey: key({ b: 1 }) });\n```\n')).toEqual([
      'endpoint',
      'apiKey',
    ]);
  });
});
