import { describe, expect, it } from 'vitest';
import { parseFlagFile } from '../../../src/flags/files/read-flag-file.ts';
import type { Finding } from '../../../src/flags/finding.ts';
import type { JsonValue } from '../../../src/internal/json.ts';
import type { SourceContent } from '../../../src/server/served-flags.ts';
import { mergeFlags } from '../../../src/server/served-flags.ts';

const GOOD = { variations: { on: true }, defaultRule: { variation: 'on' } };

function source(name: string, flags: Record<string, JsonValue>, findings: Finding[] = []): SourceContent {
  return {
    name,
    content: { flags: new Map(Object.entries(flags)), findings, isReadable: true, positions: () => undefined },
  };
}

describe('mergeFlags', () => {
  it('merges in order: the later flag of a key wins', () => {
    const { served, invalid } = mergeFlags([
      source('one', { a: GOOD, b: GOOD }),
      { name: 'not read yet', content: undefined },
      source('two', { b: { ...GOOD, version: '2' }, c: GOOD }),
    ]);
    expect([...served.keys()].sort()).toEqual(['a', 'b', 'c']);
    expect(served.get('b')?.value.version).toBe('2');
    expect(invalid).toEqual([]);
  });

  it('lets a later source mend what an earlier one has wrong, and spoil what an earlier one has right', () => {
    const broken = source('broken', {}, [{ flag: 'a', message: 'wrong' }]);
    expect([...mergeFlags([broken, source('good', { a: GOOD })]).served.keys()]).toEqual(['a']);
    const spoiled = mergeFlags([source('good', { a: GOOD }), broken]);
    expect([spoiled.served.size, spoiled.invalid]).toEqual([0, [{ flagKey: 'a', message: 'broken: flag "a": wrong' }]]);
  });

  it('leaves out each flag that is bad in any way, and says why', () => {
    const deep = JSON.parse(`${'['.repeat(80)}${']'.repeat(80)}`) as JsonValue;
    const { served, invalid } = mergeFlags([
      source('flags', {
        good: GOOD,
        refused: { variations: { on: true } },
        mistyped: { ...GOOD, disable: 'yes' },
        undated: { ...GOOD, experimentation: { start: 'tomorrow' } },
        endless: { ...GOOD, metadata: { x: Number.POSITIVE_INFINITY } },
        deep: { ...GOOD, metadata: { deep } },
        scalar: 7,
      }),
    ]);
    expect([...served.keys()]).toEqual(['good']);
    expect(Object.fromEntries(invalid.map(({ flagKey, message }) => [flagKey, message]))).toEqual({
      refused: expect.stringContaining('missing default rule'),
      mistyped: expect.stringContaining('cannot unmarshal string'),
      undated: expect.stringContaining('parsing time'),
      endless: expect.stringContaining('Infinity'),
      deep: expect.stringContaining('nested deeper than 60 levels'),
      scalar: expect.stringContaining('cannot unmarshal number'),
    });
  });

  it('survives a flag nested deeper than the stack', () => {
    let deep: JsonValue = [];
    for (let level = 0; level < 200_000; level += 1) deep = [deep];
    const { served, invalid } = mergeFlags([source('flags', { deep: { ...GOOD, metadata: { deep } }, good: GOOD })]);
    expect([[...served.keys()], invalid.map(({ flagKey }) => flagKey)]).toEqual([['good'], ['deep']]);
  });

  it('tells what stands in a file without being a flag', () => {
    const { served, invalid } = mergeFlags([
      source('one', { a: GOOD }, [{ message: 'a key that is no text', line: 2 }]),
    ]);
    expect(served.size).toBe(1);
    expect(invalid).toEqual([{ flagKey: undefined, message: 'one:2: a key that is no text' }]);
  });

  it('says where in the file', () => {
    const content = parseFlagFile('a:\n  variations:\n    on: true\n  defaultRule:\n    variation: off\n', 'yaml');
    const { invalid } = mergeFlags([{ name: 'flags.yaml', content }]);
    expect(invalid[0]?.message).toMatch(
      /^flags\.yaml:5:\d+: flag "a", rule "defaultRule", field variation: invalid variation/,
    );
  });

  it('takes flags named like members of Object.prototype', () => {
    const flags = JSON.parse(`{"__proto__":${JSON.stringify(GOOD)},"constructor":${JSON.stringify(GOOD)}}`);
    const { served } = mergeFlags([source('flags', flags)]);
    expect([...served.keys()].sort()).toEqual(['__proto__', 'constructor']);
  });
});
