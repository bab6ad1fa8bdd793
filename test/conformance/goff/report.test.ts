/** docs/conformance.md is what the lists and the names of the tests say, and every verdict has a test behind it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../architecture/source-files.ts';
import { REQUIREMENTS } from '../openfeature/requirements.ts';
import { namesIn, readNamedTests } from '../test-names.ts';
import { IDENTIFIERS, LATER_DEVIATIONS, PUBLISHED_DEVIATIONS } from './identifiers.ts';
import { OWN_REQUIREMENTS } from './own-requirements.ts';
import { openFeatureVerdict, renderConformance } from './report.ts';
import { SITUATIONS } from './situations.ts';

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Readonly<Record<string, string>> };
const lowestSdk = devDependencies['openfeature-server-sdk-lowest']?.split('@').at(-1);
const newestSdk = devDependencies['@openfeature/server-sdk'];

const tests = readNamedTests();
const VERSIONS = {
  'GO Feature Flag, evaluation': 'modules/core 0.7.2',
  'GO Feature Flag, relay proxy': 'v1.55',
  'GO Feature Flag, provider specification': '1.0',
  'OpenFeature specification': '0.9.0',
  '`@openfeature/server-sdk`': `${lowestSdk} and ${newestSdk}, the lowest and the newest`,
};

const text = renderConformance(tests, VERSIONS);

describe('docs/conformance.md', () => {
  // Written by `npx vitest run test/conformance/goff -u`.
  it('is what the lists and the tests say (D-91)', async () => {
    await expect(text).toMatchFileSnapshot('../../../docs/conformance.md');
  });

  it('names the versions it is about, those that the sources name (GOFF-ENG-003)', () => {
    for (const [of, version] of Object.entries(VERSIONS)) expect(text).toContain(`| ${of} | ${version} |`);
    expect(read('wasm/manifest.json')).toContain('modules/core 0.7.2');
    expect(read('tools/go-core/go.mod')).toContain('modules/core v0.7.2');
    expect(read('tools/go-relay/go.mod')).toMatch(/go-feature-flag v1\.55\./);
    expect(read('test/conformance/openfeature/requirements.ts')).toContain('version 0.9.0');
    expect(read('README.md')).toContain('docs/conformance.md');
  });

  it('has no cell that breaks out of its column', () => {
    let columns = 0;
    for (const line of text.split('\n')) {
      if (!line.startsWith('|')) columns = 0;
      else if (columns === 0) columns = line.split(/(?<!\\)\|/).length;
      else expect(line.split(/(?<!\\)\|/), line).toHaveLength(columns);
    }
  });
});

describe('the identifiers of the provider specification', () => {
  it('are 147, each once', () => {
    expect(IDENTIFIERS).toHaveLength(147);
    expect(new Set(IDENTIFIERS.map(({ id }) => id)).size).toBe(147);
  });

  it('deviate where it was published, and where it was decided since, with a reason, and nowhere else (D-91)', () => {
    const deviating = IDENTIFIERS.filter(({ verdict }) => verdict !== 'yes');
    expect(Object.fromEntries(deviating.map(({ id, verdict }) => [id, verdict]))).toEqual({
      ...PUBLISHED_DEVIATIONS,
      ...LATER_DEVIATIONS,
    });
    expect(deviating.filter(({ remark }) => remark === '')).toEqual([]);
    expect(Object.keys(PUBLISHED_DEVIATIONS)).toHaveLength(12);
  });

  it.each(IDENTIFIERS.filter(({ verdict }) => verdict === 'yes' || verdict === 'part'))(
    '$id is named by a test',
    ({ id }) => expect(tests.get(id) ?? []).not.toEqual([]),
  );
});

describe('the requirements and situations of Edict', () => {
  it('are numbered in their groups, without a gap', () => {
    const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
    const groups = [...numbers(1, 15), ...numbers(20, 41), ...numbers(50, 65), ...numbers(70, 83), ...numbers(90, 96)];
    const named = (letter: string, all: readonly number[]) => all.map((n) => `${letter}-${`${n}`.padStart(2, '0')}`);
    expect(OWN_REQUIREMENTS.map(({ id }) => id)).toEqual(named('D', groups));
    expect(SITUATIONS.map(({ id }) => id)).toEqual(named('S', numbers(1, 42)));
  });

  it('say what is missing where they are not met', () => {
    const unmet = [...OWN_REQUIREMENTS, ...SITUATIONS].filter(({ verdict }) => verdict !== 'yes');
    expect(unmet.filter(({ remark }) => remark === '')).toEqual([]);
  });

  it.each([...OWN_REQUIREMENTS, ...SITUATIONS])('$id is named by a test', ({ id }) => {
    expect(tests.get(id) ?? []).not.toEqual([]);
  });
});

describe('the requirements of OpenFeature', () => {
  it('are met, deviated from, or not used', () => {
    const verdicts = new Set(REQUIREMENTS.map(openFeatureVerdict));
    expect([...verdicts].sort()).toEqual(['no', 'not applicable', 'yes']);
  });
});

describe('the names of tests', () => {
  const names = (source: string) => namesIn({ file: 'a.test.ts', text: source }).map(({ name }) => name);

  it('are those of tests and groups, with templates, and those in tables that name an identifier', () => {
    const source = [
      `describe('group', () => { it('one', () => 1); it(\`two \${n}\`, () => 2); });`,
      "it.each([['a (D-01)', 1], ['b', 2]] as const)('three %s', () => 3);",
      "const CASES = ['c, S-01']; it.runIf(true).each(CASES)('four %s', () => 4);",
    ];
    expect(names(source.join('\n'))).toEqual([
      'group',
      'one',
      `two \${n}`,
      'three %s',
      'three a (D-01)',
      'four %s',
      'four c, S-01',
    ]);
  });

  it('are not those of tests that do not run, of comments and of other texts', () => {
    const source = [
      "it.skip('no', () => 1); it.todo('nor this'); describe.skip('nor that', () => 1); // it('x', y)",
      "const text = 'it'; expect('D-01', 'x'); transmit('D-02', () => 1);",
    ];
    expect(names(source.join('\n'))).toEqual([]);
  });
});
