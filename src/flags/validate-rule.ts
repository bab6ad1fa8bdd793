/** Validates what one rule serves: its percentages, its progressive rollout or its variation. */

import type { JsonObject } from '../internal/json.ts';
import { hasOwn } from '../internal/json.ts';
import type { FlagPath } from './finding.ts';
import type { ProgressiveRollout, Rule } from './model.ts';

/** How many names a remedy lists. */
const MAX_LISTED_NAMES = 8;

/** Takes what is wrong inside a rule; `field` is empty where the rule as a whole is meant. */
export type ReportRule = (field: string, message: string, remedy: string, inside?: FlagPath) => void;

/**
 * Reports what is wrong with a rule, in the relay's order. `variations` is `undefined` when the flag has none: then every
 * name would be wrong, and saying so once is enough. `checkQuery` runs at its place in the order, for targeting rules.
 */
export function validateRule(
  rule: Rule,
  variations: Readonly<JsonObject> | undefined,
  report: ReportRule,
  checkQuery?: () => void,
): void {
  const { percentage, progressiveRollout, variation } = rule;
  if (percentage === undefined && progressiveRollout === undefined && variation === undefined) {
    report('', 'impossible to return value', 'add `variation`, `percentage` or `progressiveRollout` to the rule');
  }
  checkQuery?.();
  if (percentage !== undefined) checkPercentages(percentage, variations, report);
  if (progressiveRollout !== undefined) checkProgressive(progressiveRollout, variations, report);
  if (percentage !== undefined || progressiveRollout !== undefined || variation === undefined) return;
  if (variations !== undefined && !hasOwn(variations, variation)) {
    report('variation', `invalid variation: ${variation} does not exist`, oneOf(variations));
  }
}

function checkPercentages(
  percentage: ReadonlyMap<string, number>,
  variations: Readonly<JsonObject> | undefined,
  report: ReportRule,
): void {
  if (percentage.size === 0) {
    report('percentage', 'invalid percentages: should not be empty', 'give at least one variation a percentage');
    return;
  }
  let sum = 0;
  for (const [name, value] of percentage) {
    sum += value;
    if (variations !== undefined && !hasOwn(variations, name)) {
      report('percentage', `invalid percentage: variation ${name} does not exist`, oneOf(variations), [name]);
    }
  }
  if (sum === 0) {
    report('percentage', 'invalid percentages: should not be equal to 0', 'make the percentages add up to 100');
  }
}

function checkProgressive(
  { initial, end }: ProgressiveRollout,
  variations: Readonly<JsonObject> | undefined,
  report: ReportRule,
): void {
  const field = 'progressiveRollout';
  const from = initial?.percentage ?? 0;
  const to = end?.percentage ?? 0;
  if (to < from) {
    report(
      field,
      `invalid progressive rollout, initial percentage should be lower than end percentage: ${goNumber(from)}/${goNumber(to)}`,
      end?.percentage === undefined
        ? 'write the end percentage out'
        : 'swap initial and end, or raise the end percentage',
      end?.percentage === undefined ? ['end'] : ['end', 'percentage'],
    );
  }
  if (variations === undefined) return;
  for (const [edge, name] of [
    ['end', end?.variation ?? ''],
    ['initial', initial?.variation ?? ''],
  ] as const) {
    if (hasOwn(variations, name)) continue;
    report(field, `invalid progressive rollout, ${edge} variation ${name} does not exist`, oneOf(variations), [
      edge,
      'variation',
    ]);
  }
}

function oneOf(variations: Readonly<JsonObject>): string {
  const names = Object.keys(variations);
  const listed = names.slice(0, MAX_LISTED_NAMES).map((name) => JSON.stringify(name));
  return `use one of ${listed.join(', ')}${names.length > listed.length ? ', …' : ''}`;
}

/** A number as Go prints it: an exponent (of two digits) already below 0.0001, and the sign of a negative zero. */
function goNumber(value: number): string {
  if (Object.is(value, -0)) return '-0';
  const size = Math.abs(value);
  if (value === 0 || size >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}
