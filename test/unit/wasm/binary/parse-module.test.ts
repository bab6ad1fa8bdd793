import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseModule } from '../../../../src/wasm/binary/parse-module.ts';
import { assemble, binary } from '../support/wat.ts';

describe('parseModule', () => {
  it('reads imports, exports, memory limits and the absence of a start function', () => {
    const facts = parseModule(assemble('foreign-imports'));
    expect(facts.imports).toEqual([
      { module: 'env', name: 'now', kind: 'function', type: { params: [], results: ['f64'] } },
      {
        module: 'wasi_snapshot_preview1',
        name: 'fd_write',
        kind: 'function',
        type: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
      },
      {
        module: 'gojs',
        name: 'syscall/js.valueGet',
        kind: 'function',
        type: { params: ['i64', 'i32', 'i32', 'i32'], results: [] },
      },
      { module: 'env', name: 'table', kind: 'table', type: undefined },
      { module: 'env', name: 'counter', kind: 'global', type: undefined },
    ]);
    expect(Object.fromEntries(facts.exports)).toEqual({
      memory: { kind: 'memory', index: 0 },
      run: { kind: 'function', index: 3 },
    });
    expect(facts.memory).toMatchObject({ minimum: 1, maximum: 16, shared: false, imported: false });
    expect(facts.tables).toMatchObject([{ minimum: 1, maximum: 2, imported: true, element: 'funcref' }]);
    expect(facts.globals).toEqual([{ type: 'i32', mutable: false, imported: true }]);
    expect(facts.start).toBeUndefined();
  });

  it('tells an imported memory from a defined one', () => {
    const facts = parseModule(assemble('imported-memory'));
    expect(facts.imports).toMatchObject([{ module: 'env', name: 'memory', kind: 'memory' }]);
    expect(facts.memory).toMatchObject({ imported: true });
    expect(facts.exports.get('memory')).toEqual({ kind: 'memory', index: 0 });
  });

  it('sees a start function, a missing maximum and a shared memory', () => {
    expect(parseModule(assemble('start-function')).start).toBe(0);
    expect(parseModule(assemble('no-maximum')).memory?.maximum).toBeUndefined();
    expect(parseModule(assemble('shared-memory')).memory?.shared).toBe(true);
  });

  it('finds in the kernel of the package what its manifest and its host rely on', () => {
    const bytes = readFileSync(new URL('../../../../wasm/flags.wasm', import.meta.url));
    const facts = parseModule(bytes);
    expect(facts.imports).toEqual([]);
    expect(facts.memory).toMatchObject({ minimum: 2, maximum: 1_024, shared: false, imported: false });
    expect([...facts.exports.keys()].sort()).toEqual([
      'abiVersion',
      'context',
      'contextEnd',
      'evaluate',
      'evaluateAll',
      'loadImage',
      'memory',
      'reserve',
      'results',
      'slots',
    ]);
  });

  it('agrees with the engine about the exports of every fixture that the engine compiles', () => {
    for (const name of ['well-formed', 'wasi-caller', 'growing', 'kernel-shaped', 'start-function', 'no-memory']) {
      const bytes = assemble(name);
      const listed = (WebAssembly.Module as unknown as { exports(module: object): { name: string; kind: string }[] })
        .exports(new WebAssembly.Module(bytes))
        .map((entry) => [entry.name, entry.kind]);
      expect(
        [...parseModule(bytes).exports].map(([exported, { kind }]) => [exported, kind]),
        name,
      ).toEqual(listed);
    }
  });
});

describe('bytes that are no module', () => {
  const refusal = (bytes: Uint8Array) => {
    try {
      parseModule(bytes);
    } catch (caught) {
      return caught;
    }
    return 'accepted';
  };

  it.each([
    ['nothing at all', new Uint8Array(0), 'truncated'],
    ['text', new TextEncoder().encode('<!doctype html><title>404</title>'), 'not a version 1'],
    ['a component instead of a module', Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), 'not a version 1'],
    ['half a header', Uint8Array.of(0, 0x61, 0x73), 'truncated'],
    ['a section longer than the file', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 90, 0), 'passes its end'],
    ['a section without its length', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 7), 'truncated'],
    ['a number of six bytes', binary([2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]), 'malformed'],
    ['a name longer than the file', binary([2, 1, 0x7f, 0x61]), 'passes its end'],
    ['content that runs out of its section', binary([7, 2, 1, 0x61, 0, 0], [0, 1, 0x78]), 'passes its end'],
    ['two billion imports', binary([2, 0xff, 0xff, 0xff, 0xff, 0x07]), 'truncated'],
    ['an export of an unknown kind', binary([7, 1, 1, 0x61, 9, 0]), 'unknown kind'],
    ['an import of an unknown kind', binary([2, 1, 1, 0x61, 1, 0x62, 9, 0]), 'unknown kind'],
    ['two memories, of which one has no maximum', binary([5, 2, 0, 1, 1, 1, 16]), '2 memories'],
    ['a memory of 64-bit addresses', binary([5, 1, 5, 1, 16]), 'unknown kind'],
    ['a memory with pages of another size', binary([5, 1, 9, 1, 16, 0]), 'unknown kind'],
  ])('are refused: %s', (_, bytes, text) => {
    expect(refusal(bytes)).toMatchObject({ code: 'MODULE_REJECTED', message: expect.stringContaining(text) });
  });

  it('are refused or read at every length a download can break off', () => {
    const whole = assemble('foreign-imports');
    const complete = new Set<number>();
    for (let length = 0; length < whole.length; length++) {
      const answer = refusal(whole.subarray(0, length));
      if (answer === 'accepted') complete.add(length);
      else expect(answer).toMatchObject({ code: 'MODULE_REJECTED' });
    }
    // Only behind a whole section does the rest look like a module: after the header and each of seven sections.
    expect(complete.size).toBeLessThanOrEqual(7);
  });
});
