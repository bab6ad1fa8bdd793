/** Generates the program of one flag: schedule, bucketing value, disabled, window, rules (spec/flags.md §4, §5). */

import type { JsonValue } from '../../internal/json.ts';
import { NO_OUTCOME, Op } from '../image/abi.ts';
import { type EngineCode, OutcomeBit, type Outcomes, type Reason } from '../image/outcomes.ts';
import type { Pool } from '../image/pool.ts';
import { Label, type Program } from '../image/program.ts';
import type { SlotTable } from '../image/slots.ts';
import { encodeJsonLogic } from '../jsonlogic/encode.ts';
import type { Flag, Rule } from '../model.ts';
import type { QueryNode } from '../query/ast.ts';
import { parseQuery, QueryTooDeep, trimQuery } from '../query/parser.ts';
import type { FlagReads } from './flag-reads.ts';
import { emitQuery } from './query-code.ts';
import { completeRollout, emitProgress, emitSchedule, emitSplit, emitWindow } from './rollout-code.ts';
import { copyFails, schedulePhases, variationValue } from './schedule.ts';

/** What the generator writes to; one set serves all flags of an image. */
export interface Target {
  readonly program: Program;
  readonly pool: Pool;
  readonly slots: SlotTable;
  readonly outcomes: Outcomes;
  readonly reads: FlagReads;
  /** Queries parsed before: configurations repeat them from flag to flag. */
  readonly queries: Map<string, ParsedQuery>;
  /** Notes that the word at `address` must become the address of instruction `instruction`. */
  readonly link: (address: number, instruction: number) => void;
}

const COPY_FAILED =
  'json: error calling MarshalJSON for type *time.Time: Time.MarshalJSON: timezone hour outside of range [0,23]';
const MERGE_PANIC =
  'recovered from panic during evaluation: runtime error: invalid memory address or nil pointer dereference';

/** A query in either language, parsed. */
type ParsedQuery = { readonly node: QueryNode } | { readonly rule: JsonValue };

/** The flag passes a limit of the compiler; the message is its PARSE_ERROR text. */
export class UncompilableFlag extends Error {
  override readonly name = 'UncompilableFlag';
}

function parseOrFail(text: string): QueryNode {
  try {
    return parseQuery(text);
  } catch (caught) {
    if (caught instanceof QueryTooDeep) throw new UncompilableFlag(caught.message);
    throw caught;
  }
}

/** Emits the flag and gives its constant outcome, when no context or clock can change the answer. */
export function emitFlag(flag: Flag, target: Target): number | undefined {
  return new FlagCode(flag, target).emit();
}

/** Emits a flag that answers the same error whatever the context. */
export function emitBroken(details: string, target: Target): number {
  const outcome = target.outcomes.add({
    name: details,
    reason: '',
    code: 'PARSE_ERROR',
    bits: OutcomeBit.preEvaluation | OutcomeBit.usesDefault,
  });
  target.program.return(outcome);
  return outcome;
}

class FlagCode {
  readonly #flag: Flag;
  readonly #target: Target;
  readonly #cacheable: number;

  constructor(flag: Flag, target: Target) {
    this.#flag = flag;
    this.#target = target;
    const timed = (flag.scheduledRollout?.length ?? 0) > 0 || flag.experimentation !== undefined;
    this.#cacheable = timed ? 0 : OutcomeBit.cacheable;
  }

