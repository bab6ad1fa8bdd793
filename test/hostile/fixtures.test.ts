/** The hostile modules as files: enough of them, each saying what it does, and each what it says. */

import { describe, expect, it } from 'vitest';
import { parseModule } from '../../src/wasm/binary/parse-module.ts';
import { hostileFixtures } from './support/fixtures.ts';

const fixtures = hostileFixtures();

describe('the hostile modules (WH-02)', () => {
  it('are at least a hundred, and reach every stage', () => {
    expect(fixtures.length).toBeGreaterThanOrEqual(100);
    expect(new Set(fixtures.map(({ stage }) => stage))).toEqual(new Set(['load', 'start', 'init', 'call', 'destroy']));
  });

  it('cover the failures that a guest can cause by itself', () => {
    const codes = new Set(fixtures.flatMap(({ expect }) => expect));
    expect([...codes].sort()).toEqual([
      'ABI_UNSUPPORTED',
      'ACTION_INVALID',
      'DECODE',
      'FUEL_EXHAUSTED',
      'GUEST_ERROR',
      'HOST_LIMIT',
      'INIT_FAILED',
      'MEMORY_LIMIT',
      'MODULE_INVALID',
      'OK',
      'OUTPUT_TOO_LARGE',
      'PARAMS_INVALID',
      'STACK_OVERFLOW',
      'TRAP',
    ]);
  });

  it.each(fixtures)('$name: $purpose', ({ stage, expect: codes, reason, bytes, grants }) => {
    if (stage === 'load') {
      expect(codes).toEqual(['MODULE_INVALID']);
      expect(reason).toBeTypeOf('string');
      return;
    }
    // What is not refused before is a module like any other until it runs.
    expect(WebAssembly.validate(bytes)).toBe(true);
    const { imports } = parseModule(bytes);
    const granted = imports.filter(({ module }) => module === 'edict').map(({ name }) => `edict.${name}`);
    expect(granted).toEqual(grants);
  });
});
