/** Renders docs/conformance.md from the lists beside this file and the names of the tests. */

import { NOT_APPLICABLE } from '../flagd/not-applicable.ts';
import { DEVIATIONS as GHERKIN_DEVIATIONS } from '../openfeature/deviations.ts';
import { REQUIREMENTS, type Requirement } from '../openfeature/requirements.ts';
import { type NamedTests, SHOWN_TESTS, shownBy, table, testCell } from '../report-table.ts';
import type { Identifier, Verdict } from './identifier.ts';
import { FAMILIES, IDENTIFIERS, LATER_DEVIATIONS, PUBLISHED_DEVIATIONS } from './identifiers.ts';
import { OWN_REQUIREMENTS } from './own-requirements.ts';
import type { OwnRequirement } from './requirement.ts';
import { SITUATIONS } from './situations.ts';

export function renderConformance(tests: NamedTests, versions: Readonly<Record<string, string>>): string {
  return `${[
    '# Conformance',
    INTRODUCTION,
    table(['of', 'version'], Object.entries(versions)),
    `Tiers of the GO Feature Flag provider specification that Edict claims: Core, Remote, In-process, WASM, Optional (remote cache).`,
    READING,
    '## In numbers',
    table(
      ['list', 'yes', 'part', 'no', 'not applicable'],
      [
        ['GO Feature Flag provider specification', ...counts(IDENTIFIERS.map(({ verdict }) => verdict))],
        ['OpenFeature specification', ...counts(REQUIREMENTS.map(openFeatureVerdict))],
        ['Edict’s requirements', ...counts(OWN_REQUIREMENTS.map(({ verdict }) => verdict))],
        ['Situations', ...counts(SITUATIONS.map(({ verdict }) => verdict))],
      ],
    ),
    '## Deviations from the GO Feature Flag provider specification',
    'Known from the beginning:',
    deviations(PUBLISHED_DEVIATIONS),
    'Decided since:',
    deviations(LATER_DEVIATIONS),
    '## GO Feature Flag provider specification',
    'Severity: C critical, M major, m minor.',
    ...FAMILIES.flatMap(([heading, identifiers]) => [`### ${heading}`, identifierTable(identifiers, tests)]),
    '## OpenFeature specification',
    OPENFEATURE,
    table(['requirement', 'verdict', 'by', 'meaning', 'how', 'test'], REQUIREMENTS.map(openFeatureRow)),
    '### Cases of the gherkin suite that are answered otherwise',
    table(
      ['mode', 'scenario', 'answer', 'why'],
      GHERKIN_DEVIATIONS.map(({ mode, scenario, reason, why }) => [mode, scenario, reason, why]),
    ),
    '### Cases of flagd’s evaluator kit that GO Feature Flag cannot say',
    table(
      ['file', 'scenario', 'cases', 'why'],
      NOT_APPLICABLE.map(({ place: [file, scenario], cases, why }) => [file, scenario, `${cases.length}`, why]),
    ),
    '## Edict’s requirements',
    ownTable(OWN_REQUIREMENTS, tests),
    '## Situations',
    ownTable(SITUATIONS, tests),
  ].join('\n\n')}\n`;
}

const INTRODUCTION = `Which rule of which specification Edict meets, and the test that shows it. This page is made by
\`test/conformance/goff/report.test.ts\`, from the lists beside it and the names of the tests; it fails when the page is not what they
say, when a rule that is called met is named by no test, and when a deviation is not among the ones listed below.
\`npx vitest run test/conformance/goff -u\` writes it anew.`;

const READING = `At most ${SHOWN_TESTS} tests are shown for each rule; \`grep -rn GOFF-IP-007 test\` finds all of them. A name may be that of a group of
tests, and \`%s\` in it stands for each case of a table. Verdicts: **yes** it is met; **part** it is met within the stated limit; **no** Edict
does otherwise on purpose; **not applicable** it cannot be said with this SDK, or Edict does not use what is optional.`;

const OPENFEATURE = `Those that concern a provider. *By* is who meets it: Edict, or the SDK with Edict not standing in its way. The suites run in both
modes, on the lowest and the newest supported SDK.`;

function identifierTable(identifiers: readonly Identifier[], tests: NamedTests): string {
  return table(
    ['identifier', 'severity', 'verdict', 'meaning', 'remark', 'tests'],
    identifiers.map(({ id, severity, verdict, meaning, remark }) => [
      id,
      severity,
      emphasised(verdict),
      meaning,
      remark,
      shownBy(id, tests),
    ]),
  );
}

function ownTable(requirements: readonly OwnRequirement[], tests: NamedTests): string {
  return table(
    ['id', 'verdict', 'meaning', 'remark', 'tests'],
    requirements.map(({ id, verdict, meaning, remark }) => [
      id,
      emphasised(verdict),
      meaning,
      remark,
      shownBy(id, tests),
    ]),
  );
}

function deviations(listed: Readonly<Record<string, Verdict>>): string {
  const rows = IDENTIFIERS.filter(({ id }) => id in listed);
  return table(
    ['identifier', 'severity', 'verdict', 'meaning', 'reason'],
    rows.map(({ id, severity, verdict, meaning, remark }) => [id, severity, verdict, meaning, remark]),
  );
}

function openFeatureRow(requirement: Requirement): readonly string[] {
  const { number, by, says, how, shown } = requirement;
  const who = by === 'nobody' ? '–' : by === 'sdk' ? 'SDK' : 'Edict';
  const test = shown === undefined ? '' : testCell({ file: shown.file, name: shown.test });
  return [number, emphasised(openFeatureVerdict(requirement)), who, says, how, test];
}

export function openFeatureVerdict({ by, deviates }: Requirement): Verdict {
  if (deviates === true) return 'no';
  return by === 'nobody' ? 'not applicable' : 'yes';
}

function emphasised(verdict: Verdict): string {
  return verdict === 'yes' ? verdict : `**${verdict}**`;
}

function counts(verdicts: readonly Verdict[]): readonly string[] {
  const kinds: readonly Verdict[] = ['yes', 'part', 'no', 'not applicable'];
  return kinds.map((kind) => `${verdicts.filter((verdict) => verdict === kind).length}`);
}
