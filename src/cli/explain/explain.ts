/** Works out how a decision came about. What is true or false is asked of the kernel; this only finds the questions. */

import type { RawOutcome } from '../../evaluator/outcome-reader.ts';
import { parseJsonLogic } from '../../flags/compile/flag-code.ts';
import { schedulePhases } from '../../flags/compile/schedule.ts';
import { compareInstants, formatDate, parseDate } from '../../flags/date.ts';
import type { Flag, Instant, Rule, Step } from '../../flags/model.ts';
import { parseFlag } from '../../flags/parse-flag.ts';
import { parseQuery, trimQuery } from '../../flags/query/parser.ts';
import { walkMembers } from '../../flags/walk.ts';
import { emptyRecord, hasOwn, isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import type { Kernel, Question } from '../kernel.ts';
import { explainLogic } from './explain-logic.ts';
import { explainQuery } from './explain-query.ts';
import { explainServing } from './explain-serving.ts';
import type { Explanation, RuleTrace, StepTrace } from './explanation.ts';

/** Explains `raw`, the kernel's answer to `question`. `now` in milliseconds is the clock the kernel saw. */
export function explain(kernel: Kernel, question: Question, raw: RawOutcome, now: number): Explanation {
  const { date, dateFrom } = evaluationDate(question.context, now);
  const parsed = parseFlag(question.flag);
  const flag = 'flag' in parsed && !raw.preEvaluation ? parsed.flag : undefined;
  const state = flag === undefined ? undefined : stateAt(flag, date);
  const base = {
    date: formatDate(date),
    dateFrom,
    schedule: (flag?.scheduledRollout ?? []).map((step) => traceStep(step, date)),
    bucketing: traceBucketing(state, flag, question, raw),
    isDisabled: state?.disable === true,
    window: traceWindow(state, date),
  };
  // These fall before any rule is looked at.
  const isEarly =
    raw.preEvaluation || ['GENERAL', 'TARGETING_KEY_MISSING'].includes(raw.code) || raw.reason === 'DISABLED';
  if (state === undefined || isEarly) {
    return { ...base, rules: [], problem: raw.code === '' ? undefined : `${raw.code}: ${raw.details}` };
  }
  const rules = new RuleWalk(kernel, question, date, base.bucketing.value ?? '').trace(state, raw);
  return { ...base, rules, problem: raw.code === '' ? undefined : `${raw.code}: ${raw.details}` };
}

/** The flag as its due steps left it. */
function stateAt(flag: Flag, date: Instant): Flag | undefined {
  const due = schedulePhases(flag).filter((phase) => compareInstants(phase.from, date) <= 0);
  const last = due.at(-1);
  return last === undefined ? flag : last.flag;
}

function evaluationDate(context: Readonly<JsonObject>, now: number): { date: Instant; dateFrom: 'context' | 'clock' } {
  const reserved = hasOwn(context, 'gofeatureflag') ? context.gofeatureflag : undefined;
  const text = isJsonObject(reserved) ? reserved.currentDateTime : undefined;
  const parsed = typeof text === 'string' ? parseDate(text) : undefined;
  if (parsed !== undefined && !('error' in parsed)) return { date: parsed, dateFrom: 'context' };
  const clock = parseDate(new Date(now).toISOString());
  if ('error' in clock) throw new RangeError(clock.error);
  return { date: clock, dateFrom: 'clock' };
}

function traceStep(step: Step, date: Instant): StepTrace {
  const { date: from, ...members } = step;
  return {
    date: from === undefined ? 'no date' : formatDate(from),
    isDue: from !== undefined && compareInstants(from, date) <= 0,
    sets: Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [name])),
  };
}

function traceWindow(state: Flag | undefined, date: Instant): Explanation['window'] {
  const window = state?.experimentation;
  if (window?.start === undefined && window?.end === undefined) return undefined;
  const { start, end } = window;
  return {
    start: start === undefined ? undefined : formatDate(start),
    end: end === undefined ? undefined : formatDate(end),
    isInside:
      (start === undefined || compareInstants(date, start) >= 0) &&
      (end === undefined || compareInstants(date, end) <= 0),
  };
}

