import { describe, expect, it } from 'vitest';
import { resolvePlain, resolveTimestamp, resolveYesNo } from '../../../../src/flags/files/yaml-scalars.ts';

describe('resolvePlain', () => {
  it.each<[string, string, unknown]>([
    ['', 'null', null],
    ['~', 'null', null],
    ['TRUE', 'bool', true],
    ['yes', 'string', 'yes'],
    ['0', 'number', 0],
    ['-0', 'number', 0],
    ['-0.0', 'number', -0],
    ['017', 'number', 15],
    ['08', 'number', 8],
    ['0o17', 'number', 15],
    ['-0x1F', 'number', -31],
    ['0b101', 'number', 5],
    ['1_000.5', 'number', 1000.5],
    ['.5e3', 'number', 500],
    ['+.5', 'number', 0.5],
    ['5.', 'number', 5],
    ['.', 'string', '.'],
    ['1e400', 'string', '1e400'],
    ['18446744073709551615', 'number', 2 ** 64],
    ['0xffffffffffffffffff', 'string', '0xffffffffffffffffff'],
    ['.inf', 'number', Number.POSITIVE_INFINITY],
    ['12:30:45', 'string', '12:30:45'],
    ['1.2.3', 'string', '1.2.3'],
    ['2024-1-2', 'timestamp', '2024-01-02T00:00:00Z'],
    ['2024-13-02', 'string', '2024-13-02'],
  ])('takes %j for a %s', (text, kind, value) => {
    expect(resolvePlain(text)).toEqual({ kind, value });
  });
});

describe('resolveTimestamp', () => {
  it.each([
    ['2024-01-02t3:4:5.50+02:00', '2024-01-02T03:04:05.5+02:00'],
    ['2024-01-02   03:04:05,25', '2024-01-02T03:04:05.25Z'],
  ])('reads %s', (text, date) => {
    expect(resolveTimestamp(text)).toBe(date);
  });

  it.each(['2024-01-02 03:04:05Z', '2024-01-02T03:04:05', '2024-02-30', '24-01-02'])('does not take %s', (text) => {
    expect(resolveTimestamp(text)).toBeUndefined();
  });
});

describe('resolveYesNo', () => {
  it('knows the words of YAML 1.1 in their three spellings only', () => {
    expect(['y', 'Yes', 'ON'].map(resolveYesNo)).toEqual([true, true, true]);
    expect(['n', 'No', 'OFF'].map(resolveYesNo)).toEqual([false, false, false]);
    expect(['yEs', 'true', ''].map(resolveYesNo)).toEqual([undefined, undefined, undefined]);
  });
});
