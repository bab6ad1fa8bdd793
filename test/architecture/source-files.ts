/** The files of src/ with their syntax trees and imports: what the architecture tests look at. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Import {
  /** As written: './x.ts', 'node:fs', 'undici'. */
  readonly specifier: string;
  /** For relative imports the path below src/; undefined for packages and built-in modules. */
  readonly target: string | undefined;
  /** Erased by the compiler: it costs nothing at run time. */
  readonly typeOnly: boolean;
  /** `import()` inside code: loaded when first needed, not with the module. */
  readonly lazy: boolean;
  /** `export … from`. */
  readonly reExport: boolean;
}

export interface SourceFile {
  /** Below src/, with `/`: 'flags/image/pool.ts'. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

/** Every TypeScript file of src/, sorted by path. */
export function readSources(): readonly SourceFile[] {
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => parseSource(path, readFileSync(join(ROOT, 'src', path), 'utf8')));
}

/** One file from its text; the tests of the rules themselves use it for made-up files. */
export function parseSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const imports: Import[] = [];
  const add = (
    specifier: ts.Expression | undefined,
    facts: { typeOnly: boolean; lazy: boolean; reExport: boolean },
  ) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const target = specifier.text.startsWith('.') ? posix.join(posix.dirname(path), specifier.text) : undefined;
    imports.push({ specifier: specifier.text, target, ...facts });
  };
  walk(tree, (node) => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, { typeOnly: importsOnlyTypes(node.importClause), lazy: false, reExport: false });
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, { typeOnly: exportsOnlyTypes(node), lazy: false, reExport: true });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], { typeOnly: false, lazy: true, reExport: false });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, { typeOnly: true, lazy: false, reExport: false });
    }
  });
  return { path, text, tree, imports };
}

/** Visits a node and everything below it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** The package of an import ('@openfeature/server-sdk', 'yaml'); undefined for relative and built-in ones. */
export function packageOf({ specifier }: Import): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

export interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

export function readManifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
}

/** The sources of the package's entry points, by subpath: '.' is 'index.ts'. */
export function publicDoors(): ReadonlyMap<string, string> {
  const doors = new Map<string, string>();
  for (const [subpath, target] of Object.entries(readManifest().exports)) {
    if (typeof target === 'string') continue;
    doors.set(subpath, target.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts'));
  }
  return doors;
}

function importsOnlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
}

function exportsOnlyTypes(node: ts.ExportDeclaration): boolean {
  if (node.isTypeOnly) return true;
  const clause = node.exportClause;
  if (clause === undefined || !ts.isNamedExports(clause)) return false;
  return clause.elements.length > 0 && clause.elements.every((element) => element.isTypeOnly);
}
