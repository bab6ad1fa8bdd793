/** The cases of flagd's evaluator kit that GO Feature Flag cannot say, by name, and why: part of the conformance report. */

import type { KitPlace } from './counts.ts';

export interface NotApplicable {
  readonly place: KitPlace;
  /** What tells the cases of the scenario apart. */
  readonly cases: readonly string[];
  readonly why: string;
}

const HASH =
  'Who gets which part is decided by another hash: flagd uses MurmurHash3 over an expression, GO Feature Flag FNV-1a over flag and key.';
const REFS = 'GO Feature Flag has no rules that flags share; each flag has its own.';
const STRICT =
  'GO Feature Flag reads strict versions of three parts, as text; anything else is no version and matches nothing.';
const GRAMMAR = 'The query language has no calls, so a call with wrong arguments cannot be written.';

/** Both of flagd's ways to cut the hash into parts are in the kit. */
const cards = (first: readonly string[], second: readonly string[]): string[] => [
  ...first.map((name) => `${name} (v1)`),
  ...second.map((name) => `${name} (v2)`),
];

export const NOT_APPLICABLE: readonly NotApplicable[] = [
  {
    place: ['evaluator-refs.feature', 'a shared rule'],
    cases: ['some-email-targeted-flag', 'some-other-email-targeted-flag'],
    why: REFS,
  },
  {
    place: ['evaluator-refs.feature', 'a shared rule, whatever the white space'],
    cases: ['compact', 'after the colon', 'around the colon'].flatMap((space) => [
      `${space}, matching`,
      `${space}, not matching`,
    ]),
    why: REFS,
  },
  {
    place: ['evaluator-refs.feature', 'a shared rule that is missing'],
    cases: ['ref-to-nonexistent-evaluator-flag'],
    why: REFS,
  },
  {
    place: ['fractional.feature', 'four equal parts'],
    cases: cards(['jack', 'queen', 'ten', 'nine', '3'], ['jack', 'queen', 'ten', 'nine', '3']),
    why: HASH,
  },
  {
    place: ['fractional.feature', 'parts without weights'],
    cases: cards(['jon@company.com', 'jane@company.com'], ['jon@company.com', 'jane@company.com']),
    why: HASH,
  },
  {
    place: ['fractional.feature', 'a seed of its own'],
    cases: cards(['jack', 'queen', 'ten', 'nine'], ['seven', 'eight', 'nine', 'two']),
    why: HASH,
  },
  {
    place: ['fractional.feature', 'a seed shared by two flags'],
    cases: cards(['jack', 'queen', 'ten', 'nine'], ['seven', 'eight', 'nine', 'two']),
    why: `${HASH} Its key of the hash always contains the flag, so two flags never share one.`,
  },
  {
    place: ['fractional.feature', 'hashes at the edges'],
    cases: ['ejOoVL', 'bY9fO-', 'SI7p-', '6LvT0', 'ceQdGm'],
    why: HASH,
  },
  {
    place: ['fractional.feature', 'a variation by a condition'],
    cases: ['jon@company.com, premium', 'user1, premium'],
    why: HASH,
  },
  {
    place: ['fractional.feature', 'a variation by an attribute'],
    cases: [
      'jon@company.com, red',
      'jon@company.com, green',
      'user1, red',
      'jon@company.com, yellow',
      'jon@company.com, no colour',
    ],
    why: 'GO Feature Flag’s parts are variations by name, never by an attribute; and who gets which is decided by another hash.',
  },
  {
    place: ['fractional.feature', 'a weight by a condition'],
    cases: ['jon@company.com, premium', 'user1, premium'],
    why: HASH,
  },
  {
    place: ['fractional.feature', 'no bucketing key'],
    cases: ['fractional-null-bucket-key-flag'],
    why: 'Without a key GO Feature Flag answers TARGETING_KEY_MISSING and the caller’s default, not the default variation.',
  },
  {
    place: ['fractional.feature', 'no weight at all'],
    cases: ['fractional-zero-weights-flag'],
    why: 'A percentage that sums up to nothing is an error of the flag (FLAG_CONFIG), not the default variation.',
  },
  {
    place: ['fractional.feature', 'a negative weight'],
    cases: ['fractional-negative-weight-flag'],
    why: 'GO Feature Flag leaves undefined what a negative percentage means; it differs between processors.',
  },
  {
    place: ['no-default-variant.feature', 'no default variation'],
    cases: ['null-default-flag, true', 'null-default-flag, false', 'undefined-default-flag'],
    why: 'A flag has to have a default rule. Without rules beside it, the reason is STATIC, also for a variation without a value.',
  },
  {
    place: ['semver.feature', 'nothing to compare'],
    cases: ['semver-invalid-operator-flag'],
    why: 'The query language skips a character it cannot read: an operator `===` is `==` to it, and matches.',
  },
  { place: ['semver.feature', 'a leading v'], cases: ['v1.0.0', 'V1.0.0'], why: STRICT },
  {
    place: ['semver.feature', 'a version of fewer parts'],
    cases: ['"1.0"', '"1"', 'integer 1', 'float 1', 'float 1.2'],
    why: STRICT,
  },
  {
    place: ['semver.feature', 'a number as a version'],
    cases: ['float 1.2', 'float 1.1', 'integer 2', 'integer 1', '"1.2"'],
    why: STRICT,
  },
  { place: ['semver.feature', 'an argument too few'], cases: ['semver-wrong-args-flag'], why: GRAMMAR },
  {
    place: ['string.feature', 'a beginning or end without a text'],
    cases: ['starts-with-wrong-args-flag', 'ends-with-wrong-args-flag'],
    why: GRAMMAR,
  },
];
