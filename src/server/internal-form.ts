/** The form in which a relay hands out a flag: known members only, absent when unset, dates reprinted. */

import { formatDate } from '../flags/date.ts';
import type { Experimentation, Flag, Instant, ProgressiveRollout, RolloutEdge, Rule, Step } from '../flags/model.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import { emptyRecord } from '../internal/json.ts';

/** Writes a parsed flag back as JSON. Members the format does not know, and `converter`, are gone by then. */
export function internalForm(flag: Flag): JsonObject {
  return present({
    variations: flag.variations as JsonObject | undefined,
    targeting: flag.targeting?.map(ruleForm),
    bucketingKey: flag.bucketingKey,
    defaultRule: flag.defaultRule && ruleForm(flag.defaultRule),
    experimentation: flag.experimentation && experimentationForm(flag.experimentation),
    scheduledRollout: flag.scheduledRollout?.map(stepForm),
    trackEvents: flag.trackEvents,
    disable: flag.disable,
    version: flag.version,
    metadata: flag.metadata as JsonObject | undefined,
  });
}

function stepForm(step: Step): JsonObject {
  return present({ ...internalForm(step), date: dateForm(step.date) });
}

function ruleForm(rule: Rule): JsonObject {
  return present({
    name: rule.name,
    query: rule.query,
    variation: rule.variation,
    percentage: rule.percentage && percentageForm(rule.percentage),
    progressiveRollout: rule.progressiveRollout && progressiveForm(rule.progressiveRollout),
    disable: rule.disable,
  });
}

function percentageForm(percentage: ReadonlyMap<string, number>): JsonObject {
  const form = emptyRecord<JsonValue>();
  for (const [variation, share] of percentage) form[variation] = share;
  return form;
}

function progressiveForm(rollout: ProgressiveRollout): JsonObject {
  return present({
    initial: rollout.initial && edgeForm(rollout.initial),
    end: rollout.end && edgeForm(rollout.end),
  });
}

function edgeForm(edge: RolloutEdge): JsonObject {
  return present({ variation: edge.variation, percentage: edge.percentage, date: dateForm(edge.date) });
}

function experimentationForm(window: Experimentation): JsonObject {
  return present({ start: dateForm(window.start), end: dateForm(window.end) });
}

function dateForm(date: Instant | undefined): string | undefined {
  return date && formatDate(date);
}

/** Keeps the members that are set. The names here are the format's own, so a plain object will do. */
function present(members: Record<string, JsonValue | undefined>): JsonObject {
  const form: JsonObject = {};
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) form[name] = value;
  }
  return form;
}
