/** flagd's in-process core: rules are JSONLogic with flagd's own operators, compiled by json-logic-engine. */

import { FlagdCore } from '@openfeature/flagd-core';
import { isProgressive } from '../model.mjs';

const silent = { error() {}, warn() {}, info() {}, debug() {} };
const METHODS = {
  boolean: (core, key) => (context) => core.resolveBooleanEvaluation(key, false, context, silent),
  string: (core, key) => (context) => core.resolveStringEvaluation(key, '', context, silent),
  number: (core, key) => (context) => core.resolveNumberEvaluation(key, 0, context, silent),
  object: (core, key) => (context) => core.resolveObjectEvaluation(key, {}, context, silent),
};

function logic(condition) {
  const [operator, ...operands] = condition;
  if (operator === 'and' || operator === 'or') return { [operator]: operands.map(logic) };
  const [path, operand] = operands;
  const value = { var: path };
  switch (operator) {
    case 'eq':
      return { '==': [value, operand] };
    case 'in':
      return { in: [value, operand] };
    case 'ge':
      return { '>=': [value, operand] };
    case 'lt':
      return { '<': [value, operand] };
    case 'ew':
      return { ends_with: [value, operand] };
    case 'sw':
      return { starts_with: [value, operand] };
    default:
      return { sem_ver: [value, operator === 'newer' ? '>' : '<', operand] };
  }
}

const outcome = ({ serve, split }) => (serve === undefined ? { fractional: split } : serve);

function configuration(flag) {
  const branches = flag.rules.flatMap((rule) => [logic(rule.when), outcome(rule)]);
  if (flag.schedule !== undefined) {
    const seconds = Date.parse(flag.schedule.date) / 1000;
    branches.push({ '>=': [{ var: '$flagd.timestamp' }, seconds] }, flag.schedule.serve);
  }
  const last = outcome(flag.otherwise);
  const isStatic = branches.length === 0 && typeof last === 'string';
  const names = Object.keys(flag.variations);
  return {
    state: 'ENABLED',
    variants: flag.variations,
    defaultVariant: typeof last === 'string' ? last : names[names.length - 1],
    ...(!isStatic && { targeting: branches.length === 0 ? last : { if: [...branches, last] } }),
    metadata: { ...flag.metadata, version: flag.version },
  };
}

export const flagd = {
  name: 'flagd-core',
  package: '@openfeature/flagd-core',
  lacks: (flag) => (isProgressive(flag) ? 'progressive rollouts' : undefined),
  write: (flags) => JSON.stringify({ flags: Object.fromEntries(flags.map((flag) => [flag.key, configuration(flag)])) }),
  async load(text) {
    const core = new FlagdCore(undefined, silent);
    core.setConfigurations(text);
    return {
      context: (context) => context,
      bind: (flag) => METHODS[flag.type](core, flag.key),
      valueOf: (details) => details.value,
      all: (context) => core.resolveAll(context, silent),
      valuesOf: (list) => new Map(list.map(({ flagKey, value }) => [flagKey, value])),
      close() {},
    };
  },
};
