/** Writes the tree of a nikunjy query as text again: the same tree when it is read back, except for malformed nodes. */

import type { CompareNode, PresentNode, QueryNode, QueryValue } from '../../flags/query/ast.ts';

/** Stands where a malformed node stood. Only for text in which the node is never visited. */
const PLACEHOLDER = 'placeholder pr';

export function queryText(node: QueryNode): string {
  switch (node.kind) {
    case 'bad':
      return PLACEHOLDER;
    case 'present':
      return conditionText(node);
    case 'compare':
      return valueText(node.value) === undefined ? PLACEHOLDER : conditionText(node);
    case 'paren':
      return `${node.negate ? 'not ' : ''}(${queryText(node.inner)})`;
    case 'chain':
      return node.terms.map((term, i) => (i === 0 ? '' : ` ${node.ops[i - 1]} `) + queryText(term)).join('');
  }
}

/** One condition, malformed values as `…`. */
export function conditionText(node: CompareNode | PresentNode): string {
  const path = node.path.join('.');
  return node.kind === 'present' ? `${path} pr` : `${path} ${node.op} ${valueText(node.value) ?? '…'}`;
}

/** `undefined` for values that are malformed. */
function valueText(value: QueryValue): string | undefined {
  switch (value.kind) {
    case 'bool':
      return String(value.value);
    case 'null':
      return 'null';
    case 'version':
      return value.text;
    case 'string':
      return `"${value.text}"`;
    case 'float':
      return doubleText(value.value);
    case 'int':
      return String(value.value);
    case 'strings':
      return `[${value.items.map((item) => `"${item}"`).join(', ')}]`;
    case 'ints':
      return `[${value.items.join(', ')}]`;
    case 'floats':
      return `[${value.items.map(doubleText).join(', ')}]`;
    case 'nothing':
      // A double that overflows: the value is missing.
      return '1.0e999';
    default:
      return undefined;
  }
}

/** A double literal needs its point: `1.0`, `1.0e+21`. */
function doubleText(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  if (text.includes('.')) return text;
  const exponent = text.indexOf('e');
  return exponent < 0 ? `${text}.0` : `${text.slice(0, exponent)}.0${text.slice(exponent)}`;
}
