/**
 * How many cases each scenario of OpenFeature's gherkin files expands to: 132 in all.
 *
 * Counted in the files of open-feature/spec at commit 6fd4d54a9a7aff4e080545e7ddc37c69367cc65e, a scenario as one and an
 * outline as the rows of its examples, over all `Examples` blocks. The names here are ours; the order is the files'. On the same
 * commit the 80 evaluations of evaluation_v2.feature and metadata.feature were compared with evaluation-cases.ts by a program
 * that reads both: flag, type, fallback, context, provider and every expected member are equal.
 */

export const GHERKIN_COUNTS = {
  'evaluation.feature': {
    'a value': 5,
    'a value with details': 5,
    'an answer that depends on the context': 1,
    'an unknown flag': 1,
    'a text asked for as an integer': 1,
  },
  'evaluation_v2.feature': {
    'v2: a value of each type': 5,
    'v2: a zero value': 5,
    'v2: a zero value by a rule that matches': 5,
    'v2: a zero value when no rule matches': 5,
    'v2: an unknown flag': 5,
    'v2: a value of another type': 5,
    'v2: a provider that is not ready': 5,
    'v2: a provider that cannot heal': 5,
    'v2: complete details': 5,
    'v2: flag metadata': 1,
    'v2: an empty context': 5,
    'v2: a null in the context': 5,
    'v2: several attributes': 1,
    'v2: a structure': 1,
    'v2: the variant': 5,
    'v2: CACHED the second time': 2,
    'v2: a disabled flag': 5,
    'v2: the status of the provider': 5,
    'v2: hooks of one evaluation': 1,
    'v2: context and details are immutable': 1,
    'v2: asynchronous evaluation': 5,
  },
  'contextMerging.feature': {
    'context: an entry at one level': 13,
    'context: an entry at each level, without hooks': 1,
    'context: an entry at each level, without a transaction': 1,
    'context: an entry at each level': 1,
    'context: a later level wins, without hooks': 4,
    'context: a later level wins, without a transaction': 4,
    'context: a later level wins': 5,
  },
  'hooks.feature': {
    'hooks: details of an answer': 1,
    'hooks: details of an unknown flag': 1,
    'hooks: details of a value of another type': 1,
  },
  'metadata.feature': {
    'metadata of a flag that has some': 1,
    'metadata of a flag that has none': 4,
  },
} as const;

type Counts = typeof GHERKIN_COUNTS;
export type FeatureFile = keyof Counts;
/** A scenario of any of the files. */
export type ScenarioName = { [File in FeatureFile]: keyof Counts[File] }[FeatureFile];

export const GHERKIN_TOTAL = 132;
