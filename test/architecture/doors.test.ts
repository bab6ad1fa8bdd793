/** The public doors: names listed by hand, compared with a committed list, each with a docstring. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { parseSource, publicDoors, ROOT } from './source-files.ts';

const doors = publicDoors();
const sourcePath = (path: string): string => join(ROOT, 'src', path);

const config = ts.getParsedCommandLineOfConfigFile(
  join(ROOT, 'tsconfig.json'),
  { noEmit: true },
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
    },
  },
)!;
const program = ts.createProgram([...doors.values()].map(sourcePath), config.options);
const checker = program.getTypeChecker();

interface Export {
  readonly name: string;
  readonly kind: 'type' | 'value';
  readonly documentation: string;
}

function exportsOf(path: string): Export[] {
  const file = program.getSourceFile(sourcePath(path));
  if (file === undefined) throw new Error(`src/${path} is missing: package.json has an entry point for it`);
  const module = checker.getSymbolAtLocation(file);
  if (module === undefined) throw new Error(`src/${path} exports nothing`);
  return checker.getExportsOfModule(module).map((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return {
      name: symbol.name,
      kind: target.flags & ts.SymbolFlags.Value ? 'value' : 'type',
      documentation: ts.displayPartsToString(target.getDocumentationComment(checker)),
    };
  });
}

describe.each([...doors])('the entry point %s', (subpath, path) => {
  it('exports something, every name listed by hand', () => {
    const file = parseSource(path, readFileSync(sourcePath(path), 'utf8'));
    const stars = file.tree.statements.filter(
      (statement) =>
        ts.isExportDeclaration(statement) && (!statement.exportClause || ts.isNamespaceExport(statement.exportClause)),
    );
    expect(stars.map((statement) => statement.getText(file.tree))).toEqual([]);
    expect(exportsOf(path).length).toBeGreaterThan(0);
  });

  it('has a docstring on every export', () => {
    const silent = exportsOf(path).filter(({ documentation }) => documentation.trim() === '');
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('exports the names of the committed list: a change there is an API change and needs a changelog line', async () => {
    const list = exportsOf(path)
      .map(({ kind, name }) => `${kind} ${name}\n`)
      .sort();
    const file = subpath === '.' ? 'main' : subpath.replace('./', '');
    await expect(list.join('')).toMatchFileSnapshot(`api/${file}.txt`);
  });
});
