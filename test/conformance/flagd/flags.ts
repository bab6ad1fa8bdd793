/** The flags that the applicable cases of flagd's evaluator kit ask for, said in GO Feature Flag's format. */

import type { JsonObject } from '../../../src/internal/json.ts';
import { suiteFlags } from '../openfeature/flags.ts';

/** Each variation has its own name as value. */
const named = (...names: string[]): JsonObject => Object.fromEntries(names.map((name) => [name, name]));

/** The flags of OpenFeature's suite, of which the kit uses many under the same keys, and the kit's own. */
export function kitFlags(): Record<string, JsonObject> {
  const shared = suiteFlags();
  const flags: Record<string, JsonObject> = { ...shared };
  for (const type of ['boolean', 'string', 'integer', 'float', 'object']) {
    flags[`disabled-${type}-flag`] = shared[`${type}-disabled-flag`] as JsonObject;
  }
  return {
    ...flags,
    // A flag has to have a default rule; the variation that stands for none has no value.
    'no-default-flag-null-targeting-variant': careers(),
    'no-default-flag-undefined-targeting-variant': careers(),
    'targeting-key-flag': {
      variations: named('miss', 'hit'),
      targeting: [{ query: 'targetingKey eq "5c3d8535-f81a-4478-a6d3-afaa4d51199e"', variation: 'hit' }],
      defaultRule: { variation: 'miss' },
    },
    'starts-ends-flag': {
      variations: named('prefix', 'postfix', 'none'),
      targeting: [
        { query: 'id sw "abc"', variation: 'prefix' },
        { query: 'id ew "xyz"', variation: 'postfix' },
      ],
      defaultRule: { variation: 'none' },
    },
    'starts-with-non-string-flag': oneRule('num sw "abc"', 'true', 'fallback'),
    'ends-with-non-string-flag': oneRule('num ew "xyz"', 'true', 'fallback'),
    'equal-greater-lesser-version-flag': {
      variations: named('equal', 'greater', 'lesser', 'none'),
      targeting: [
        { query: 'version eq 2.0.0', variation: 'equal' },
        { query: 'version gt 2.0.0', variation: 'greater' },
        { query: 'version lt 2.0.0', variation: 'lesser' },
      ],
      defaultRule: { variation: 'none' },
    },
    'major-minor-version-flag': {
      variations: named('minor', 'major', 'none'),
      targeting: [
        { query: 'version ge 3.0.0 and version lt 3.1.0', variation: 'minor' },
        { query: 'version ge 3.0.0 and version lt 4.0.0', variation: 'major' },
      ],
      defaultRule: { variation: 'none' },
    },
    'semver-invalid-version-flag': oneRule('version eq 1.0.0', 'true', 'fallback'),
    'semver-v-prefix-flag': oneRule('version eq 1.0.0', 'match', 'no-match'),
    'semver-partial-version-flag': oneRule('version ge 1.0.0 and version lt 2.0.0', 'match', 'no-match'),
    'semver-build-metadata-flag': oneRule('version eq 1.0.0+build', 'match', 'no-match'),
    'fractional-single-entry-flag': {
      variations: named('single', 'fallback'),
      defaultRule: { percentage: { single: 100 } },
    },
    'fractional-nested-if-flag': {
      variations: named('premium', 'standard', 'fallback'),
      targeting: [{ query: 'tier eq "premium"', percentage: { premium: 50, standard: 50 } }],
      defaultRule: { variation: 'standard' },
    },
    'fractional-nested-weight-flag': {
      variations: named('red', 'blue', 'fallback'),
      targeting: [{ query: 'tier eq "premium"', percentage: { red: 100, blue: 10 } }],
      defaultRule: { percentage: { red: 0, blue: 10 } },
    },
    'fractional-as-condition-flag': hundreds({ big: 100, small: 0 }),
    'fractional-as-condition-false-flag': hundreds({ big: 0, small: 100 }),
  };
}

function careers(): JsonObject {
  return {
    variations: { normal: 'CFO', special: 'CEO', none: null },
    targeting: [{ query: 'email eq "jobs@orange.com"', variation: 'special' }],
    defaultRule: { variation: 'none' },
  };
}

function oneRule(query: string, matching: string, otherwise: string): JsonObject {
  return {
    variations: named(matching, otherwise),
    targeting: [{ query, variation: matching }],
    defaultRule: { variation: otherwise },
  };
}

function hundreds(percentage: JsonObject): JsonObject {
  return { variations: { big: 'hundreds', small: 'ones', fallback: 'zero' }, defaultRule: { percentage } };
}
