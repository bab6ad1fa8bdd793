/** JSONLogic operators by number; assembly/flags/jsonlogic-codes.ts is the same table for the guest, a test holds them equal. */

const NAMES = [
  'and',
  'or',
  '!',
  '!!',
  '==',
  '!=',
  '===',
  '!==',
  '<',
  '<=',
  '>',
  '>=',
  'in',
  'var',
  'if',
  '?:',
  '+',
  '-',
  '*',
  '/',
  '%',
  'max',
  'min',
  'abs',
  'cat',
  'substr',
  'merge',
  'missing',
  'missing_some',
  'filter',
  'map',
  'all',
  'none',
  'some',
  'reduce',
  'set',
  'contains_all',
  'contains_any',
  'contains_none',
] as const;

/** An operator of JSONLogic as GO Feature Flag knows it. */
export type JsonLogicOperator = (typeof NAMES)[number];

/** Operator name to the number the guest dispatches on, from 1. */
export const OPERATOR_CODES: ReadonlyMap<string, number> = new Map(NAMES.map((name, i) => [name, i + 1]));

/** Not an operator of rules: `{"var": [name, default]}` whose name was resolved to a slot. */
export const SLOT_OR_CODE = NAMES.length + 1;

/** Whether a rule may use this name. */
export function isOperator(name: string): name is JsonLogicOperator {
  return OPERATOR_CODES.has(name);
}
