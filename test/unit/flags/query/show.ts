/** Writes query trees and token lists as one line of text, so that tests can state them. */

import type { QueryNode, QueryValue } from '../../../../src/flags/query/ast.ts';
import { tokenize } from '../../../../src/flags/query/lexer.ts';
import { parseQuery } from '../../../../src/flags/query/parser.ts';
import { TokenKind } from '../../../../src/flags/query/token.ts';

const KIND_NAMES = new Map(Object.entries(TokenKind).map(([name, kind]) => [kind, name]));

/** `x eq 1` gives `ATTR<x> SP EQ<eq> SP INT<1>`; a token whose text is always the same is shown without it. */
export function showTokens(text: string): string {
  const { kinds, starts, ends } = tokenize(text);
  const shown = kinds.map((kind, i) => {
    const name = KIND_NAMES.get(kind) ?? '?';
    return kind < TokenKind.PR || kind >= TokenKind.NEWLINE ? name : `${name}<${text.slice(starts[i], ends[i])}>`;
  });
  return shown.slice(0, -2).join(' ');
}

/** The tree of a query: parentheses as written, chains in square brackets, values with their class. */
export function showQuery(query: string): string {
  return showNode(parseQuery(query));
}

export function showNode(node: QueryNode): string {
  switch (node.kind) {
    case 'bad':
      return 'BAD';
    case 'present':
      return `${node.path.join('.')} pr`;
    case 'compare':
      return `${node.path.join('.')} ${node.op} ${showValue(node.value)}`;
    case 'paren':
      return `${node.negate ? 'not ' : ''}(${showNode(node.inner)})`;
    case 'chain':
      return `[${node.terms.map((term, i) => (i === 0 ? '' : ` ${node.ops[i - 1]} `) + showNode(term)).join('')}]`;
  }
}

function showValue(value: QueryValue): string {
  switch (value.kind) {
    case 'bool':
    case 'float':
    case 'int':
      return `${value.kind}:${value.value}`;
    case 'string':
    case 'version':
      return `${value.kind}:${value.text}`;
    case 'strings':
    case 'ints':
    case 'floats':
      return `${value.kind}:${value.items.join('|')}`;
    default:
      return value.kind;
  }
}
