/** Which operators make no sense for a class of right value, and so make the whole query false. */

import type { CompareOp, QueryValue } from './ast.ts';

/**
 * The cells `inv` of spec/flags.md §8.7. They depend on the text alone: the reference refuses the operator before it
 * looks at the attribute, so a missing attribute makes no difference.
 */
export function isInvalidOperation(op: CompareOp, kind: QueryValue['kind']): boolean {
  const isTextual = op === 'co' || op === 'sw' || op === 'ew';
  switch (kind) {
    case 'null':
    case 'bool':
      return op !== 'eq' && op !== 'ne';
    case 'version':
      return isTextual || op === 'in';
    case 'int':
    case 'ints':
    case 'float':
    case 'floats':
    case 'nothing':
      return isTextual;
    default:
      return false;
  }
}
