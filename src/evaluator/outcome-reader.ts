/** Names what the guest's numbers mean: outcome → raw facts → frozen resolution, each built once, on first use. */

import type { OpenFeatureErrorCode } from '../errors.ts';
import type { CompiledConfiguration } from '../flags/compile/configuration.ts';
import { FLAG_WORDS, FlagBit, FlagColumn, NONE, OUTCOME_WORDS } from '../flags/image/abi.ts';
import {
  ENGINE_CODES,
  type EngineCode,
  type FlagText,
  OutcomeBit,
  REASONS,
  type Reason,
} from '../flags/image/outcomes.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import type { Resolution } from './resolution.ts';

/** An outcome in the engine's own words, before defaults and OpenFeature codes. */
export interface RawOutcome {
  readonly flagKey: string;
  /** Variation name; for errors and disabled flags `SdkDefault`, for pre-evaluation errors "". */
  readonly variation: string;
  /** `undefined`: the caller's default stands in. */
  readonly value: JsonValue | undefined;
  readonly reason: Reason;
  readonly code: EngineCode;
  readonly details: string;
  readonly cacheable: boolean;
  readonly preEvaluation: boolean;
  readonly metadata: JsonObject | undefined;
  readonly ruleIndex: number | undefined;
  readonly ruleName: string | undefined;
  readonly version: string;
  readonly trackEvents: boolean;
}

const NO_METADATA: Readonly<JsonObject> = Object.freeze({});

export class OutcomeReader {
  readonly #compiled: CompiledConfiguration;
  readonly #keys: readonly string[];
  readonly #texts: (FlagText | undefined)[];
  readonly #resolutions: (Resolution | undefined)[];
  /** The resolutions made so far that have a value to give, by outcome: the answers that need no second look. */
  readonly ready: (Resolution | undefined)[];

  constructor(compiled: CompiledConfiguration, keys: readonly string[]) {
    this.#compiled = compiled;
    this.#keys = keys;
    this.#texts = new Array(keys.length);
    this.#resolutions = new Array(compiled.outcomes.length / OUTCOME_WORDS);
    this.ready = new Array(compiled.outcomes.length / OUTCOME_WORDS);
  }

  /** The shared, frozen resolution of an outcome; `value` is null where the caller's default belongs. */
  resolution(outcome: number): Resolution {
    const known = this.#resolutions[outcome];
    if (known !== undefined) return known;
    const built = freezeResolution(this.raw(outcome));
    this.#resolutions[outcome] = built;
    if (built.value !== null) this.ready[outcome] = built;
    return built;
  }

  /** The resolutions of one outcome a flag; `failed` answers for results below zero. */
  resolutions(outcomes: Int32Array, failed: (flag: number, result: number) => Resolution): Resolution[] {
    const known = this.#resolutions;
    const { length } = outcomes;
    const answers = new Array<Resolution>(length);
    for (let i = 0; i < length; i++) {
      const outcome = outcomes[i] as number;
      answers[i] = known[outcome] ?? (outcome < 0 ? failed(i, outcome) : this.resolution(outcome));
    }
    return answers;
  }

  raw(outcome: number): RawOutcome {
    const words = this.#compiled.outcomes;
    const at = outcome * OUTCOME_WORDS;
    const flag = words[at] as number;
    const [names, values, ruleNames, metadata, version] = this.#text(flag);
    const facts = words[at + 5] as number;
    const reason = REASONS[facts & 15] as Reason;
    const code = ENGINE_CODES[(facts >> 4) & 15] as EngineCode;
    const name = names[words[at + 1] as number] as string;
    const valueIndex = words[at + 2] as number;
    const ruleNameIndex = words[at + 3] as number;
    const preEvaluation = (facts & OutcomeBit.preEvaluation) !== 0;
    const ruleName = ruleNameIndex === NONE ? undefined : ruleNames[ruleNameIndex];
    const usesDefault = (facts & OutcomeBit.usesDefault) !== 0;
    const bits = this.#compiled.flags[flag * FLAG_WORDS + FlagColumn.bits] as number;
    return {
      flagKey: this.#keys[flag] as string,
      variation: preEvaluation ? '' : code === '' ? name : 'SdkDefault',
      value: usesDefault ? undefined : valueIndex === NONE ? null : (values[valueIndex] as JsonValue),
      reason,
      code,
      details: code === '' ? '' : name,
      cacheable: (facts & OutcomeBit.cacheable) !== 0,
      preEvaluation,
      metadata: preEvaluation || (facts & OutcomeBit.noMetadata) !== 0 ? undefined : nameRule(metadata, ruleName),
      ruleIndex: words[at + 4] === 0 ? undefined : (words[at + 4] as number) - 1,
      ruleName,
      version: preEvaluation ? '' : version,
      trackEvents: !preEvaluation && (bits & FlagBit.untracked) === 0,
    };
  }

  #text(flag: number): FlagText {
    const known = this.#texts[flag];
    if (known !== undefined) return known;
    const at = flag * FLAG_WORDS;
    const { flags, text } = this.#compiled;
    const parsed = JSON.parse(text.slice(flags[at + FlagColumn.textStart], flags[at + FlagColumn.textEnd])) as FlagText;
    this.#texts[flag] = parsed;
    return parsed;
  }
}

/** A named rule leaves its name in the metadata, over a member of that name (spec/flags.md §4 step 8). */
function nameRule(metadata: JsonObject | null, ruleName: string | undefined): JsonObject | undefined {
  if (!ruleName) return metadata ?? undefined;
  return { ...metadata, evaluatedRuleName: ruleName };
}

function freezeResolution(raw: RawOutcome): Resolution {
  return Object.freeze({
    flagKey: raw.flagKey,
    value: deepFreeze(raw.value ?? null),
    variant: variantOf(raw),
    reason: raw.reason || 'ERROR',
    errorCode: openFeatureCode(raw.code),
    errorMessage: raw.code === '' ? undefined : errorMessage(raw.code, raw.details),
    engineCode: raw.code === '' ? undefined : raw.code,
    metadata: raw.metadata === undefined ? NO_METADATA : (deepFreeze(raw.metadata) as JsonObject),
    ruleIndex: raw.ruleIndex,
    ruleName: raw.ruleName,
    version: raw.version,
    trackEvents: raw.trackEvents,
    cacheable: raw.cacheable,
  });
}

/** The variant to name: a variation may be called "", and only what never reached evaluation has none. */
export function variantOf({ preEvaluation, variation }: RawOutcome): string {
  return preEvaluation ? 'SdkDefault' : variation;
}

/** Codes that OpenFeature lacks become GENERAL, with the original in front of the message (relay-and-provider §4.2). */
function openFeatureCode(code: EngineCode): OpenFeatureErrorCode | undefined {
  if (code === '') return undefined;
  return code === 'FLAG_CONFIG' ? 'GENERAL' : code;
}

function errorMessage(code: EngineCode, details: string): string {
  return code === 'FLAG_CONFIG' ? `${code}: ${details}` : details;
}

/** Resolutions are shared between calls, so nobody may change the values inside. */
function deepFreeze(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Array.isArray(value) ? value : Object.values(value)) deepFreeze(member);
  return Object.freeze(value) as JsonValue;
}
