/** Holds every contender to the right answers before anything is timed; what differs ends the run with exit code 1. */

import { isDeepStrictEqual } from 'node:util';
import { outcomeOf, rightVariations } from './model.mjs';

export class WrongAnswer extends Error {}

/** Hashes differ between SDKs, so a share is right when it is this near, in the standard deviations of a fair draw. */
const DEVIATIONS = 5;

/** Adds up expected and seen shares of first variations over all users and split flags of a workload. */
class Shares {
  #seen = 0;
  #expected = 0;
  #variance = 0;

  add(flag, context, value) {
    const { split } = outcomeOf(flag, context);
    if (split === undefined) return;
    const [name, percent] = split[0];
    const p = percent / 100;
    this.#expected += p;
    this.#variance += p * (1 - p);
    if (isDeepStrictEqual(value, flag.variations[name])) this.#seen++;
  }

  check(who) {
    const allowed = DEVIATIONS * Math.sqrt(this.#variance);
    if (Math.abs(this.#seen - this.#expected) <= allowed) return;
    throw new WrongAnswer(`${who}: ${this.#seen} users in the first share, expected ${this.#expected} ± ${allowed}`);
  }
}

function check(who, flag, context, value) {
  const right = rightVariations(flag, context).map((name) => flag.variations[name]);
  if (right.some((each) => isDeepStrictEqual(each, value))) return;
  const [shown, wanted] = [JSON.stringify(value), right.map((each) => JSON.stringify(each)).join(' or ')];
  throw new WrongAnswer(`${who}, flag ${flag.key}, user ${context.targetingKey}: ${shown} instead of ${wanted}`);
}

/** Every flag for every context (the first 128, or all where there is but one flag). Gives the number of answers checked. */
export async function checkAnswers(contender, instance, { id, flags, contexts, mode }) {
  const who = `${contender.name} in ${id}`;
  const shares = new Shares();
  const some = flags.length === 1 ? contexts : contexts.slice(0, 128);
  const calls = instance.bind && flags.map((flag) => instance.bind(flag));
  let checked = 0;
  for (const context of some) {
    const own = instance.context(context);
    if (calls !== undefined) {
      const subject = instance.open === undefined ? own : instance.open(own);
      for (let i = 0; i < flags.length; i++) {
        const value = instance.valueOf(await calls[i](subject));
        check(who, flags[i], context, value);
        shares.add(flags[i], context, value);
        checked++;
      }
    }
    if (mode === 'all' && instance.all !== undefined) {
      const values = instance.valuesOf(await instance.all(own));
      for (const flag of flags) check(`${who}, all at once`, flag, context, values.get(flag.key));
      checked += flags.length;
    }
  }
  if (calls !== undefined) shares.check(who);
  return checked;
}
