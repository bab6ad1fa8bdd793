import { describe, expect, it } from 'vitest';
import { readYaml } from '../../../../src/flags/files/read-yaml.ts';
import { parseFlag } from '../../../../src/flags/parse-flag.ts';
import type { JsonValue } from '../../../../src/internal/json.ts';
import { flagJson, plain } from '../flag-json.ts';
import { vectors } from '../vectors.ts';

function flagOf(value: JsonValue): JsonValue {
  const parsed = parseFlag(value);
  return 'flag' in parsed ? plain(flagJson(parsed.flag)) : parsed.error.details;
}

function flagsOf(text: string): Record<string, JsonValue> {
  return Object.fromEntries([...readYaml(text).flags].map(([key, value]) => [key, flagOf(value)]));
}

function findingsOf(text: string): (string | number | undefined)[][] {
  return readYaml(text).findings.map(({ flag, message, line, column }) => [flag, message, line, column]);
}

describe('readYaml', () => {
  it('reads every recorded file as GO Feature Flag does', () => {
    const recorded = vectors<{ yaml: string; flags: Record<string, JsonValue> }>('yaml-flags.json');
    expect(recorded.length).toBeGreaterThan(100);
    for (const { yaml, flags } of recorded) expect({ yaml, flags: flagsOf(yaml) }).toEqual({ yaml, flags });
  });

  it('keeps the source text where a name or a text is expected', () => {
    expect(
      flagsOf('f:\n  version: 1.10\n  variations: {True: 1, 0x1F: 2, no: 3}\n  defaultRule: {variation: True}\n'),
    ).toEqual({
      f: { version: '1.10', variations: { True: 1, '0x1F': 2, no: 3 }, defaultRule: { variation: 'True' } },
    });
  });

  it('writes dates of free values as RFC 3339', () => {
    expect(flagsOf('f:\n  metadata: {a: 2024-01-02, b: 2024-01-02 3:04:05.50, c: "2024-01-02"}\n')).toEqual({
      f: { metadata: { a: '2024-01-02T00:00:00Z', b: '2024-01-02T03:04:05.5Z', c: '2024-01-02' } },
    });
  });

  it('does not know members in another case, so that a file means the same everywhere', () => {
    expect(flagsOf('f:\n  DefaultRule: {variation: a}\n  Disable: true\n')).toEqual({ f: {} });
  });

  it('reports a flag that stands twice, or has a member twice, and keeps the others', () => {
    const text = 'a: {version: 1}\nb: {version: 2}\na: {version: 3}\nc:\n  version: 1\n  version: 2\n';
    expect(findingsOf(text)).toEqual([
      ['a', '"a" is defined twice', 3, 1],
      ['c', '"version" is defined twice', 6, 3],
    ]);
    expect(Object.keys(flagsOf(text))).toEqual(['b']);
  });

  it('reports values without a JSON form, wrong tags and bad anchors, and keeps the others', () => {
    const text = [
      'inf: {metadata: {x: .inf}}',
      'tag: {metadata: {x: !!int abc}}',
      'bin: {metadata: {x: !!binary "??"}}',
      'gone: {metadata: *nowhere}',
      'merge: {<<: 5}',
      'good: {version: 1}',
      '',
    ].join('\n');
    expect(findingsOf(text)).toEqual([
      ['inf', '.inf has no JSON form', 1, 21],
      ['tag', 'cannot read "abc" as !!int', 2, expect.any(Number)],
      ['bin', '!!binary is not base64', 3, expect.any(Number)],
      ['gone', 'unknown anchor nowhere', 4, 18],
      ['merge', 'a merge key takes mappings only', 5, 13],
    ]);
    expect(flagsOf(text)).toEqual({ good: { version: '1' } });
  });

  it('reports top-level keys that name no flag without losing the flags', () => {
    const text = '? [x, y]\n: 1\nf: {version: 1}\n';
    expect(findingsOf(text)).toEqual([[undefined, 'a key is not a scalar', 1, 3]]);
    expect(readYaml(text).isReadable).toBe(true);
    expect(flagsOf(text)).toEqual({ f: { version: '1' } });
  });

  it('reads the first of several documents and says so', () => {
    const text = 'f: {version: 1}\n---\ng: {version: 2}\n';
    expect(flagsOf(text)).toEqual({ f: { version: '1' } });
    expect(findingsOf(text)).toEqual([[undefined, 'only the first of several YAML documents is read', 2, 1]]);
  });

  it('stops aliases of aliases from growing without bound, at the flag that has them', () => {
    const levels = Array.from({ length: 9 }, (_, i) => {
      const below = i === 0 ? 'x' : `*l${i - 1}`;
      return `l${i}: &l${i}\n  metadata: {k: [${Array(10).fill(below).join(', ')}]}`;
    });
    const { flags, findings } = readYaml(`${levels.join('\n')}\ngood: &g {version: 1}\nalso: *g\n`);
    expect(findings.map(({ message }) => message)).toContain('aliases expand to too much');
    expect([...flags.keys()]).toEqual(expect.arrayContaining(['l0', 'l1', 'good', 'also']));
    expect(JSON.stringify([...flags]).length).toBeLessThan(5_000_000);
  });

  it.each(['a: &a {metadata: {x: *a}}', 'a: &a {<<: *a}'])('reports that an anchor of %j contains itself', (line) => {
    const text = `${line}\ngood: {version: 1}\n`;
    expect(findingsOf(text)).toEqual([
      ['a', 'nesting is too deep, or an anchor contains itself', 1, expect.any(Number)],
    ]);
    expect(flagsOf(text)).toEqual({ good: { version: '1' } });
  });

  it('answers nesting that the parser cannot follow with a finding', () => {
    const { isReadable, findings } = readYaml(`a: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`);
    expect(isReadable).toBe(false);
    expect(findings.map(({ message }) => message)).toEqual(['nesting is too deep']);
  });
});
