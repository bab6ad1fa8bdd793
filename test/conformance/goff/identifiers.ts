/** All 147 identifiers of the GO Feature Flag provider specification 1.0, and which of them Edict does not simply meet. */

import type { Identifier, Verdict } from './identifier.ts';
import { AUTHENTICATION, COLLECTOR, HOOKS, TRACKING } from './identifiers-collection.ts';
import { IN_PROCESS, MODULE } from './identifiers-engine.ts';
import { CACHE, CONTEXT, ERRORS, EVALUATION, FALLBACK, REMOTE } from './identifiers-evaluation.ts';
import { CONFIGURATION, ENGINE, EVENTS, LIFE, META } from './identifiers-provider.ts';

/** Heading to identifiers, in the order of the specification. */
export const FAMILIES: readonly (readonly [heading: string, identifiers: readonly Identifier[]])[] = [
  ['Engine', ENGINE],
  ['Name', META],
  ['Options', CONFIGURATION],
  ['Life', LIFE],
  ['Events of the provider', EVENTS],
  ['Evaluation', EVALUATION],
  ['Context', CONTEXT],
  ['Remote evaluation', REMOTE],
  ['In-process evaluation', IN_PROCESS],
  ['The module', MODULE],
  ['Errors', ERRORS],
  ['Hooks', HOOKS],
  ['Collector', COLLECTOR],
  ['Tracking', TRACKING],
  ['Credentials', AUTHENTICATION],
  ['Fallback', FALLBACK],
  ['Cache', CACHE],
];

export const IDENTIFIERS: readonly Identifier[] = FAMILIES.flatMap(([, identifiers]) => identifiers);

/** The deviations decided before the first line was written: requirement D-91 holds the report to them. */
export const PUBLISHED_DEVIATIONS: Readonly<Record<string, Verdict>> = {
  'GOFF-ENG-001': 'no',
  'GOFF-META-001': 'no',
  'GOFF-EVT-007': 'part',
  'GOFF-EVAL-005': 'not applicable',
  'GOFF-IP-009': 'no',
  'GOFF-COLL-018': 'part',
  'GOFF-AUTH-001': 'no',
  'GOFF-FALLBACK-001': 'part',
  'GOFF-FALLBACK-004': 'no',
  'GOFF-FALLBACK-008': 'part',
  'GOFF-FALLBACK-009': 'part',
  'GOFF-CACHE-005': 'part',
};

/** Those decided since, on purpose. */
export const LATER_DEVIATIONS: Readonly<Record<string, Verdict>> = {
  'GOFF-CACHE-001': 'part',
  'GOFF-CACHE-003': 'no',
  'GOFF-EVAL-010': 'part',
  'GOFF-IP-016': 'part',
};
