import { describe, expect, it } from 'vitest';
import { formatFinding, locateFindings } from '../../../src/flags/finding.ts';

describe('formatFinding', () => {
  it('prints file, place, flag, rule, field, message and remedy on one line', () => {
    const finding = {
      flag: 'f',
      rule: 'beta',
      field: 'query',
      message: 'invalid',
      line: 3,
      column: 7,
      remedy: 'fix it',
    };
    expect(formatFinding(finding, 'flags.yaml')).toBe(
      'flags.yaml:3:7: flag "f", rule "beta", field query: invalid (fix it)',
    );
  });

  it('leaves out what is not known', () => {
    expect(formatFinding({ message: 'unexpected end of JSON input' })).toBe('unexpected end of JSON input');
    expect(formatFinding({ flag: '__proto__', message: 'missing default rule' })).toBe(
      'flag "__proto__": missing default rule',
    );
  });
});

describe('locateFindings', () => {
  const positions = new Map([
    ['f', { line: 1, column: 1 }],
    ['f/targeting', { line: 2, column: 3 }],
  ]);
  const find = (flag: string, path: readonly (string | number)[]) => positions.get([flag, ...path].join('/'));

  it('shows a member that does not exist at its nearest parent', () => {
    const [finding] = locateFindings([{ flag: 'f', message: 'm', path: ['targeting', 0, 'query'] }], find);
    expect(finding).toMatchObject({ line: 2, column: 3 });
  });

  it('keeps a place that is known already, and findings about the file', () => {
    const findings = [
      { flag: 'f', message: 'm', line: 9, column: 9 },
      { message: 'file' },
      { flag: 'gone', message: 'm' },
    ];
    expect(locateFindings(findings, find)).toEqual(findings);
  });
});
