/**
 * How many cases each scenario of flagd's evaluator kit expands to: 140 in all.
 *
 * Counted in `evaluator/gherkin` of open-feature/flagd-testbed at commit 82ba89ec8db498fa51368e558e4d87642d9e93c4 (3.9.0), a
 * scenario as one and an outline as the rows of its examples. The names here are ours; the order is the files'. On the same
 * commit cases.ts was compared with the files by a program that reads both: flag, context and every expected member of each
 * case are those of one case of the kit.
 */

export const KIT_COUNTS = {
  'disabled.feature': { 'a disabled flag': 5 },
  'errors.feature': { 'an unknown flag': 1, 'a value of another type': 1 },
  'evaluation.feature': { 'a value of each type': 5 },
  'evaluator-refs.feature': {
    'a shared rule': 2,
    'a shared rule, whatever the white space': 6,
    'a shared rule that is missing': 1,
  },
  'fractional.feature': {
    'four equal parts': 10,
    'parts without weights': 4,
    'a seed of its own': 8,
    'one part': 1,
    'a seed shared by two flags': 8,
    'hashes at the edges': 5,
    'a variation by a condition': 4,
    'a variation by an attribute': 5,
    'a weight by a condition': 4,
    'a split as a condition that is true': 1,
    'a split as a condition that is false': 1,
    'no bucketing key': 1,
    'no weight at all': 1,
    'a negative weight': 1,
  },
  'metadata.feature': { 'metadata of a flag that has some': 1, 'metadata of a flag that has none': 4 },
  'no-default-variant.feature': { 'no default variation': 6 },
  'semver.feature': {
    'a version compared': 5,
    'a version in a range': 3,
    'nothing to compare': 2,
    'a leading v': 4,
    'a version of fewer parts': 8,
    'a number as a version': 5,
    'build metadata': 3,
    'an argument too few': 1,
  },
  'string.feature': {
    'a beginning and an end': 4,
    'the beginning or end of a number': 2,
    'a beginning or end without a text': 2,
  },
  'targeting.feature': { 'a targeting key': 2 },
  'zero-values.feature': {
    'a zero value': 5,
    'a zero value by a rule that matches': 4,
    'a zero value when no rule matches': 4,
  },
} as const;

type Counts = typeof KIT_COUNTS;
/** A file and one of its scenarios: some names are in two files. */
export type KitPlace = { [File in keyof Counts]: readonly [File, keyof Counts[File]] }[keyof Counts];

export const KIT_TOTAL = 140;
