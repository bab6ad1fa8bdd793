/** The cases of flagd's evaluator kit that GO Feature Flag can say: flag, fallback, context and answer, as data. */

import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import { PICTURES, TARGETED_EMAIL } from '../openfeature/flags.ts';
import type { KitPlace } from './counts.ts';

export interface KitCase {
  readonly place: KitPlace;
  readonly flag: string;
  readonly fallback: JsonValue;
  readonly context?: JsonObject;
  /** The members that the scenario looks at; `metadata` is compared as a whole. */
  readonly expected: {
    readonly value?: JsonValue;
    readonly reason?: string;
    readonly errorCode?: string;
    readonly metadata?: JsonObject;
  };
}

const TYPES = ['boolean', 'string', 'integer', 'float', 'object'] as const;
const FALLBACKS = { boolean: false, string: 'bye', integer: 1, float: 0.1, object: {} } as const;
const VALUES = { boolean: true, string: 'hi', integer: 10, float: 0.5, object: PICTURES } as const;
const ZEROS = { boolean: false, string: '', integer: 0, float: 0, object: {} } as const;
const NOT_ZERO = { boolean: true, string: 'hi', integer: 1, float: 0.1, object: { a: 1 } } as const;
/** The kit has no targeted flag of an object. */
const SCALARS = TYPES.filter((type) => type !== 'object');

/** Cases of one flag that differ in one attribute: its text, and the value that is expected for it. */
function byText(
  place: KitPlace,
  flag: string,
  attribute: string,
  rows: Readonly<Record<string, string>>,
  reason?: string,
): KitCase[] {
  return Object.entries(rows).map(([text, value]) => ({
    place,
    flag,
    fallback: 'wrong',
    context: { [attribute]: text },
    expected: { value, ...(reason === undefined ? {} : { reason }) },
  }));
}

const PLAIN: KitCase[] = [
  ...TYPES.map((type): KitCase => {
    const fallback = FALLBACKS[type];
    const expected = { value: fallback, reason: 'DISABLED' };
    return { place: ['disabled.feature', 'a disabled flag'], flag: `disabled-${type}-flag`, fallback, expected };
  }),
  {
    place: ['errors.feature', 'an unknown flag'],
    flag: 'missing-flag',
    fallback: 'uh-oh',
    expected: { errorCode: 'FLAG_NOT_FOUND' },
  },
  {
    place: ['errors.feature', 'a value of another type'],
    flag: 'wrong-flag',
    fallback: 13,
    expected: { errorCode: 'TYPE_MISMATCH' },
  },
  ...TYPES.map((type): KitCase => {
    const expected = { value: VALUES[type] };
    const place = ['evaluation.feature', 'a value of each type'] as const;
    return { place, flag: `${type}-flag`, fallback: FALLBACKS[type], expected };
  }),
  {
    place: ['metadata.feature', 'metadata of a flag that has some'],
    flag: 'metadata-flag',
    fallback: false,
    expected: { metadata: { string: '1.0.2', integer: 2, float: 0.1, boolean: true } },
  },
  ...Object.entries({ boolean: true, integer: 23, float: 2.3, string: 'value' }).map(
    ([type, fallback]): KitCase => ({
      place: ['metadata.feature', 'metadata of a flag that has none'],
      flag: `${type}-flag`,
      fallback,
      expected: { metadata: {} },
    }),
  ),
];

const ZERO_VALUES: KitCase[] = [
  ...TYPES.map((type): KitCase => {
    const expected = { value: ZEROS[type], reason: 'STATIC' };
    const place = ['zero-values.feature', 'a zero value'] as const;
    return { place, flag: `${type}-zero-flag`, fallback: NOT_ZERO[type], expected };
  }),
  ...SCALARS.map(
    (type): KitCase => ({
      place: ['zero-values.feature', 'a zero value by a rule that matches'],
      flag: `${type}-targeted-zero-flag`,
      fallback: NOT_ZERO[type],
      context: { email: TARGETED_EMAIL },
      expected: { value: ZEROS[type], reason: 'TARGETING_MATCH' },
    }),
  ),
  ...SCALARS.map(
    (type): KitCase => ({
      place: ['zero-values.feature', 'a zero value when no rule matches'],
      flag: `${type}-targeted-zero-flag`,
      fallback: NOT_ZERO[type],
      context: { email: 'ballmer@none.com' },
      expected: { value: ZEROS[type], reason: 'DEFAULT' },
    }),
  ),
];

const NO_DEFAULT = ['no-default-variant.feature', 'no default variation'] as const;

