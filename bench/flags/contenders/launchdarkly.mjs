/** LaunchDarkly's server SDK, fed by its own TestData source; events and diagnostics off. Answers with a promise. */

import { init } from '@launchdarkly/node-server-sdk';
import { TestData } from '@launchdarkly/node-server-sdk/integrations';
import { alternativesOf, isProgressive, isScheduled } from '../model.mjs';

const OPERATORS = {
  eq: 'in',
  in: 'in',
  ew: 'endsWith',
  sw: 'startsWith',
  ge: 'greaterThanOrEqual',
  lt: 'lessThan',
  newer: 'semVerGreaterThan',
  older: 'semVerLessThan',
};

function clause([operator, path, operand]) {
  return {
    contextKind: 'user',
    attribute: path.includes('.') ? `/${path.replaceAll('.', '/')}` : path,
    op: OPERATORS[operator],
    values: [operand].flat(),
    negate: false,
  };
}

function outcome(flag, { serve, split }) {
  const names = Object.keys(flag.variations);
  if (serve !== undefined) return { variation: names.indexOf(serve) };
  const variations = split.map(([name, share]) => ({ variation: names.indexOf(name), weight: share * 1000 }));
  return { rollout: { contextKind: 'user', variations } };
}

/** The flag as LaunchDarkly's stream sends it. */
export function flagData(flag) {
  const rules = flag.rules.flatMap((rule) => alternativesOf(rule.when).map((clauses) => ({ rule, clauses })));
  return {
    key: flag.key,
    version: 1,
    on: true,
    prerequisites: [],
    targets: [],
    contextTargets: [],
    rules: rules.map(({ rule, clauses }, index) => ({
      id: `rule-${index + 1}`,
      clauses: clauses.map(clause),
      trackEvents: false,
      ...outcome(flag, rule),
    })),
    fallthrough: outcome(flag, flag.otherwise),
    offVariation: 1,
    variations: Object.values(flag.variations),
    salt: flag.metadata.jira,
    trackEvents: false,
    trackEventsFallthrough: false,
    debugEventsUntilDate: null,
    clientSide: false,
    deleted: false,
  };
}

export const launchdarkly = {
  name: 'launchdarkly',
  package: '@launchdarkly/node-server-sdk',
  isAsync: true,
  lacks(flag) {
    if (isProgressive(flag)) return 'progressive rollouts';
    return isScheduled(flag) ? 'schedules (its server applies them)' : undefined;
  },
  write: (flags) => JSON.stringify(flags.map(flagData)),
  async load(text) {
    const data = new TestData();
    for (const flag of JSON.parse(text)) data.usePreconfiguredFlag(flag);
    const quiet = { error: console.error, warn() {}, info() {}, debug() {} };
    const client = init('sdk-bench', {
      updateProcessor: data.getFactory(),
      sendEvents: false,
      diagnosticOptOut: true,
      logger: quiet,
    });
    await client.waitForInitialization({ timeout: 30 });
    return {
      context: ({ targetingKey, ...attributes }) => ({ kind: 'user', key: targetingKey, ...attributes }),
      bind:
        ({ key }) =>
        (context) =>
          client.variation(key, context, null),
      valueOf: (value) => value,
      all: (context) => client.allFlagsState(context),
      valuesOf: (state) => new Map(Object.entries(state.allValues())),
      close: () => client.close(),
    };
  },
};