function traceBucketing(
  state: Flag | undefined,
  flag: Flag | undefined,
  { context, enrichment }: Question,
  raw: RawOutcome,
): Explanation['bucketing'] {
  const key = state?.bucketingKey;
  const problem = raw.code === 'TARGETING_KEY_MISSING' ? raw.details : undefined;
  const states = [state, ...(flag?.scheduledRollout ?? [])];
  const isNeeded = states.some((one) => [one?.defaultRule, ...(one?.targeting ?? [])].some(needsBucket));
  if (key === undefined || key === '') {
    const value = hasOwn(context, 'targetingKey') ? context.targetingKey : undefined;
    return { from: 'targetingKey', value: typeof value === 'string' ? value : undefined, isNeeded, problem };
  }
  const path = key.split('.');
  const [root = ''] = path;
  const source = [enrichment, context].find((one) => hasOwn(one, root));
  const value = walkMembers(source?.[root], path);
  return { from: key, value: typeof value === 'string' ? value : undefined, isNeeded, problem };
}

function needsBucket(rule: Rule | undefined): boolean {
  return rule?.progressiveRollout !== undefined || (rule?.percentage?.size ?? 0) > 0;
}

class RuleWalk {
  readonly #kernel: Kernel;
  readonly #question: Question;
  readonly #date: Instant;
  readonly #bucketBy: string;
  readonly #attributes: JsonObject;

  constructor(kernel: Kernel, question: Question, date: Instant, bucketBy: string) {
    this.#kernel = kernel;
    this.#question = question;
    this.#date = date;
    this.#bucketBy = bucketBy;
    this.#attributes = attributesOf(question);
  }

  trace(state: Flag, raw: RawOutcome): RuleTrace[] {
    let isOver = false;
    const traces = (state.targeting ?? []).map((rule, index): RuleTrace => {
      const trace = this.#traceRule(rule, index, isOver);
      // The kernel's own answer names the rule; an error names none, and is the first that matched.
      const isUsed = raw.ruleIndex === undefined ? trace.status === 'matched' : raw.ruleIndex === index;
      isOver ||= isUsed;
      return trace;
    });
    const rule = state.defaultRule;
    if (rule !== undefined) traces.push(this.#traceDefault(rule, isOver));
    return traces;
  }

  #traceRule(rule: Rule, index: number, isOver: boolean): RuleTrace {
    const query = trimQuery(rule.query ?? '');
    const base = { position: index + 1, name: rule.name || undefined, query, conditions: [], serving: undefined };
    const logic = parseJsonLogic(query);
    const language = query === '' ? 'none' : logic === undefined ? 'nikunjy' : 'jsonlogic';
    if (isOver) return { ...base, language, status: 'not reached' };
    if (rule.disable === true) return { ...base, language, status: 'disabled' };
    const isMatch = this.#matches(query);
    return {
      ...base,
      language,
      status: isMatch ? 'matched' : 'no match',
      conditions:
        language === 'none'
          ? []
          : logic === undefined
            ? explainQuery(parseQuery(query), this.#attributes, (text) => this.#matches(text))
            : explainLogic(logic.rule, query, this.#attributes, isMatch),
      serving: isMatch ? this.#serving(rule) : undefined,
    };
  }

  #traceDefault(rule: Rule, isOver: boolean): RuleTrace {
    return {
      position: undefined,
      name: rule.name || undefined,
      status: isOver ? 'not reached' : 'matched',
      language: 'none',
      query: '',
      conditions: [],
      serving: isOver ? undefined : this.#serving(rule),
    };
  }

  #serving(rule: Rule) {
    return explainServing(rule, { flagKey: this.#question.flagKey, bucketBy: this.#bucketBy, date: this.#date });
  }

  /** Whether a query matches, by a flag that has nothing but the query. */
  #matches(query: string): boolean {
    const flag: JsonValue = {
      variations: { yes: true, no: false },
      targeting: [{ query, variation: 'yes' }],
      defaultRule: { variation: 'no' },
    };
    return this.#kernel.ask({ ...this.#question, flag }).value === true;
  }
}

/** The attributes as queries see them: enrichment over context, and three names recomputed (spec/flags.md §7.4). */
function attributesOf({ context, enrichment }: Question): JsonObject {
  const attributes = emptyRecord<JsonValue>();
  for (const source of [context, enrichment]) {
    for (const name of Object.keys(source)) attributes[name] = source[name] as JsonValue;
  }
  const key = hasOwn(context, 'targetingKey') ? context.targetingKey : undefined;
  attributes.key = typeof key === 'string' ? key : '';
  attributes.targetingKey = attributes.key;
  attributes.anonymous = attributes.anonymous === true;
  return attributes;
}
