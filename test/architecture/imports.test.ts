/** Imports point one way, decisions do no I/O, and the main entry stays small. */

import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { findCycle, misplaced, PACKAGES, PURE_ROOMS, roomOf } from './layers.ts';
import type { SourceFile } from './source-files.ts';
import { packageOf, parseSource, publicDoors, readManifest, readSources, walk } from './source-files.ts';

const sources = readSources();

function problems(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => file.imports.map((imported) => misplaced(file, imported) ?? '')).filter(Boolean);
}

/** Packages that loading a file loads with it: not those imported for types only, nor by `import()`. */
function packagesLoadedBy(entry: string): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const imported of byPath.get(path)?.imports ?? []) {
      if (imported.typeOnly || imported.lazy) continue;
      const name = packageOf(imported);
      if (name !== undefined) packages.add(name);
      if (imported.target !== undefined) visit(imported.target);
    }
  };
  visit(entry);
  return [...packages].sort();
}

/** Names through which code reaches the clock, the network or the process without importing anything. */
const AMBIENT = new Set(['process', 'fetch', 'console', 'setTimeout', 'setInterval', 'setImmediate', 'performance']);

function ambientUses({ path, tree }: SourceFile): string[] {
  const found: string[] = [];
  walk(tree, (node) => {
    if (!ts.isPropertyAccessExpression(node) && !ts.isCallExpression(node) && !ts.isNewExpression(node)) return;
    const subject = node.expression;
    if (!ts.isIdentifier(subject)) return;
    const readsClock =
      subject.text === 'Date' &&
      (ts.isPropertyAccessExpression(node) ? node.name.text === 'now' : (node.arguments?.length ?? 0) === 0);
    if (AMBIENT.has(subject.text) || readsClock) found.push(`${path}: ${node.getText(tree)}`);
  });
  return found;
}

describe('imports', () => {
  it('point from the ways in to evaluators, from there to flags and stores, and from there to the basics', () => {
    expect(problems(sources)).toEqual([]);
  });

  it('form no cycle between files', () => {
    expect(findCycle(sources)).toBeUndefined();
  });

  it('of rooms that only decide bring no clock, network or process in through globals', () => {
    expect(sources.filter(({ path }) => PURE_ROOMS.includes(roomOf(path))).flatMap(ambientUses)).toEqual([]);
  });

  it('use every run-time dependency, and no package that is not one', () => {
    const { dependencies, peerDependencies } = readManifest();
    const declared = [...Object.keys(dependencies), ...Object.keys(peerDependencies)].sort();
    const imported = new Set(
      sources.flatMap((file) => file.imports.map((one) => packageOf(one) ?? '')).filter(Boolean),
    );
    expect([...imported].sort()).toEqual(declared);
    expect(Object.keys(PACKAGES).sort()).toEqual(declared);
  });

  it('of the main entry load at most four packages, and not the optional peer', () => {
    const loaded = packagesLoadedBy(publicDoors().get('.')!);
    expect(loaded.length, loaded.join(', ')).toBeLessThanOrEqual(4);
    expect(loaded).not.toContain('@openfeature/server-sdk');
  });
});

describe('the rules themselves', () => {
  const wrong = (path: string, text: string): string[] => problems([parseSource(path, text)]);

  it('catch an arrow that points back, also one of types and one inside a function', () => {
    expect(wrong('flags/x.ts', `import { a } from '../evaluator/a.ts';`)).toHaveLength(1);
    expect(wrong('errors.ts', `import type { A } from './flags/model.ts';`)).toHaveLength(1);
    expect(wrong('relay/x.ts', `export const f = () => import('../cli/main.ts');`)).toHaveLength(1);
    expect(wrong('wasm/x.ts', `export { a } from '../provider/index.ts';`)).toHaveLength(1);
    expect(wrong('evaluator/x.ts', `import { a } from '../index.ts';`)).toHaveLength(1);
  });

  it('catch an unlisted arrow inside a layer and let a listed one pass', () => {
    expect(wrong('relay/x.ts', `import { a } from '../evaluator/a.ts';`)).toHaveLength(1);
    expect(wrong('evaluator/x.ts', `import { a } from '../relay/a.ts';`)).toEqual([]);
  });

  it('catch I/O in rooms that only decide, unknown rooms, and packages outside their room', () => {
    expect(wrong('flags/x.ts', `import { readFileSync } from 'node:fs';`)).toHaveLength(1);
    expect(wrong('flags/x.ts', `import { request } from 'undici';`)).toHaveLength(1);
    expect(wrong('attic/x.ts', `import { a } from '../errors.ts';`)).toHaveLength(1);
    expect(wrong('cli/x.ts', `import left from 'left-pad';`)).toHaveLength(1);
    expect(wrong('wasm/x.ts', `import manifest from '../../wasm/manifest.json';`)).toHaveLength(1);
  });

  it('catch the clock and the network where they come in through globals', () => {
    const text = 'export const now = () => Date.now() + +new Date() + process.pid; void fetch("x"); new Date(0);';
    expect(ambientUses(parseSource('flags/x.ts', text))).toHaveLength(4);
  });

  it('find a cycle and name its files', () => {
    const a = parseSource('flags/a.ts', `import { b } from './b.ts';`);
    const b = parseSource('flags/b.ts', `import type { C } from './c.ts';`);
    const c = parseSource('flags/c.ts', `import { a } from './a.ts';`);
    expect(findCycle([a, b, c])).toEqual(['flags/a.ts', 'flags/b.ts', 'flags/c.ts', 'flags/a.ts']);
    expect(findCycle([a, b])).toBeUndefined();
  });
});
