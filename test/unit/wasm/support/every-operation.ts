/** Flags that between them use every operation of the kernel and every table of an image, and contexts that reach them. */

import type { EvaluationContext } from '../../../../src/evaluator/resolution.ts';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { flagOf } from './kernel-rig.ts';

const QUERIES = [
  'plan pr',
  'plan eq null',
  'beta eq true',
  'name eq "ÉLODIE"',
  'name ne "bob"',
  'name gt "a"',
  'name lt "m"',
  'name ge "ß"',
  'name le "zoë"',
  'name co "LOD"',
  'name sw "Él"',
  'email ew "@example.com"',
  'country in ["fr", "de", "ch", "gr"]',
  'version eq 1.2.3',
  'version ne 1.2.3-rc.1',
  'version gt 1.0.0-alpha.7',
  'version lt 2.0.0',
  'version ge 1.2.3',
  'version le 1.9.9+build.5',
  'age eq 42',
  'age ne 41',
  'age gt 18',
  'age lt 65',
  'age ge 42',
  'age le 42',
  'age in [1, 2, 42]',
  'score eq 1.5',
  'score ne 2.5',
  'score gt 0.5',
  'score lt 9.5',
  'score ge 1.5',
  'score le 1.5',
  'score in [0.5, 1.5]',
  'not (plan eq "pro" or age lt 18) and country eq "fr"',
  'team.name eq "core" and team.lead.name eq "ada"',
  'a.b.c eq 1 or plan eq "pro" or team.lead.name sw "a"',
  'org.id eq 7',
  'stage eq "production" and anonymous eq false and targetingKey pr',
];

const LOGIC = [
  { and: [{ '==': [{ var: 'plan' }, 'pro'] }, { '>=': [{ var: 'age' }, 18] }] },
  { in: [{ var: 'team.name' }, ['core', 'édition']] },
  { some: [{ var: 'tags' }, { '==': [{ var: '' }, 'b'] }] },
  { '>': [{ reduce: [{ var: 'tags' }, { '+': [{ var: 'accumulator' }, 1] }, 0] }, 1] },
  { '===': [{ cat: [{ substr: [{ var: 'name' }, 0, 2] }, '-', { var: ['age', 1] }] }, 'Él-42'] },
  { '<': [{ '*': [{ '%': [{ var: 'age' }, 5] }, 1.25] }, { max: [1, { var: 'score' }, '3.5'] }] },
  { if: [{ missing: ['plan', 'nothing'] }, { '!': [{ var: 'nothing' }] }, { merge: [[1], [2]] }] },
  { filter: [{ var: 'limits' }, { '>': [{ var: '' }, 2] }] },
];

const STEPS = [
  { date: '2025-02-01T00:00:00Z', defaultRule: { variation: 'b' } },
  { date: '2025-03-01T00:00:00Z', targeting: [{ name: 'r', query: 'plan eq "pro"', variation: 'c' }] },
  { date: '2025-04-01T00:00:00Z', defaultRule: { percentage: { a: 20, b: 30, c: 50 } } },
];

export const ENRICHMENT: JsonObject = {
  stage: 'production',
  region: 'é',
  org: { id: 7, deep: { yes: true } },
  limits: [1, 2, 3],
  quota: 12,
  strict: true,
  nothing: null,
};

export function everyOperation(): JsonObject {
  const three = { variations: { a: 'A', b: 'B', c: { of: ['C'] } }, defaultRule: { variation: 'a' } };
  const flags: JsonObject = {};
  for (const [i, query] of QUERIES.entries()) flags[`query-${String(i).padStart(2, '0')}`] = flagOf(query);
  for (const [i, rule] of LOGIC.entries()) flags[`logic-${i}`] = flagOf(JSON.stringify(rule));
  return {
    ...flags,
    static: { ...three },
    disabled: { ...three, disable: true },
    ruleless: { variations: three.variations },
    split: { ...three, defaultRule: { percentage: { a: 33.3, b: 33.3, c: 33.4 } } },
    gap: { ...three, defaultRule: { percentage: { a: 0.1, b: 32.3 } } },
    bucketed: { ...three, bucketingKey: 'team.name', defaultRule: { percentage: { a: 50, b: 50 } } },
    keyless: { ...three, bucketingKey: '', defaultRule: { percentage: { a: 50, b: 50 } } },
    named: { ...three, bucketingKey: 'country' },
    progressive: {
      ...three,
      defaultRule: {
        progressiveRollout: {
          initial: { variation: 'a', percentage: 10, date: '2025-01-01T00:00:00Z' },
          end: { variation: 'b', percentage: 90, date: '2025-06-01T00:00:00Z' },
        },
      },
    },
    window: { ...three, experimentation: { start: '2025-01-01T00:00:00Z', end: '2025-12-31T00:00:00Z' } },
    scheduled: { ...three, scheduledRollout: STEPS },
    rules: {
      ...three,
      targeting: QUERIES.slice(0, 30).map((query, i) => ({
        name: `r${i}`,
        query: `${query} and age gt ${i + 40}`,
        variation: 'b',
      })),
    },
  };
}

/** Days of spring 2025, in milliseconds since 1970. */
export const NOW = Date.UTC(2025, 2, 15);

export const CONTEXTS: readonly EvaluationContext[] = [
  {
    targetingKey: 'user-1',
    plan: 'pro',
    beta: true,
    name: 'Élodie',
    email: 'elodie@EXAMPLE.com',
    country: 'fr',
    version: '1.2.3',
    age: 42,
    score: 1.5,
    tags: ['a', 'b', 'é'],
    team: { name: 'core', lead: { name: 'Ada' } },
    a: { b: { c: 1 } },
  },
  {
    targetingKey: 'ユーザー',
    name: 'zoë',
    email: 7,
    country: null,
    version: '2.0.0-rc.1+x',
    age: -3.7,
    score: 1e300,
    tags: [],
    team: 'none',
    gofeatureflag: { currentDateTime: '2025-05-01T7:00:00,5+01:30' },
  },
  {},
];
