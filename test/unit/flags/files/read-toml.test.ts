import { describe, expect, it } from 'vitest';
import { readToml } from '../../../../src/flags/files/read-toml.ts';
import { plain } from '../flag-json.ts';

function variationsOf(values: string): unknown {
  const flag = readToml(`[f.variations]\n${values}\n`).flags.get('f');
  return flag === undefined ? undefined : (plain(flag) as { variations: unknown }).variations;
}

describe('readToml', () => {
  it('writes dates as RFC 3339, in UTC where they name no zone', () => {
    expect(
      variationsOf(
        'a = 2024-01-02\nb = 2024-01-02T03:04:05\nc = 2024-01-02 03:04:05.500Z\nd = 2024-01-02T03:04:05+02:00\n' +
          'e = 2024-01-02T03:04:05-00:00\nf = 03:04:05',
      ),
    ).toEqual({
      a: '2024-01-02T00:00:00Z',
      b: '2024-01-02T03:04:05Z',
      c: '2024-01-02T03:04:05.5Z',
      d: '2024-01-02T03:04:05+02:00',
      e: '2024-01-02T03:04:05Z',
      f: '0000-01-01T03:04:05Z',
    });
  });

  it('takes integers of 64 bits for the nearest double, as JSON does', () => {
    expect(variationsOf('a = 9223372036854775807\nb = 0x1f\nc = 1_000')).toEqual({
      a: 2 ** 63,
      b: 31,
      c: 1000,
    });
  });

  it('reports a number without a JSON form at its flag and keeps the others', () => {
    const file = readToml('[a.variations]\nx = inf\n[b]\nversion = "1"\n');
    expect(file.findings).toEqual([
      { flag: 'a', message: 'Infinity has no JSON form', line: 1, column: 1, remedy: 'use a finite number' },
    ]);
    expect([...file.flags.keys()]).toEqual(['b']);
  });

  it('answers any nesting with a value', () => {
    expect(readToml(`a = ${'['.repeat(20_000)}${']'.repeat(20_000)}`).isReadable).toBe(false);
  });
});