  emit(): number | undefined {
    const { program } = this.#target;
    const flag = this.#flag;
    if (flag.scheduledRollout !== undefined && copyFails(flag)) {
      return this.#return(this.#error('GENERAL', COPY_FAILED, OutcomeBit.noMetadata));
    }
    const phases = schedulePhases(flag);
    if (phases.length === 0) return this.#phase(flag);
    const targets = emitSchedule(
      program,
      this.#target.pool,
      this.#dateSlot(),
      phases.map((phase) => phase.from),
    );
    this.#phase(flag);
    for (const [i, phase] of phases.entries()) {
      this.#target.link(targets[i] as number, program.next);
      if (phase.flag !== undefined) this.#phase(phase.flag);
      else {
        this.#return(
          this.#target.outcomes.add({
            name: MERGE_PANIC,
            reason: '',
            code: 'GENERAL',
            bits: OutcomeBit.preEvaluation | OutcomeBit.usesDefault,
          }),
        );
      }
    }
    return undefined;
  }

  /** One state of the flag; gives the outcome when it is the whole program. */
  #phase(flag: Flag): number | undefined {
    const { program, pool, outcomes } = this.#target;
    const first = program.next;
    const bucket = this.#emitBucket(flag);
    const disabled = () =>
      outcomes.add({
        name: 'SdkDefault',
        reason: 'DISABLED',
        bits: OutcomeBit.usesDefault | this.#cacheable,
      });
    if (flag.disable === true) {
      const outcome = disabled();
      program.return(outcome);
      return program.next === first + 1 ? outcome : undefined;
    }
    const window = flag.experimentation;
    if (window !== undefined && (window.start !== undefined || window.end !== undefined)) {
      emitWindow(program, pool, this.#dateSlot(), window, disabled());
    }
    for (const [index, rule] of (flag.targeting ?? []).entries()) {
      if (this.#emitTargetingRule(flag, rule, index, bucket)) return undefined;
    }
    if (flag.defaultRule === undefined) {
      const outcome = this.#return(this.#error('FLAG_CONFIG', 'no default targeting for the flag'));
      return program.next === first + 1 ? outcome : undefined;
    }
    if (needsBucket(flag.defaultRule)) this.#emitNoKey(flag, bucket);
    const reasons: readonly [Reason, Reason] = [(flag.targeting?.length ?? 0) > 0 ? 'DEFAULT' : 'STATIC', 'SPLIT'];
    const outcome = this.#emitServe(flag, flag.defaultRule, undefined, reasons, bucket);
    return program.next === first + 1 ? outcome : undefined;
  }

  /** §4.1: checks the bucketing value and gives its slot. */
  #emitBucket(flag: Flag): number {
    const { program, pool, slots, reads } = this.#target;
    const needs = anyNeedsBucket(flag) || (flag.scheduledRollout ?? []).some(anyNeedsBucket);
    const key = flag.bucketingKey;
    if (key === undefined || key === '') {
      const slot = slots.forTargetingKey();
      if (!needs) return slot;
      reads.slot(slot);
      // An empty bucketingKey takes the targeting key unchecked; the rules that need it complain themselves.
      if (key === undefined) {
        program.emit(Op.noKey, slot, this.#error('TARGETING_KEY_MISSING', 'Error: Empty targeting key'), 0);
      }
      return slot;
    }
    const slot = reads.slot(slots.forBucketingKey(key.split('.')));
    const table = pool.reserve(12);
    const missing = `impossible to find bucketingKey in context: nested key not found: ${key}`;
    pool.setU32(table, this.#error('TARGETING_KEY_MISSING', missing));
    pool.setU32(table + 4, this.#error('TARGETING_KEY_MISSING', 'invalid bucketing key'));
    const empty = needs ? this.#error('TARGETING_KEY_MISSING', 'Error: Empty bucketing key') : NO_OUTCOME;
    pool.setU32(table + 8, empty);
    program.emit(Op.bucket, slot, table, 0);
    return slot;
  }

  /** Only an empty `bucketingKey` lets an empty bucketing value through to a rule that needs one. */
  #emitNoKey(flag: Flag, bucket: number): void {
    if (flag.bucketingKey !== '') return;
    const outcome = this.#error('FLAG_CONFIG', 'evaluate Rule: no key for bucketing-required rule');
    this.#target.program.emit(Op.noKey, bucket, outcome, 0);
  }

  /** Gives true when the rule always applies, so nothing behind it is ever reached. */
  #emitTargetingRule(flag: Flag, rule: Rule, index: number, bucket: number): boolean {
    const { program } = this.#target;
    if (needsBucket(rule)) this.#emitNoKey(flag, bucket);
    if (rule.disable === true) return false;
    const met = new Label();
    const unmet = new Label();
    const always = !this.#emitCondition(rule.query ?? '', met, unmet);
    program.place(met);
    this.#emitServe(flag, rule, index, ['TARGETING_MATCH', 'TARGETING_MATCH_SPLIT'], bucket);
    program.place(unmet);
    return always;
  }

  /** Emits the query; gives false when it is empty and so always met. */
  #emitCondition(query: string, met: Label, unmet: Label): boolean {
    const { program, pool, slots, reads } = this.#target;
    const text = trimQuery(query);
    if (text === '') return false;
    let parsed = this.#target.queries.get(text);
    if (parsed === undefined) {
      parsed = parseJsonLogic(text) ?? { node: parseOrFail(text) };
      this.#target.queries.set(text, parsed);
    }
    if ('node' in parsed) {
      emitQuery(parsed.node, program, pool, slots, reads, met, unmet);
      return true;
    }
    const logic = parsed;
    if (logic.rule === null) {
      program.jump(unmet);
      return true;
    }
    const encoded = encodeJsonLogic(logic.rule, pool, slots);
    if (encoded.problem !== undefined) throw new UncompilableFlag(encoded.problem);
    for (const slot of encoded.slots) reads.slot(slot);
    if (encoded.roots === 'all') reads.allRoots = true;
    else for (const root of encoded.roots) reads.root(root);
    program.emit(Op.jsonLogic, 0, encoded.rule, encoded.roots.length > 0 ? 1 : 0, met, unmet);
    return true;
  }

  /** Emits what a matching rule serves; gives the outcome when it is a plain one. */
  #emitServe(
    flag: Flag,
    rule: Rule,
    index: number | undefined,
    [plain, split]: readonly [Reason, Reason],
    bucket: number,
  ): number | undefined {
    const { program, pool } = this.#target;
    const dynamic = isDynamic(rule);
    const reason = dynamic ? split : plain;
    const ruleName = index === undefined ? undefined : rule.name;
    const serve = (cacheable: number) => (variation: string) =>
      this.#target.outcomes.add({
        name: variation,
        value: variationValue(flag, variation),
        reason,
        code: '',
        ruleIndex: index,
        ruleName,
        bits: cacheable,
      });
    if (rule.progressiveRollout !== undefined) {
      const rollout = completeRollout(rule.progressiveRollout);
      if (rollout === undefined) {
        return this.#return(this.#error('FLAG_CONFIG', 'error in the progressive rollout, missing params'));
      }
      this.#noteHash(flag, bucket);
      emitProgress(program, pool, { date: this.#enrichedDateSlot(), bucket }, rollout, serve(0));
      return undefined;
    }
    if (rule.percentage !== undefined && rule.percentage.size > 0) {
      this.#noteHash(flag, bucket);
      emitSplit(program, pool, bucket, rule.percentage, serve(this.#cacheable), () =>
        this.#error('FLAG_CONFIG', 'impossible to find the variation'),
      );
      return undefined;
    }
    if (rule.variation === undefined) {
      const details = 'error in the configuration, no variation available for this rule';
      return this.#return(this.#error('FLAG_CONFIG', details));
    }
    return this.#return(serve(this.#cacheable)(rule.variation));
  }

  #noteHash(flag: Flag, bucket: number): void {
    const { reads } = this.#target;
    reads.slot(bucket);
    if (!flag.bucketingKey) reads.hashesTargetingKey = true;
  }

  #dateSlot(): number {
    const { slots, reads } = this.#target;
    reads.time = true;
    return reads.slot(slots.forDate());
  }

  #enrichedDateSlot(): number {
    const { slots, reads } = this.#target;
    reads.time = true;
    return reads.slot(slots.forEnrichedDate());
  }

  #error(code: EngineCode, details: string, bits = 0): number {
    return this.#target.outcomes.add({ name: details, reason: 'ERROR', code, bits: bits | OutcomeBit.usesDefault });
  }

  #return(outcome: number): number {
    this.#target.program.return(outcome);
    return outcome;
  }
}

