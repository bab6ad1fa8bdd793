/**
 * The flags that OpenFeature's gherkin suite asks for, said in GO Feature Flag's format.
 *
 * Their keys, variations and values are facts of the suite (open-feature/spec, `specification/assets/gherkin`); how they are
 * decided is written for this test.
 */

import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';

/** The address the suite's targeting rules look for. */
export const TARGETED_EMAIL = 'ballmer@macrosoft.com';

export const PICTURES = { showImages: true, title: 'Check out these pics!', imagesPerPage: 100 } as const;

/** Variations of the flag of each type, the one it serves first. */
const SERVED: Record<string, JsonObject> = {
  boolean: { on: true, off: false },
  string: { greeting: 'hi', parting: 'bye' },
  integer: { ten: 10, one: 1 },
  float: { half: 0.5, tenth: 0.1 },
  object: { template: PICTURES, empty: {} },
};

/** The same with an empty value of the type first. */
const ZERO: Record<string, JsonObject> = {
  boolean: { zero: false, 'non-zero': true },
  string: { zero: '', 'non-zero': 'str' },
  integer: { zero: 0, 'non-zero': 1 },
  float: { zero: 0, 'non-zero': 1 },
  object: { zero: {}, 'non-zero': PICTURES },
};

/** The levels at which the suite adds to the context. */
export const CONTEXT_LEVELS = ['API', 'Transaction', 'Client', 'Invocation', 'Before Hooks'] as const;
export type ContextLevel = (typeof CONTEXT_LEVELS)[number];

/** The flag that is true when the context it was decided with has the level's own entry. */
export const contextEntryFlag = (level: ContextLevel): string => `context entry ${level}`;
/** The text of that entry; its name is the level's. */
export const contextEntryText = (level: ContextLevel): string => `${level} value`;

export function suiteFlags(): Record<string, JsonObject> {
  const flags: Record<string, JsonObject> = {
    'wrong-flag': serving({ one: 'uno', two: 'dos' }),
    'metadata-flag': {
      ...serving({ on: true, off: false }),
      metadata: { string: '1.0.2', integer: 2, float: 0.1, boolean: true },
    },
    'context-aware': {
      ...serving({ external: 'EXTERNAL', internal: 'INTERNAL' }),
      targeting: [
        {
          query: 'fn eq "Sulisław" and ln eq "Świętopełk" and age eq 29 and customer eq false',
          variation: 'internal',
        },
      ],
    },
    'complex-targeted': {
      ...serving({ external: 'EXTERNAL', internal: 'INTERNAL' }),
      targeting: [{ query: `customer eq false and email eq "${TARGETED_EMAIL}" and age gt 10`, variation: 'internal' }],
    },
  };
  for (const [type, variations] of Object.entries(SERVED)) {
    flags[`${type}-flag`] = serving(variations);
    flags[`${type}-disabled-flag`] = { ...serving(variations), disable: true };
  }
  for (const [type, variations] of Object.entries(ZERO)) {
    flags[`${type}-zero-flag`] = serving(variations);
    flags[`${type}-targeted-zero-flag`] = {
      ...serving(variations),
      targeting: [{ query: `email eq "${TARGETED_EMAIL}"`, variation: 'zero' }],
    };
  }
  for (const level of CONTEXT_LEVELS) {
    flags[contextEntryFlag(level)] = {
      ...serving({ no: false, yes: true }),
      targeting: [{ query: JSON.stringify({ '==': [{ var: level }, contextEntryText(level)] }), variation: 'yes' }],
    };
  }
  return flags;
}

/** Always the first of these variations, unless a rule is added that says otherwise. */
function serving(variations: Record<string, JsonValue>): JsonObject {
  return { variations, defaultRule: { variation: Object.keys(variations)[0] as string } };
}
