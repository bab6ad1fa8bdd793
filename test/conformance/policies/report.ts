/** Renders docs/policy-conformance.md from the lists beside this file and the names of the tests. */

import { type NamedTests, SHOWN_TESTS, shownBy, table } from '../report-table.ts';
import { COMPLAINTS, DISAGREEMENTS } from './complaints.ts';
import type { PolicyRequirement, PolicyVerdict } from './requirement.ts';
import { POLICY_REQUIREMENTS } from './requirements.ts';
import { TENANT_REQUIREMENTS } from './tenants.ts';

export const LISTS: readonly (readonly [heading: string, about: string, list: readonly PolicyRequirement[]])[] = [
  ['Requirements', 'What a policy engine has to do.', POLICY_REQUIREMENTS],
  ['View and wire', 'Where engines of this kind told policies one thing and the wire another.', DISAGREEMENTS],
  [
    'Complaints',
    'What users of other gateways met. The tests do what they did, and show what happens here.',
    COMPLAINTS,
  ],
  ['Tenants', 'Failures of processes with many tenants, each with what keeps it from happening.', TENANT_REQUIREMENTS],
];

const VERDICTS: readonly PolicyVerdict[] = ['yes', 'part', 'not yet'];

export function renderPolicyConformance(tests: NamedTests): string {
  return `${[
    '# Conformance of the policy engine',
    INTRODUCTION,
    table(['list', ...VERDICTS], LISTS.map(countsOf)),
    ...LISTS.flatMap(([heading, about, list]) => [`## ${heading}`, about, rowsOf(list, tests)]),
  ].join('\n\n')}\n`;
}

const INTRODUCTION = `What the policy engine has to do, how far it does, and the tests that show it. This page is made by
\`test/conformance/policies/report.test.ts\` from the lists beside it and the names of the tests; it fails when a row that is met, or met in
part, is named by no test. \`npx vitest run test/conformance/policies -u\` writes it anew. At most ${SHOWN_TESTS} tests are shown for each row;
\`grep -rn P-47 test\` finds all of them.`;

function countsOf([heading, , list]: (typeof LISTS)[number]): readonly string[] {
  return [heading, ...VERDICTS.map((kind) => `${list.filter(({ verdict }) => verdict === kind).length}`)];
}

function rowsOf(list: readonly PolicyRequirement[], tests: NamedTests): string {
  return table(
    ['id', 'verdict', 'meaning', 'remark', 'tests'],
    list.map(({ id, verdict, meaning, remark }) => [
      id,
      verdict === 'yes' ? verdict : `**${verdict}**`,
      meaning,
      remark,
      shownBy(id, tests),
    ]),
  );
}