/** §3.4: decided over time or by a share of users; a 100 anywhere makes it plain. */
function isDynamic(rule: Rule): boolean {
  if (rule.progressiveRollout !== undefined) return true;
  if (rule.percentage === undefined || rule.percentage.size === 0) return false;
  for (const value of rule.percentage.values()) if (value === 100) return false;
  return true;
}

function needsBucket(rule: Rule): boolean {
  return rule.progressiveRollout !== undefined || (rule.percentage?.size ?? 0) > 0;
}

function anyNeedsBucket(flag: Flag): boolean {
  return (
    (flag.defaultRule !== undefined && needsBucket(flag.defaultRule)) || (flag.targeting?.some(needsBucket) ?? false)
  );
}

/** A whole JSON document that is an object or `null` is JSONLogic (§5.1); anything else is nikunjy. */
export function parseJsonLogic(text: string): { rule: JsonValue } | undefined {
  const start = text.trimStart()[0];
  if (start !== '{' && start !== 'n') return undefined;
  try {
    const rule = JSON.parse(text) as JsonValue;
    return typeof rule === 'object' && !Array.isArray(rule) && !holdsInfinity(rule, 0) ? { rule } : undefined;
  } catch {
    return undefined;
  }
}

/** JavaScript reads 1e400 as Infinity where Go refuses the document. Past the nesting limit the answer does not matter. */
function holdsInfinity(value: JsonValue, depth: number): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (typeof value !== 'object' || value === null || depth > 1_000) return false;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (holdsInfinity(member, depth + 1)) return true;
  }
  return false;
}
