/** Decides every flag of the shop for every user, through the OpenFeature client, and finds what is different later. */

import { USERS } from './users.mjs';

/** The shop's flags, each with the default its code would use. */
export const FLAGS = {
  'new-checkout': false,
  'search-ranking': 'classic',
  'fast-images': 'webp',
  'card-payments': true,
  'shipping-options': { carrier: 'post', days: 5, freeFrom: 100, pickup: false },
  'seasonal-banner': '',
  'gift-wrapping': false,
  'discount-percent': 0,
  'advent-calendar': false,
};

/** One decision is too short for the clock: a round of many is timed, and the median of the rounds is told. */
const ROUNDS = 7;
const REPEATS = 200;

/** One flag for one context: OpenFeature's evaluation details. */
export function decide(client, flag, context) {
  const fallback = FLAGS[flag];
  switch (typeof fallback) {
    case 'boolean':
      return client.getBooleanDetails(flag, fallback, context);
    case 'string':
      return client.getStringDetails(flag, fallback, context);
    case 'number':
      return client.getNumberDetails(flag, fallback, context);
    default:
      return client.getObjectDetails(flag, fallback, context);
  }
}

/**
 * All flags for all users: `{ user, flag, value, variation, reason, rule, micros, clientMicros }`. `micros` is the evaluator's own
 * time for the decision, `clientMicros` the time with OpenFeature's client around it.
 */
export async function decideAll(client, evaluator) {
  const rows = [];
  for (const [user, { context }] of Object.entries(USERS)) {
    for (const flag of Object.keys(FLAGS)) {
      const details = await decide(client, flag, context);
      rows.push({
        user,
        flag,
        value: JSON.stringify(details.value),
        variation: details.variant ?? '-',
        reason: details.errorCode ?? details.reason,
        rule: ruleOf(details),
        micros: await timed(() => evaluator.evaluate(flag, context, FLAGS[flag])),
        clientMicros: await timed(() => decide(client, flag, context)),
      });
    }
  }
  return rows;
}

/** Microseconds of one call. */
async function timed(call) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now();
    for (let i = 0; i < REPEATS; i += 1) {
      const answer = call();
      if (answer instanceof Promise) await answer;
    }
    rounds.push(((performance.now() - started) * 1000) / REPEATS);
  }
  return median(rounds);
}

export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

/** The rows whose decision is another one than before, as pairs. */
export function differences(before, after) {
  const keyOf = ({ user, flag }) => `${flag} ${user}`;
  const old = new Map(before.map((row) => [keyOf(row), row]));
  return after
    .map((row) => ({ before: old.get(keyOf(row)), after: row }))
    .toSorted((a, b) => (a.after.flag < b.after.flag ? -1 : 1))
    .filter((pair) => ['value', 'variation', 'reason', 'rule'].some((name) => pair.before[name] !== pair.after[name]));
}

function ruleOf({ reason, flagMetadata }) {
  if (reason === 'DISABLED' || reason === 'ERROR') return '-';
  return flagMetadata.evaluatedRuleName ?? 'default rule';
}