const RULES: KitCase[] = [
  {
    place: NO_DEFAULT,
    flag: 'no-default-flag-null-targeting-variant',
    fallback: 'Inventor',
    context: { email: 'wozniak@orange.com' },
    expected: { value: 'Inventor', reason: 'DEFAULT' },
  },
  {
    place: NO_DEFAULT,
    flag: 'no-default-flag-null-targeting-variant',
    fallback: 'CEO',
    context: { email: 'jobs@orange.com' },
    expected: { value: 'CEO', reason: 'TARGETING_MATCH' },
  },
  {
    place: NO_DEFAULT,
    flag: 'no-default-flag-undefined-targeting-variant',
    fallback: 'Retired',
    context: { email: 'wozniak@orange.com' },
    expected: { value: 'Retired', reason: 'DEFAULT' },
  },
  ...byText(['string.feature', 'a beginning and an end'], 'starts-ends-flag', 'id', {
    abcdef: 'prefix',
    uvwxyz: 'postfix',
    abcxyz: 'prefix',
    lmnopq: 'none',
  }),
  ...['starts', 'ends'].map(
    (side): KitCase => ({
      place: ['string.feature', 'the beginning or end of a number'],
      flag: `${side}-with-non-string-flag`,
      fallback: 'wrong',
      context: { num: 123 },
      expected: { value: 'fallback', reason: 'DEFAULT' },
    }),
  ),
  ...Object.entries({
    '5c3d8535-f81a-4478-a6d3-afaa4d51199e': { value: 'hit', reason: 'TARGETING_MATCH' },
    'f20bd32d-703b-48b6-bc8e-79d53c85134a': { value: 'miss', reason: 'DEFAULT' },
  }).map(
    ([targetingKey, expected]): KitCase => ({
      place: ['targeting.feature', 'a targeting key'],
      flag: 'targeting-key-flag',
      fallback: 'fallback',
      context: { targetingKey },
      expected,
    }),
  ),
];

const VERSIONS: KitCase[] = [
  ...byText(['semver.feature', 'a version compared'], 'equal-greater-lesser-version-flag', 'version', {
    '2.0.0': 'equal',
    '2.1.0': 'greater',
    '1.9.0': 'lesser',
    '2.0.0-alpha': 'lesser',
    '2.0.0.0': 'none',
  }),
  ...byText(['semver.feature', 'a version in a range'], 'major-minor-version-flag', 'version', {
    '3.0.1': 'minor',
    '3.1.0': 'major',
    '4.0.0': 'none',
  }),
  ...byText(
    ['semver.feature', 'nothing to compare'],
    'semver-invalid-version-flag',
    'version',
    { 'not-a-version': 'fallback' },
    'DEFAULT',
  ),
  ...byText(['semver.feature', 'a leading v'], 'semver-v-prefix-flag', 'version', {
    '1.0.0': 'match',
    '2.0.0': 'no-match',
  }),
  ...byText(['semver.feature', 'a version of fewer parts'], 'semver-partial-version-flag', 'version', {
    '1.5.0': 'match',
    '1.0.0': 'match',
    '2.0.0': 'no-match',
  }),
  ...byText(['semver.feature', 'build metadata'], 'semver-build-metadata-flag', 'version', {
    '1.0.0': 'match',
    '1.0.0+other': 'match',
    '2.0.0': 'no-match',
  }),
];

/** Those whose answer no hash decides. */
const SPLITS: KitCase[] = [
  ...byText(['fractional.feature', 'one part'], 'fractional-single-entry-flag', 'targetingKey', {
    'some-targeting-key': 'single',
  }),
  ...['jon@company.com', 'user1'].flatMap((targetingKey): KitCase[] => [
    {
      place: ['fractional.feature', 'a variation by a condition'],
      flag: 'fractional-nested-if-flag',
      fallback: 'fallback',
      context: { targetingKey, tier: 'basic' },
      expected: { value: 'standard' },
    },
    {
      place: ['fractional.feature', 'a weight by a condition'],
      flag: 'fractional-nested-weight-flag',
      fallback: 'fallback',
      context: { targetingKey, tier: 'basic' },
      expected: { value: 'blue' },
    },
  ]),
  ...byText(
    ['fractional.feature', 'a split as a condition that is true'],
    'fractional-as-condition-flag',
    'targetingKey',
    {
      'some-targeting-key': 'hundreds',
    },
  ),
  ...byText(
    ['fractional.feature', 'a split as a condition that is false'],
    'fractional-as-condition-false-flag',
    'targetingKey',
    { 'some-targeting-key': 'ones' },
  ),
];

export const KIT_CASES: readonly KitCase[] = [...PLAIN, ...ZERO_VALUES, ...RULES, ...VERSIONS, ...SPLITS];
