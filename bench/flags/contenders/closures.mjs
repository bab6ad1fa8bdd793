/**
 * The floor: each flag as the JavaScript function a person would write for it, and the same functions behind the
 * OpenFeature SDK's in-memory provider. Written as source text so that every flag has code of its own, as in a service.
 */

import { InMemoryProvider } from '@openfeature/server-sdk';

const HELPERS = {
  /** FNV-1a, 32 bits, of ASCII text. */
  hash(text) {
    let state = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
    return state >>> 0;
  },
  versionOrder(a, b) {
    const left = a.split('.');
    const right = b.split('.');
    return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
  },
};

function source(condition) {
  const [operator, ...operands] = condition;
  if (operator === 'and') return `(${operands.map(source).join(' && ')})`;
  if (operator === 'or') return `(${operands.map(source).join(' || ')})`;
  const [path, operand] = operands;
  const value = `c.${path}`;
  const literal = JSON.stringify(typeof operand === 'string' ? operand.toLowerCase() : operand);
  switch (operator) {
    case 'eq':
      return typeof operand === 'string' ? `${value}.toLowerCase() === ${literal}` : `${value} === ${literal}`;
    case 'ew':
      return `${value}.toLowerCase().endsWith(${literal})`;
    case 'sw':
      return `${value}.toLowerCase().startsWith(${literal})`;
    case 'in':
      return `(${operand.map((each) => `${value} === ${JSON.stringify(each)}`).join(' || ')})`;
    case 'ge':
      return `${value} >= ${literal}`;
    case 'lt':
      return `${value} < ${literal}`;
    default:
      return `versionOrder(${value}, ${literal}) ${operator === 'newer' ? '>' : '<'} 0`;
  }
}

/** The statement that returns what an outcome gives; `give` writes the returned expression for a variation name. */
function statement(flag, { serve, split, progressive }, give) {
  if (serve !== undefined) return `return ${give(serve)};`;
  const bucket = `hash(${JSON.stringify(flag.key)} + c.targetingKey) % 100000`;
  if (split !== undefined) {
    let end = 0;
    const tests = split.slice(0, -1).map(([name, share]) => {
      end += share * 1000;
      return `if (b < ${end}) return ${give(name)};`;
    });
    return `const b = ${bucket}; ${tests.join(' ')} return ${give(split[split.length - 1][0])};`;
  }
  const { from, to, initial, end } = progressive;
  const start = Date.parse(from);
  const passed = `(Date.now() - ${start}) / ${Date.parse(to) - start}`;
  return `return ${bucket} < 100000 * ${passed} ? ${give(end)} : ${give(initial)};`;
}

function write(flag, give) {
  const rules = flag.rules.map((rule) => `if (${source(rule.when)}) { ${statement(flag, rule, give)} }`);
  if (flag.schedule)
    rules.push(`if (Date.now() >= ${Date.parse(flag.schedule.date)}) return ${give(flag.schedule.serve)};`);
  const body = `return (c) => { ${rules.join(' ')} ${statement(flag, flag.otherwise, give)} };`;
  return new Function('hash', 'versionOrder', 'V', body)(HELPERS.hash, HELPERS.versionOrder, flag.variations);
}

/** The function that gives the flag's value; small values stand in the code, objects are referred to. */
const valueFunction = (flag) =>
  write(flag, (name) => (flag.type === 'object' ? `V.${name}` : JSON.stringify(flag.variations[name])));
const variationFunction = (flag) => write(flag, (name) => JSON.stringify(name));

export const closures = {
  name: 'closures (floor)',
  isFloor: true,
  lacks: () => undefined,
  write: (flags) => JSON.stringify(flags),
  async load(text) {
    const functions = new Map(JSON.parse(text).map((flag) => [flag.key, valueFunction(flag)]));
    return {
      context: (context) => context,
      bind: (flag) => functions.get(flag.key),
      valueOf: (value) => value,
      close() {},
    };
  },
};

const silent = { error() {}, warn() {}, info() {}, debug() {} };
const METHODS = {
  boolean: (provider, key) => (context) => provider.resolveBooleanEvaluation(key, false, context, silent),
  string: (provider, key) => (context) => provider.resolveStringEvaluation(key, '', context, silent),
  number: (provider, key) => (context) => provider.resolveNumberEvaluation(key, 0, context, silent),
  object: (provider, key) => (context) => provider.resolveObjectEvaluation(key, {}, context, silent),
};

/** The SDK's in-memory provider with those functions as its context evaluators, called without the client. */
export function inMemoryFlags(flags) {
  const entry = (flag) => {
    const isStatic = flag.rules.length === 0 && flag.otherwise.serve !== undefined && flag.schedule === undefined;
    const defaultVariant = flag.otherwise.serve ?? Object.keys(flag.variations)[0];
    return {
      variants: flag.variations,
      defaultVariant,
      disabled: false,
      ...(!isStatic && { contextEvaluator: variationFunction(flag) }),
    };
  };
  return Object.fromEntries(flags.map((flag) => [flag.key, entry(flag)]));
}

export const inMemory = {
  name: 'in-memory provider',
  package: '@openfeature/server-sdk',
  isAsync: true,
  lacks: () => undefined,
  write: (flags) => JSON.stringify(flags),
  async load(text) {
    const provider = new InMemoryProvider(inMemoryFlags(JSON.parse(text)));
    return {
      context: (context) => context,
      bind: (flag) => METHODS[flag.type](provider, flag.key),
      valueOf: (details) => details.value,
      close() {},
    };
  },
};
