/**
 * Bounds what one evaluation may cost. The library has no limit of its own, and only two things of CEL can cost more than the
 * expression is long: going through lists, and functions over long values. Both are made to ask a meter.
 */

import { type CelFunc, type CelValue, celError, celFunc, isCelList, isCelMap } from '@bufbuild/cel';
import type { Expr } from './check-types.ts';

/** Steps of one evaluation (spec/policies.md §3.5). */
export const COST_LIMIT = 10_000;
/** Characters or bytes that a function looks at for one step. */
const UNITS_A_STEP = 256;
/** What a member of a list or map counts, in such units. */
const UNITS_A_MEMBER = 16;

/** Counts down; shared by all expressions of one environment, which run one at a time. */
export class Meter {
  #left = 0;

  start(limit: number): void {
    this.#left = limit;
  }

  get left(): number {
    return Math.max(this.#left, 0);
  }

  get isSpent(): boolean {
    return this.#left < 0;
  }

  /** False when nothing is left. */
  take(steps: number): boolean {
    this.#left -= steps;
    return this.#left >= 0;
  }

  /** One step for a call, and more for long values. */
  pay(values: readonly CelValue[], measure: (value: CelValue) => number): boolean {
    let units = 0;
    for (const value of values) units += measure(value);
    return this.take(1 + Math.floor(units / UNITS_A_STEP));
  }
}

/** The function under which rewritten loops ask for their next round; no expression can be written that names it. */
const STEP = '@edict_step';

export function stepFunction(meter: Meter, int: CelFunc['arguments'][number], bool: CelFunc['result']): CelFunc {
  return celFunc(STEP, [int], bool, ((steps: bigint) => meter.take(Number(steps))) as never);
}

/**
 * The same function, paying for the call and for the length of what it is given. The work of one call grows with the length
 * of its values only, so paying afterwards is soon enough; comparisons, which look into members of members, pay first.
 */
export function metered(func: CelFunc, meter: Meter): CelFunc {
  const isDeep = DEEP.has(func.name);
  const call: CelFunc['call'] = (id, target, args) => {
    if (isDeep && !meter.pay(args, (value) => deepUnitsOf(value, meter.left * UNITS_A_STEP)))
      return celError(SPENT, id);
    const result = func.call(id, target, args);
    if (isDeep || result === undefined) return result;
    return meter.pay(target === undefined ? args : [target, ...args], unitsOf) ? result : celError(SPENT, id);
  };
  return Object.create(func, { call: { value: call } }) as CelFunc;
}

const SPENT = 'the cost limit was reached';

function unitsOf(value: CelValue): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  return isCelList(value) || isCelMap(value) ? value.size * UNITS_A_MEMBER : 0;
}

/** Functions that look into the members of members. */
const DEEP: ReadonlySet<string> = new Set(['_==_', '_!=_', '@in']);

/**
 * Counted member by member, at most to `limit`: a list that holds another one twice, and so on, is small in memory and
 * endless to compare.
 */
function deepUnitsOf(value: CelValue, limit: number): number {
  let units = 0;
  const open: CelValue[] = [value];
  for (let next = open.pop(); next !== undefined && units <= limit; next = open.pop()) {
    units += unitsOf(next);
    if (units > limit) break;
    if (isCelList(next)) open.push(...next);
    else if (isCelMap(next)) open.push(...next.values());
  }
  return units;
}

/** An expression whose loops pay, each round, for the nodes inside them; and its number of nodes outside of loops. */
export function meteredExpr(expr: Expr): { readonly expr: Expr; readonly nodes: number } {
  const { exprKind } = expr;
  let nodes = 1;
  const inner = (one: Expr): Expr => {
    const done = meteredExpr(one);
    nodes += done.nodes;
    return done.expr;
  };
  const rebuilt = (kind: Expr['exprKind']): Expr => ({ ...expr, exprKind: kind });
  switch (exprKind.case) {
    case 'selectExpr': {
      const { value } = exprKind;
      return {
        expr: rebuilt({ case: 'selectExpr', value: { ...value, operand: inner(value.operand as Expr) } }),
        nodes,
      };
    }
    case 'callExpr': {
      const { value } = exprKind;
      const args = value.args.map(inner);
      const target = value.target === undefined ? {} : { target: inner(value.target) };
      return { expr: rebuilt({ case: 'callExpr', value: { ...value, args, ...target } }), nodes };
    }
    case 'listExpr': {
      const { value } = exprKind;
      return { expr: rebuilt({ case: 'listExpr', value: { ...value, elements: value.elements.map(inner) } }), nodes };
    }
    case 'structExpr': {
      const { value } = exprKind;
      const entries = value.entries.map((entry) => ({
        ...entry,
        keyKind:
          entry.keyKind.case === 'mapKey'
            ? { case: 'mapKey' as const, value: inner(entry.keyKind.value) }
            : entry.keyKind,
        value: inner(entry.value as Expr),
      }));
      return { expr: rebuilt({ case: 'structExpr', value: { ...value, entries } }), nodes };
    }
    case 'comprehensionExpr': {
      const { value } = exprKind;
      const accuInit = inner(value.accuInit as Expr);
      const iterRange = inner(value.iterRange as Expr);
      const result = inner(value.result as Expr);
      const condition = meteredExpr(value.loopCondition as Expr);
      const step = meteredExpr(value.loopStep as Expr);
      const loopCondition = paying(expr, condition.expr, 1 + condition.nodes + step.nodes);
      const loop = { ...value, accuInit, iterRange, result, loopCondition, loopStep: step.expr };
      return { expr: rebuilt({ case: 'comprehensionExpr', value: loop }), nodes };
    }
    default:
      return { expr, nodes };
  }
}

/** `step(cost) ? condition : false`: a round that cannot be paid ends the loop, and the spent meter makes it an error. */
function paying(at: Expr, condition: Expr, cost: number): Expr {
  const call = (name: string, args: Expr[]): Expr => ({
    ...at,
    exprKind: { case: 'callExpr', value: { $typeName: 'cel.expr.Expr.Call', function: name, args } },
  });
  const constant = (
    constantKind: { case: 'int64Value'; value: bigint } | { case: 'boolValue'; value: boolean },
  ): Expr => ({
    ...at,
    exprKind: { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } },
  });
  const step = call(STEP, [constant({ case: 'int64Value', value: BigInt(cost) })]);
  return call('_?_:_', [step, condition, constant({ case: 'boolValue', value: false })]);
}
