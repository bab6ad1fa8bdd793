/** Which tests name which identifiers: read from the sources of the tests, so that a row of the report needs a test that exists. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT, walk } from '../architecture/source-files.ts';

export interface NamedTest {
  /** From the root of the repository: 'test/unit/relay/validator.test.ts'. */
  readonly file: string;
  /** As written: `%s`, `$name` and `${…}` of a template stay. */
  readonly name: string;
}

const IDENTIFIER = /\b(?:GOFF-[A-Z]+-\d{3}|[DPRSUV]-\d{2})\b/g;
const CALLS: ReadonlySet<string> = new Set(['it', 'test', 'describe']);
/** A test that does not run shows nothing. */
const NOT_RUN: ReadonlySet<string> = new Set(['skip', 'todo', 'fails']);

/** Identifier to the tests whose names contain it: those of `npm test` first, and of every file the first one first. */
export function readNamedTests(): ReadonlyMap<string, readonly NamedTest[]> {
  const found = new Map<string, NamedTest[]>();
  for (const { file, name } of testFiles().flatMap(namesIn)) {
    for (const [id] of name.matchAll(IDENTIFIER)) {
      const tests = found.get(id) ?? [];
      if (!tests.some((test) => test.file === file && test.name === name)) tests.push({ file, name });
      found.set(id, tests);
    }
  }
  return new Map([...found].map(([id, tests]) => [id, inOrder(tests)]));
}

/** Names of the tests and groups of tests in one file, in its order. */
export function namesIn({ file, text }: { readonly file: string; readonly text: string }): readonly NamedTest[] {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const names: NamedTest[] = [];
  walk(tree, (node) => {
    if (!ts.isCallExpression(node)) return;
    const [title] = node.arguments;
    if (title === undefined || node.arguments.length < 2 || !declaresTest(node.expression)) return;
    const name = textOf(title, tree);
    if (name === undefined) return;
    names.push({ file, name });
    for (const row of rowNames(node.expression, tree)) names.push({ file, name: name.replace('%s', row) });
  });
  return names;
}

function testFiles(): { file: string; text: string }[] {
  return readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .map((path) => `test/${path.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.ts'))
    .sort(compare)
    .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }))
    .filter(({ text }) => text.search(IDENTIFIER) >= 0);
}

/** `it`, `it.each(…)`, `describe.runIf(…)`: what is left of the parentheses with the name. */
function declaresTest(callee: ts.Expression): boolean {
  if (ts.isIdentifier(callee)) return CALLS.has(callee.text);
  if (ts.isPropertyAccessExpression(callee)) return !NOT_RUN.has(callee.name.text) && declaresTest(callee.expression);
  return ts.isCallExpression(callee) && declaresTest(callee.expression);
}

/** The names in the table of `it.each(table)('%s', …)`: the first text of each row that names an identifier. */
function rowNames(callee: ts.Expression, tree: ts.SourceFile): readonly string[] {
  const [argument] = ts.isCallExpression(callee) ? callee.arguments : [];
  const table = argument === undefined ? undefined : literalOf(argument, tree);
  if (table === undefined || !ts.isArrayLiteralExpression(table)) return [];
  return table.elements.flatMap((row) => {
    const first = ts.isArrayLiteralExpression(row) ? row.elements[0] : row;
    if (first === undefined || !ts.isStringLiteralLike(first)) return [];
    return first.text.search(IDENTIFIER) >= 0 ? [first.text] : [];
  });
}

/** Without `as const` and the like; a name stands for what it was declared with. */
function literalOf(expression: ts.Expression, tree: ts.SourceFile): ts.Expression | undefined {
  if (ts.isAsExpression(expression) || ts.isSatisfiesExpression(expression))
    return literalOf(expression.expression, tree);
  if (!ts.isIdentifier(expression)) return expression;
  let found: ts.Expression | undefined;
  walk(tree, (node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText(tree) === expression.text) found = node.initializer;
  });
  return found === undefined || ts.isIdentifier(found) ? undefined : literalOf(found, tree);
}

function textOf(title: ts.Expression, tree: ts.SourceFile): string | undefined {
  if (ts.isStringLiteralLike(title)) return title.text;
  return ts.isTemplateExpression(title) ? title.getText(tree).slice(1, -1) : undefined;
}

function inOrder(tests: readonly NamedTest[]): readonly NamedTest[] {
  const place = ({ file }: NamedTest, index: number) =>
    tests.slice(0, index).filter((test) => test.file === file).length;
  return tests
    .map((test, index) => ({ test, place: place(test, index) }))
    .sort((a, b) => rank(a.test.file) - rank(b.test.file) || a.place - b.place || compare(a.test.file, b.test.file))
    .map(({ test }) => test);
}

/** The ones that run only when asked, or only where Go is installed, come last. */
function rank(file: string): number {
  return /^test\/(?:deep|integration|differential)\//.test(file) ? 1 : 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
