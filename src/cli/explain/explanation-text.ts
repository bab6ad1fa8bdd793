/** Writes an explanation for people. */

import type { Paint, Style } from '../colour.ts';
import type { Cell } from '../columns.ts';
import { alignColumns } from '../columns.ts';
import { shownName, shownValue } from '../console.ts';
import type { ConditionTrace, Explanation, RuleTrace, Serving, Verdict } from './explanation.ts';

const INDENT = '  ';
const DETAIL = '      ';
const VERDICT_STYLES: Readonly<Record<Verdict, Style>> = {
  yes: 'green',
  no: 'red',
  aborts: 'yellow',
  'not reached': 'dim',
};

export function explanationLines(explanation: Explanation, paint: Paint): string[] {
  const { bucketing, window, schedule } = explanation;
  const facts: (Cell | string)[][] = [
    [
      { text: 'date', style: 'dim' },
      `${explanation.date} (${explanation.dateFrom === 'clock' ? 'now' : 'from the context'})`,
    ],
  ];
  schedule.forEach(({ date, isDue, sets }, i) => {
    const what = sets.length === 0 ? 'sets nothing' : `sets ${sets.join(', ')}`;
    facts.push([{ text: `step ${i + 1}`, style: 'dim' }, `${isDue ? 'in effect since' : 'not yet:'} ${date}, ${what}`]);
  });
  // Who is in which bucket is told where somebody asked: by a share of users, or by naming a key.
  const isTold = bucketing.isNeeded || bucketing.problem !== undefined || bucketing.from !== 'targetingKey';
  if (isTold) facts.push([{ text: 'bucketing', style: 'dim' }, bucketingText(bucketing)]);
  if (explanation.isDisabled) facts.push([{ text: 'disabled', style: 'dim' }, 'yes: nothing else is looked at']);
  if (window !== undefined) facts.push([{ text: 'window', style: 'dim' }, windowText(window)]);
  const lines = alignColumns(facts, paint, INDENT);
  for (const rule of explanation.rules) lines.push(...ruleLines(rule, paint));
  if (explanation.problem !== undefined) lines.push(`${INDENT}${paint('red', explanation.problem)}`);
  return lines;
}

function bucketingText({ from, value, isNeeded, problem }: Explanation['bucketing']): string {
  const source = value === undefined ? `${shownName(from)} is missing` : `${shownName(from)} is ${shownValue(value)}`;
  if (problem !== undefined) return `${source}: ${problem}`;
  return isNeeded ? source : `${source}; no rule divides users into buckets`;
}

function windowText({ start, end, isInside }: NonNullable<Explanation['window']>): string {
  const span = [start === undefined ? '' : `from ${start}`, end === undefined ? '' : `until ${end}`]
    .filter(Boolean)
    .join(' ');
  return `${isInside ? 'open' : 'closed: the flag counts as disabled'}, ${span}`;
}

function ruleLines(rule: RuleTrace, paint: Paint): string[] {
  const title = rule.position === undefined ? 'default rule' : `rule ${rule.position}`;
  const name = rule.name === undefined ? '' : ` "${shownName(rule.name)}"`;
  const status = statusOf(rule);
  const lines = [`${INDENT}${paint('bold', title + name)}: ${paint(status.style, status.text)}`];
  lines.push(...alignColumns(rule.conditions.map(conditionCells), paint, DETAIL));
  if (rule.conditions.length === 0 && rule.language !== 'none' && rule.status !== 'not reached') {
    lines.push(`${DETAIL}${shownName(rule.query.slice(0, 200))}`);
  }
  if (rule.serving !== undefined) lines.push(...servingLines(rule.serving, paint));
  return lines;
}

function statusOf({ status, position, language }: RuleTrace): { readonly text: string; readonly style: Style } {
  switch (status) {
    case 'matched':
      if (position === undefined) return { text: 'used', style: 'green' };
      return { text: language === 'none' ? 'matched, it has no query' : 'matched', style: 'green' };
    case 'no match':
      return { text: 'no match', style: 'red' };
    case 'disabled':
      return { text: 'disabled, skipped', style: 'dim' };
    case 'not reached':
      return { text: 'not reached', style: 'dim' };
  }
}

function conditionCells({ text, before, after, verdict, attribute, value, note }: ConditionTrace): Cell[] {
  if (text === '') return [{ text: '' }, { text: `reads ${factOf(attribute, value)}`, style: 'dim' }];
  const fact = attribute === undefined || verdict === 'not reached' ? '' : factOf(attribute, value);
  return [
    { text: verdict === 'not reached' ? '-' : verdict, style: VERDICT_STYLES[verdict] },
    { text: shownName(before + text + after), ...(verdict === 'not reached' ? { style: 'dim' as const } : {}) },
    { text: [fact, note].filter(Boolean).join('; ') },
  ];
}

function factOf(attribute: string | undefined, value: ConditionTrace['value']): string {
  return `${shownName(attribute ?? '')} is ${shownValue(value)}`;
}

function servingLines(serving: Serving, paint: Paint): string[] {
  switch (serving.kind) {
    case 'variation':
      return [`${DETAIL}serves ${shownName(serving.variation)}`];
    case 'nothing':
      return [`${DETAIL}${paint('red', serving.problem)}`];
    case 'percentage': {
      const { bucket, modulus, ranges } = serving;
      const rows = ranges.map(({ variation, from, to }): Cell[] => {
        const isHit = bucket >= from && bucket < to;
        const share = modulus === 0 ? '' : `${round(((to - from) / modulus) * 100)} %`;
        const cells = [isHit ? '>' : ' ', shownName(variation), `${from} to ${to}`, share];
        return cells.map((text): Cell => (isHit ? { text, style: 'green' } : { text }));
      });
      return [`${DETAIL}bucket ${bucket} of ${modulus}`, ...alignColumns(rows, paint, DETAIL)];
    }
    case 'progressive': {
      const { bucket, modulus, threshold, started, from, to } = serving;
      const share = round((threshold / modulus) * 100);
      const progress = started
        ? `bucket ${bucket} of ${modulus}: ${shownName(serving.endVariation)} for buckets below ${threshold} now (${share} %), ${shownName(serving.initialVariation)} for the others`
        : `not begun: everybody gets ${shownName(serving.initialVariation)}`;
      return [`${DETAIL}progressive rollout from ${from} to ${to}`, `${DETAIL}${progress}`];
    }
  }
}

function round(percent: number): string {
  return String(Math.round(percent * 1000) / 1000);
}
