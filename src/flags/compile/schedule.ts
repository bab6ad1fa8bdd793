/** Scheduled rollout: merges the due steps into a flag, giving one flag state per instant (spec/flags.md §6). */

import { hasOwn, type JsonObject } from '../../internal/json.ts';
import { compareInstants, marshalFails } from '../date.ts';
import type { Experimentation, Flag, Instant, ProgressiveRollout, RolloutEdge, Rule, Step } from '../model.ts';

/** The flag as it stands from an instant on; `undefined` where GO Feature Flag panics while merging (§6.3). */
export interface Phase {
  readonly from: Instant;
  readonly flag: Flag | undefined;
}

class MergePanic extends Error {}

/** Phases in ascending order of their instants; the unchanged flag serves before the first. */
export function schedulePhases(flag: Flag): Phase[] {
  const due = (flag.scheduledRollout ?? []).filter(hasDate);
  // Array sort is stable: equal instants keep declaration order, and the last wins.
  due.sort((a, b) => compareInstants(a.date, b.date));
  const phases: Phase[] = [];
  let state: Flag | undefined = flag;
  for (const [i, step] of due.entries()) {
    state = state && mergeStep(state, step);
    const next = due[i + 1]?.date;
    if (next === undefined || compareInstants(next, step.date) !== 0) phases.push({ from: step.date, flag: state });
  }
  return phases;
}

function hasDate(step: Step): step is Step & { date: Instant } {
  return step.date !== undefined;
}

function mergeStep(flag: Flag, step: Step): Flag | undefined {
  try {
    return {
      ...flag,
      targeting: mergeRules(flag.targeting ?? [], step.targeting ?? []),
      disable: step.disable ?? flag.disable,
      defaultRule: mergeDefaultRule(flag.defaultRule, step.defaultRule),
      variations: mergeVariations(flag.variations, step.variations),
      experimentation: mergeExperimentation(flag.experimentation, step.experimentation),
    };
  } catch (caught) {
    if (caught instanceof MergePanic) return undefined;
    throw caught;
  }
}

function mergeDefaultRule(rule: Rule | undefined, update: Rule | undefined): Rule | undefined {
  if (update === undefined) return rule;
  if (rule !== undefined) return mergeRule(rule, update);
  // GO Feature Flag writes each present field through a nil pointer; an update without one writes nothing.
  const { query, variation, percentage, progressiveRollout, disable } = update;
  if ([query, variation, percentage, progressiveRollout, disable].some(isPresent)) throw new MergePanic();
  return undefined;
}

function isPresent(value: unknown): boolean {
  return value !== undefined;
}

function mergeVariations(
  variations: Readonly<JsonObject> | undefined,
  update: Readonly<JsonObject> | undefined,
): Readonly<JsonObject> | undefined {
  return variations === undefined || update === undefined ? variations : { ...variations, ...update };
}

function mergeExperimentation(
  window: Experimentation | undefined,
  update: Experimentation | undefined,
): Experimentation | undefined {
  if (update === undefined) return window;
  return { start: update.start ?? window?.start, end: update.end ?? window?.end };
}

/** A named update merges into every rule of that name; the others are appended (§6.2). */
function mergeRules(rules: readonly Rule[], updates: readonly Rule[]): Rule[] {
  const byName = new Map<string, Rule>();
  for (const update of updates) if (update.name !== undefined) byName.set(update.name, update);
  const merged = new Set<string>();
  const result = rules.map((rule) => {
    const name = rule.name ?? '';
    const update = byName.get(name);
    if (update === undefined) return rule;
    merged.add(name);
    return mergeRule(rule, update);
  });
  for (const update of updates) if (!merged.has(update.name ?? '')) result.push(update);
  return result;
}

function mergeRule(rule: Rule, update: Rule): Rule {
  return {
    name: rule.name,
    query: update.query ?? rule.query,
    variation: update.variation ?? rule.variation,
    percentage: mergePercentage(rule.percentage, update.percentage),
    progressiveRollout: mergeProgressive(rule.progressiveRollout, update.progressiveRollout),
    disable: update.disable ?? rule.disable,
  };
}

function mergePercentage(
  percentage: ReadonlyMap<string, number> | undefined,
  update: ReadonlyMap<string, number> | undefined,
): ReadonlyMap<string, number> | undefined {
  if (update === undefined) return percentage;
  const result = new Map(percentage);
  for (const [name, value] of update) {
    if (value < 0) result.delete(name);
    else result.set(name, value);
  }
  return result;
}

function mergeProgressive(
  rollout: ProgressiveRollout | undefined,
  update: ProgressiveRollout | undefined,
): ProgressiveRollout | undefined {
  if (update === undefined) return rollout;
  const base = rollout ?? { initial: EMPTY_EDGE, end: EMPTY_EDGE };
  return { initial: mergeEdge(base.initial, update.initial), end: mergeEdge(base.end, update.end) };
}

const EMPTY_EDGE: RolloutEdge = { variation: undefined, percentage: undefined, date: undefined };

function mergeEdge(edge: RolloutEdge | undefined, update: RolloutEdge | undefined): RolloutEdge | undefined {
  if (update === undefined) return edge;
  if (edge === undefined) {
    if ([update.variation, update.percentage, update.date].some(isPresent)) throw new MergePanic();
    return undefined;
  }
  return {
    variation: update.variation ?? edge.variation,
    percentage: update.percentage ?? edge.percentage,
    date: update.date ?? edge.date,
  };
}

/**
 * Whether GO Feature Flag fails to copy the flag: it does so by serialising it, and a date whose offset reaches 24 hours
 * cannot be printed (§6.1).
 */
export function copyFails(flag: Flag): boolean {
  if (windowFails(flag.experimentation) || ruleFails(flag.defaultRule)) return true;
  if (flag.targeting?.some(ruleFails)) return true;
  return flag.scheduledRollout?.some((step) => instantFails(step.date) || copyFails(step)) ?? false;
}

function instantFails(instant: Instant | undefined): boolean {
  return instant !== undefined && marshalFails(instant);
}

function windowFails(window: Experimentation | undefined): boolean {
  return window !== undefined && (instantFails(window.start) || instantFails(window.end));
}

function ruleFails(rule: Rule | undefined): boolean {
  const rollout = rule?.progressiveRollout;
  return rollout !== undefined && (instantFails(rollout.initial?.date) || instantFails(rollout.end?.date));
}

/** A variation's value, or `undefined` when the flag has no such variation. */
export function variationValue(flag: Flag, name: string): JsonObject[string] | undefined {
  return flag.variations !== undefined && hasOwn(flag.variations, name) ? flag.variations[name] : undefined;
}
