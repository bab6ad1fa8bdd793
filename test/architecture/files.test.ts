/** Every file says its job first, stays small, and exports by name; only entry points pass on what others export. */

import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { publicDoors, readSources } from './source-files.ts';

const MAX_LINES = 400;

const sources = readSources();
const doors = new Set(publicDoors().values());

describe('every source file', () => {
  it('begins with a comment that says its job, a shebang line aside', () => {
    const silent = sources.filter(({ text }) => !/^(#!.*\n+)?\/\*\*[\s*]*[^\s*/]/.test(text));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it(`has at most ${MAX_LINES} lines`, () => {
    const long = sources.filter(({ text }) => text.split('\n').length - 1 > MAX_LINES);
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it('has no default export', () => {
    const found = sources.filter(({ tree }) =>
      tree.statements.some(
        (statement) =>
          ts.isExportAssignment(statement) ||
          (ts.canHaveModifiers(statement) &&
            ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)),
      ),
    );
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it('has a kebab-case name', () => {
    const odd = sources.filter(
      ({ path }) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/.test(path),
    );
    expect(odd.map(({ path }) => path)).toEqual([]);
  });

  it('passes on exports of other files only when it is an entry point', () => {
    const barrels = sources.filter(({ path, imports }) => !doors.has(path) && imports.some(({ reExport }) => reExport));
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });
});
