/** Edict: GO Feature Flag configuration, evaluated by the built package, in the three shapes it offers. */

import { existsSync } from 'node:fs';

const ENTRY = new URL('../../../dist/index.js', import.meta.url);

const OPERATORS = { eq: 'eq', ew: 'ew', sw: 'sw', ge: 'ge', lt: 'lt', in: 'in', newer: 'gt', older: 'lt' };

/** A condition in the nikunjy language. `and` and `or` have one precedence there, so every inner group gets parentheses. */
function query(condition, inner = false) {
  const [operator, ...operands] = condition;
  if (operator === 'and' || operator === 'or') {
    const text = operands.map((each) => query(each, true)).join(` ${operator} `);
    return inner ? `(${text})` : text;
  }
  const [path, operand] = operands;
  const isVersion = operator === 'newer' || operator === 'older';
  return `${path} ${OPERATORS[operator]} ${isVersion ? operand : JSON.stringify(operand)}`;
}

/** The same condition as JSONLogic; "ends with" is a comparison of the last characters. */
export function jsonLogic(condition) {
  const [operator, ...operands] = condition;
  if (operator === 'and' || operator === 'or') return { [operator]: operands.map(jsonLogic) };
  const [path, operand] = operands;
  const value = { var: path };
  if (operator === 'eq') return { '==': [value, operand] };
  if (operator === 'in') return { in: [value, operand] };
  if (operator === 'ge') return { '>=': [value, operand] };
  if (operator === 'lt') return { '<': [value, operand] };
  if (operator === 'ew') return { '==': [{ substr: [value, -operand.length] }, operand] };
  if (operator === 'sw') return { '==': [{ substr: [value, 0, operand.length] }, operand] };
  throw new Error(`JSONLogic has no ${operator}`);
}

function outcome({ serve, split, progressive }) {
  if (serve !== undefined) return { variation: serve };
  if (split !== undefined) return { percentage: Object.fromEntries(split) };
  const { from, to, initial, end } = progressive;
  return {
    progressiveRollout: {
      initial: { variation: initial, percentage: 0, date: from },
      end: { variation: end, percentage: 100, date: to },
    },
  };
}

function configuration(flag) {
  const targeting = flag.rules.map((rule, index) => ({
    name: `rule-${index + 1}`,
    query: flag.dialect === 'jsonlogic' ? JSON.stringify(jsonLogic(rule.when)) : query(rule.when),
    ...outcome(rule),
  }));
  const steps = flag.schedule && [{ date: flag.schedule.date, defaultRule: { variation: flag.schedule.serve } }];
  return {
    variations: flag.variations,
    ...(targeting.length > 0 && { targeting }),
    defaultRule: outcome(flag.otherwise),
    ...(steps && { scheduledRollout: steps }),
    trackEvents: true,
    version: flag.version,
    metadata: flag.metadata,
  };
}

async function open(text) {
  const { InProcessEvaluator } = await import(ENTRY);
  const evaluator = new InProcessEvaluator({ bootstrap: JSON.parse(text) });
  await evaluator.initialize();
  return evaluator;
}

const common = {
  lacks: () => undefined,
  write: (flags) => JSON.stringify({ flags: Object.fromEntries(flags.map((flag) => [flag.key, configuration(flag)])) }),
};
const readValue = (resolution) => resolution.value;

/** `evaluate(key, context)`, and `evaluateAll(context)` where all flags are asked for. */
export const edict = {
  ...common,
  name: 'Edict evaluate',
  isPresent: () => existsSync(ENTRY),
  async load(text) {
    const evaluator = await open(text);
    return {
      evaluator,
      context: (context) => context,
      bind:
        ({ key }) =>
        (context) =>
          evaluator.evaluate(key, context),
      valueOf: readValue,
      close: () => evaluator.close(),
    };
  },
};

/** `prepare(context)` once for many flags of one request. */
export const edictPrepared = {
  ...edict,
  name: 'Edict prepared',
  async load(text) {
    const evaluator = await open(text);
    return {
      context: (context) => context,
      /** One request: what is bound below is then called with what this gives. */
      open: (context) => evaluator.prepare(context),
      bind:
        ({ key }) =>
        (prepared) =>
          prepared.evaluate(key),
      valueOf: readValue,
      close: () => evaluator.close(),
    };
  },
};

/** `evaluateAll(context)`: only where all flags are asked for. */
export const edictAll = {
  ...edict,
  name: 'Edict evaluateAll',
  onlyAll: true,
  async load(text) {
    const evaluator = await open(text);
    return {
      context: (context) => context,
      all: (context) => evaluator.evaluateAll(context),
      valuesOf: (resolutions) => new Map(resolutions.map(({ flagKey, value }) => [flagKey, value])),
      close: () => evaluator.close(),
    };
  },
};
