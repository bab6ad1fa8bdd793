/**
 * Unleash's Node client: a toggle is on when any of its strategies lets the user in. Booleans are asked with isEnabled,
 * other values are payloads of variants. Started from bootstrap data with refresh and metrics off.
 */

import { InMemStorageProvider, Unleash } from 'unleash-client';
import { alternativesOf, isProgressive, readsNested } from '../model.mjs';

const NUMBERS = { ge: 'NUM_GTE', lt: 'NUM_LT', newer: 'SEMVER_GT', older: 'SEMVER_LT' };
const TEXTS = { ew: 'STR_ENDS_WITH', sw: 'STR_STARTS_WITH' };

function constraint([operator, contextName, operand]) {
  if (operator === 'eq') return { contextName, operator: 'IN', values: [String(operand)] };
  if (operator === 'in') return { contextName, operator: 'IN', values: operand };
  if (TEXTS[operator]) return { contextName, operator: TEXTS[operator], values: [operand], caseInsensitive: true };
  return { contextName, operator: NUMBERS[operator], value: String(operand), values: [] };
}

const dateConstraint = (date) => ({ contextName: 'currentTime', operator: 'DATE_AFTER', value: date, values: [] });

function variant(flag, name, weight) {
  const value = flag.variations[name];
  return { name, weight, weightType: 'variable', payload: { type: typeof value, value: String(value) } };
}

/** Strategies that serve one outcome to those who pass the constraints; none when the outcome is "off". */
function strategies(flag, outcome, constraints) {
  const shares = outcome.split ?? [[outcome.serve, 100]];
  if (flag.type !== 'boolean') {
    const variants = shares.map(([name, share]) => variant(flag, name, share * 10));
    const parameters = { rollout: '100', stickiness: 'default', groupId: flag.key };
    return [{ name: 'flexibleRollout', parameters, constraints, variants }];
  }
  const rollout = shares.reduce((sum, [name, share]) => sum + (flag.variations[name] === true ? share : 0), 0);
  if (rollout === 0) return [];
  if (rollout === 100) return [{ name: 'default', parameters: {}, constraints }];
  const parameters = { rollout: String(rollout), stickiness: 'default', groupId: flag.key };
  return [{ name: 'flexibleRollout', parameters, constraints }];
}

function toggle(flag) {
  const list = flag.rules.flatMap((rule) =>
    alternativesOf(rule.when).flatMap((clauses) => strategies(flag, rule, clauses.map(constraint))),
  );
  if (flag.schedule !== undefined) list.push(...strategies(flag, flag.schedule, [dateConstraint(flag.schedule.date)]));
  list.push(...strategies(flag, flag.otherwise, []));
  return {
    name: flag.key,
    type: 'release',
    enabled: list.length > 0,
    project: 'default',
    stale: false,
    impressionData: false,
    strategies: list,
    variants: [],
    description: `${flag.metadata.owner} ${flag.metadata.jira} ${flag.version}`,
  };
}

export const unleash = {
  name: 'unleash-client',
  package: 'unleash-client',
  lacks(flag) {
    if (isProgressive(flag)) return 'progressive rollouts';
    if (readsNested(flag)) return 'nested attributes';
    return flag.type === 'object' ? 'object values (payloads are text)' : undefined;
  },
  write: (flags) => JSON.stringify(flags.map(toggle)),
  async load(text) {
    const client = new Unleash({
      url: 'http://127.0.0.1:9/api/',
      appName: 'bench',
      refreshInterval: 0,
      disableMetrics: true,
      skipInstanceCountWarning: true,
      storageProvider: new InMemStorageProvider(),
      bootstrap: { data: JSON.parse(text) },
    });
    await new Promise((resolve) => client.once('ready', resolve));
    const bound = {
      boolean: (key) => (context) => client.isEnabled(key, context),
      string: (key) => (context) => client.getVariant(key, context).payload.value,
      number: (key) => (context) => Number(client.getVariant(key, context).payload.value),
    };
    return {
      context: ({ targetingKey, ...properties }) => ({ userId: targetingKey, properties }),
      bind: (flag) => bound[flag.type](flag.key),
      valueOf: (value) => value,
      close: () => client.destroy(),
    };
  },
};
