/** docs/policy-conformance.md is what the lists and the names of the tests say, and every verdict has a test behind it. */

import { describe, expect, it } from 'vitest';
import { readNamedTests } from '../test-names.ts';
import { LISTS, renderPolicyConformance } from './report.ts';

const tests = readNamedTests();
const ALL = LISTS.flatMap(([, , list]) => list);

describe('docs/policy-conformance.md', () => {
  // Written by `npx vitest run test/conformance/policies -u`.
  it('is what the lists and the tests say', async () => {
    await expect(renderPolicyConformance(tests)).toMatchFileSnapshot('../../../docs/policy-conformance.md');
  });

  it('has every requirement once, those of tenants among them, and says what is missing (P-77)', () => {
    const ids = (letter: string, count: number) =>
      Array.from({ length: count }, (_, i) => `${letter}-${String(i + 1).padStart(2, '0')}`);
    expect(ALL.map(({ id }) => id)).toEqual([...ids('P', 82), ...ids('R', 11), ...ids('U', 28), ...ids('V', 31)]);
    expect(ALL.filter(({ verdict, remark }) => verdict !== 'yes' && remark === '')).toEqual([]);
  });

  it.each(ALL.filter(({ verdict }) => verdict !== 'not yet'))('$id is named by a test', ({ id }) => {
    expect(tests.get(id) ?? []).not.toEqual([]);
  });

  it.each(ALL.filter(({ verdict }) => verdict === 'not yet'))(
    '$id, which is not there yet, is claimed by none',
    ({ id }) => {
      expect(tests.get(id) ?? []).toEqual([]);
    },
  );
});
