import { describe, expect, it } from 'vitest';
import { parseVersion } from '../../../../src/flags/query/version.ts';

const MAX_U64 = '18446744073709551615';
const BEYOND = '18446744073709551616';

describe('parseVersion', () => {
  it.each([
    ['0.0.0', [0n, 0n, 0n], ''],
    ['1.2.3', [1n, 2n, 3n], ''],
    ['10.20.30', [10n, 20n, 30n], ''],
    ['1.2.3-rc.1', [1n, 2n, 3n], 'rc.1'],
    ['1.2.3-0', [1n, 2n, 3n], '0'],
    ['1.2.3-a-b.-.0x1', [1n, 2n, 3n], 'a-b.-.0x1'],
    ['1.2.3+build.01', [1n, 2n, 3n], ''],
    ['1.2.3-rc.1+build-7.a', [1n, 2n, 3n], 'rc.1'],
    ['1.2.3+a-b', [1n, 2n, 3n], ''],
    [`${MAX_U64}.${MAX_U64}.${MAX_U64}-${MAX_U64}`, [2n ** 64n - 1n, 2n ** 64n - 1n, 2n ** 64n - 1n], MAX_U64],
  ])('reads %s', (text, [major, minor, patch], prerelease) => {
    expect(parseVersion(text)).toEqual({ major, minor, patch, prerelease });
  });

  it.each([`${BEYOND}.0.0`, `0.${BEYOND}.0`, `0.0.${BEYOND}`, `1.2.3-${BEYOND}`, `1.2.3-rc.${BEYOND}.x`])(
    'answers undefined where a number does not fit 64 bits: %s',
    (text) => {
      expect(parseVersion(text)).toBeUndefined();
    },
  );

  it('minds no number in build metadata or among letters', () => {
    expect(parseVersion(`1.2.3+${BEYOND}`)).toBeDefined();
    expect(parseVersion(`1.2.3-a${BEYOND}`)).toMatchObject({ prerelease: `a${BEYOND}` });
  });
});
