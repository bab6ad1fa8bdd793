/** GrowthBook's multi-user client: conditions in the Mongo style, experiments for shares. Started with initSync. */

import { GrowthBookClient } from '@growthbook/growthbook';
import { isProgressive, isScheduled } from '../model.mjs';

const COMPARISONS = { ge: '$gte', lt: '$lt', in: '$in', newer: '$vgt', older: '$vlt' };
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function mongo(condition) {
  const [operator, ...operands] = condition;
  if (operator === 'and' || operator === 'or') return { [`$${operator}`]: operands.map(mongo) };
  const [path, operand] = operands;
  if (operator === 'eq') return { [path]: operand };
  if (operator === 'ew') return { [path]: { $regex: `${escaped(operand)}$` } };
  if (operator === 'sw') return { [path]: { $regex: `^${escaped(operand)}` } };
  return { [path]: { [COMPARISONS[operator]]: operand } };
}

/** A rule of the feature; none when the outcome is just the default value. */
function rule(flag, outcome, condition) {
  if (outcome.serve !== undefined) return { condition, force: flag.variations[outcome.serve] };
  return {
    ...(condition && { condition }),
    key: flag.key,
    variations: outcome.split.map(([name]) => flag.variations[name]),
    weights: outcome.split.map(([, share]) => share / 100),
    hashAttribute: 'id',
    hashVersion: 2,
  };
}

function feature(flag) {
  const names = Object.keys(flag.variations);
  const rules = flag.rules.map((each) => rule(flag, each, mongo(each.when)));
  if (flag.otherwise.split !== undefined) rules.push(rule(flag, flag.otherwise));
  return {
    defaultValue: flag.variations[flag.otherwise.serve ?? names[names.length - 1]],
    ...(rules.length > 0 && { rules }),
    metadata: { ...flag.metadata, version: flag.version },
  };
}

export const growthbook = {
  name: 'growthbook',
  package: '@growthbook/growthbook',
  lacks(flag) {
    if (isProgressive(flag)) return 'progressive rollouts';
    return isScheduled(flag) ? 'schedules (its server applies them)' : undefined;
  },
  write: (flags) => JSON.stringify({ features: Object.fromEntries(flags.map((flag) => [flag.key, feature(flag)])) }),
  async load(text) {
    const client = new GrowthBookClient().initSync({ payload: JSON.parse(text) });
    return {
      context: ({ targetingKey, ...attributes }) => ({ attributes: { id: targetingKey, ...attributes } }),
      bind:
        ({ key }) =>
        (user) =>
          client.getFeatureValue(key, null, user),
      valueOf: (value) => value,
      close: () => client.destroy(),
    };
  },
};
