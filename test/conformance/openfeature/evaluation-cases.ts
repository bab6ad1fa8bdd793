/**
 * What a flag must answer: the cases of OpenFeature's `evaluation.feature`, `evaluation_v2.feature` and `metadata.feature` that
 * are one evaluation each, as data.
 *
 * Source of the facts: open-feature/spec, `specification/assets/gherkin`, at commit 6fd4d54a9a7aff4e080545e7ddc37c69367cc65e
 * (the folder itself last changed in 79285dc5cacb0ff8df7a120efefaddfb1a78444d). Nothing of the files is repeated here but
 * the facts: flag, type, fallback, context, expected answer. `scenario` says which of the file's scenarios a case belongs to;
 * gherkin-counts.ts holds how many each expands to.
 */

import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import { PICTURES, TARGETED_EMAIL } from './flags.ts';
import type { ScenarioName } from './gherkin-counts.ts';

/** The suite tells integers from floats; both are numbers for OpenFeature and in JSON. */
export type CaseType = 'boolean' | 'string' | 'integer' | 'float' | 'object';
export const CASE_TYPES: readonly CaseType[] = ['boolean', 'string', 'integer', 'float', 'object'];

export type ProviderKind = 'stable' | 'not ready' | 'error' | 'fatal' | 'stale';

export interface EvaluationCase {
  readonly scenario: ScenarioName;
  readonly flag: string;
  readonly type: CaseType;
  readonly fallback: JsonValue;
  readonly context?: JsonObject;
  readonly provider?: ProviderKind;
  /** Evaluated this often, the last answer counts; default once. */
  readonly times?: number;
  /** Only the value is asked for, without details. */
  readonly plain?: boolean;
  /** The members of the details that the scenario looks at; `metadata` is compared as a whole. */
  readonly expected: {
    readonly value?: JsonValue;
    readonly variant?: string;
    readonly reason?: string;
    readonly errorCode?: string;
    readonly flagKey?: string;
    readonly metadata?: JsonObject;
  };
}

const A: JsonObject = { a: 1 };
const METADATA = { string: '1.0.2', integer: 2, float: 0.1, boolean: true };

/** One case for each type. */
function perType(of: (type: CaseType) => EvaluationCase): EvaluationCase[] {
  return CASE_TYPES.map(of);
}

const VALUES: Record<CaseType, JsonValue> = { boolean: true, string: 'hi', integer: 10, float: 0.5, object: PICTURES };
const VARIANTS: Record<CaseType, string> = {
  boolean: 'on',
  string: 'greeting',
  integer: 'ten',
  float: 'half',
  object: 'template',
};
const ZEROS: Record<CaseType, JsonValue> = { boolean: false, string: '', integer: 0, float: 0, object: {} };

/** Fallbacks that differ from what the plain flags serve, and from what the zero flags serve. */
const OTHER: Record<CaseType, JsonValue> = { boolean: false, string: 'bye', integer: 1, float: 0.1, object: {} };
const FILLED: Record<CaseType, JsonValue> = { ...OTHER, object: A };
const NOT_ZERO: Record<CaseType, JsonValue> = { boolean: true, string: 'hi', integer: 1, float: 0.1, object: A };
const NON_ZERO: Record<CaseType, JsonValue> = { boolean: true, string: 'str', integer: 1, float: 1, object: A };

const ofType = (type: CaseType, key = `${type}-flag`): Pick<EvaluationCase, 'flag' | 'type'> => ({ flag: key, type });

/** `evaluation.feature`: the short first suite. */
const FIRST_SUITE: EvaluationCase[] = [
  ...perType((type) => ({
    scenario: 'a value',
    ...ofType(type),
    fallback: type === 'object' ? null : OTHER[type],
    plain: true,
    expected: { value: VALUES[type] },
  })),
  ...perType((type) => ({
    scenario: 'a value with details',
    ...ofType(type),
    fallback: type === 'object' ? null : OTHER[type],
    expected: { value: VALUES[type], variant: VARIANTS[type], reason: 'STATIC' },
  })),
  {
    scenario: 'an unknown flag',
    flag: 'missing-flag',
    type: 'string',
    fallback: 'uh-oh',
    expected: { value: 'uh-oh', reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND' },
  },
  {
    scenario: 'a text asked for as an integer',
    flag: 'wrong-flag',
    type: 'integer',
    fallback: 13,
    expected: { value: 13, reason: 'ERROR', errorCode: 'TYPE_MISMATCH' },
  },
];

/** `evaluation_v2.feature`: ordinary answers. */
const ANSWERS: EvaluationCase[] = [
  ...perType((type) => ({
    scenario: 'v2: a value of each type',
    ...ofType(type),
    fallback: OTHER[type],
    expected: { value: VALUES[type] },
  })),
  ...perType((type) => ({
    scenario: 'v2: a zero value',
    ...ofType(type, `${type}-zero-flag`),
    fallback: NOT_ZERO[type],
    expected: { value: ZEROS[type], reason: 'STATIC' },
  })),
  ...perType((type) => ({
    scenario: 'v2: a zero value by a rule that matches',
    ...ofType(type, `${type}-targeted-zero-flag`),
    fallback: NOT_ZERO[type],
    context: { email: TARGETED_EMAIL },
    expected: { value: ZEROS[type], reason: 'TARGETING_MATCH' },
  })),
  ...perType((type) => ({
    scenario: 'v2: a zero value when no rule matches',
    ...ofType(type, `${type}-targeted-zero-flag`),
    fallback: NOT_ZERO[type],
    context: { email: 'ballmer@none.com' },
    expected: { value: ZEROS[type], reason: 'DEFAULT' },
  })),
  ...perType((type) => ({
    scenario: 'v2: complete details',
    ...ofType(type),
    fallback: OTHER[type],
    expected: { value: VALUES[type], flagKey: `${type}-flag`, variant: VARIANTS[type], reason: 'STATIC' },
  })),
  {
    scenario: 'v2: flag metadata',
    flag: 'metadata-flag',
    type: 'boolean',
    fallback: true,
    expected: { metadata: METADATA },
  },
  ...perType((type) => ({
    scenario: 'v2: an empty context',
    ...ofType(type, `${type}-targeted-zero-flag`),
    fallback: NON_ZERO[type],
    expected: { value: ZEROS[type], reason: 'DEFAULT' },
  })),
  ...perType((type) => ({
    scenario: 'v2: a null in the context',
    ...ofType(type, `${type}-targeted-zero-flag`),
    fallback: NON_ZERO[type],
    context: { email: null },
    expected: { value: ZEROS[type], reason: 'DEFAULT' },
  })),
  {
    scenario: 'v2: several attributes',
    flag: 'complex-targeted',
    type: 'string',
    fallback: 'default',
    context: { email: TARGETED_EMAIL, role: 'admin', age: 65, customer: false },
    expected: { value: 'INTERNAL', reason: 'TARGETING_MATCH' },
  },
  {
    scenario: 'v2: a structure',
    ...ofType('object'),
    fallback: {},
    expected: { value: PICTURES, reason: 'STATIC' },
  },
  ...perType((type) => ({
    scenario: 'v2: the variant',
    ...ofType(type),
    fallback: OTHER[type],
    expected: { variant: VARIANTS[type] },
  })),
  ...(['boolean', 'string'] as const).map(
    (type): EvaluationCase => ({
      scenario: 'v2: CACHED the second time',
      ...ofType(type),
      fallback: OTHER[type],
      times: 2,
      expected: { reason: 'CACHED' },
    }),
  ),
];

/** `evaluation_v2.feature`: answers that are the caller's fallback. */
const FALLBACKS: EvaluationCase[] = [
  ...perType((type) => ({
    scenario: 'v2: an unknown flag',
    ...ofType(type, 'non-existent-flag'),
    fallback: FILLED[type],
    expected: { value: FILLED[type], reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND' },
  })),
  ...perType((type) => ({
    scenario: 'v2: a value of another type',
    ...ofType(type, type === 'boolean' ? 'string-flag' : 'boolean-flag'),
    fallback: FILLED[type],
    expected: { value: FILLED[type], reason: 'ERROR', errorCode: 'TYPE_MISMATCH' },
  })),
  ...perType((type) => ({
    scenario: 'v2: a provider that is not ready',
    ...ofType(type),
    fallback: FILLED[type],
    provider: 'not ready',
    expected: { value: FILLED[type], reason: 'ERROR', errorCode: 'PROVIDER_NOT_READY' },
  })),
  ...perType((type) => ({
    scenario: 'v2: a provider that cannot heal',
    ...ofType(type),
    fallback: FILLED[type],
    provider: 'fatal',
    expected: { value: FILLED[type], reason: 'ERROR', errorCode: 'PROVIDER_FATAL' },
  })),
  ...perType((type) => ({
    scenario: 'v2: a disabled flag',
    ...ofType(type, `${type}-disabled-flag`),
    fallback: FILLED[type],
    expected: { value: FILLED[type], reason: 'DISABLED' },
  })),
];

/** `metadata.feature`. */
const METADATA_SUITE: EvaluationCase[] = [
  {
    scenario: 'metadata of a flag that has some',
    flag: 'metadata-flag',
    type: 'boolean',
    fallback: true,
    expected: { metadata: METADATA },
  },
  ...Object.entries({ boolean: true, integer: 23, float: 2.3, string: 'value' } as const).map(
    ([type, fallback]): EvaluationCase => ({
      scenario: 'metadata of a flag that has none',
      ...ofType(type as CaseType),
      fallback,
      expected: { metadata: {} },
    }),
  ),
];

export const EVALUATION_CASES: readonly EvaluationCase[] = [
  ...FIRST_SUITE,
  ...ANSWERS,
  ...FALLBACKS,
  ...METADATA_SUITE,
];

/** The cases of the scenario about asynchronous evaluation, which are more than their answer. */
export const ASYNCHRONOUS_CASES: readonly EvaluationCase[] = perType((type) => ({
  scenario: 'v2: asynchronous evaluation',
  ...ofType(type),
  fallback: OTHER[type],
  expected: { value: VALUES[type] },
}));
