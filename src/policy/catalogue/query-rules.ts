/** Ordered edits of a query string, for request-rewrite: pairs that no rule touches keep their bytes and their place. */

import type { JsonValue } from '../../internal/json.ts';
import { decode, decodedName, encode } from '../reduce/query.ts';
import { type Pattern, patternOf, type Substitution, substitutionOf } from './pattern.ts';
import { objectOf, refuse, textOf } from './read-params.ts';

export type QueryRule =
  | { readonly action: 'Replace' | 'Add'; readonly name: string; readonly value: string }
  | { readonly action: 'Append'; readonly name: string; readonly value: string; readonly separator: string }
  | { readonly action: 'Remove'; readonly name: string }
  | {
      readonly action: 'ReplaceRegexMatch';
      readonly name: string;
      readonly pattern: Pattern;
      readonly substitution: Substitution;
    };

export function queryRuleOf(value: JsonValue, path: string): QueryRule {
  const rule = objectOf(value);
  const name = textOf(rule.name);
  if (name === '') refuse(`${path}/name`, 'is missing');
  switch (rule.action) {
    case 'Replace':
    case 'Add':
      return { action: rule.action, name, value: given(rule.value, `${path}/value`) };
    case 'Append':
      return { action: 'Append', name, value: given(rule.value, `${path}/value`), separator: textOf(rule.separator) };
    case 'Remove':
      return { action: 'Remove', name };
    case 'ReplaceRegexMatch': {
      const pattern = patternOf(given(rule.pattern, `${path}/pattern`), `${path}/pattern`);
      const substitution = given(rule.substitution, `${path}/substitution`);
      return {
        action: 'ReplaceRegexMatch',
        name,
        pattern,
        substitution: substitutionOf(substitution, pattern.groups, `${path}/substitution`),
      };
    }
    default:
      return refuse(`${path}/action`, 'is Replace, Remove, Add, Append or ReplaceRegexMatch');
  }
}

/** The query after all rules, without its question mark. */
export function applyRules(query: string, rules: readonly QueryRule[]): string {
  let pieces = query === '' ? [] : query.split('&');
  for (const rule of rules) pieces = applied(pieces, rule);
  return pieces.join('&');
}

/** Decoded values of a name. */
export function valuesOf(query: string, name: string): string[] {
  return query
    .split('&')
    .filter((piece) => isNamed(piece, name))
    .map(decodedValue);
}

function applied(pieces: readonly string[], rule: QueryRule): string[] {
  const { name } = rule;
  const isThere = pieces.some((piece) => isNamed(piece, name));
  switch (rule.action) {
    case 'Remove':
      return pieces.filter((piece) => !isNamed(piece, name));
    case 'Replace': {
      if (!isThere) return [...pieces, pairOf(name, rule.value)];
      const first = pieces.findIndex((piece) => isNamed(piece, name));
      return pieces.flatMap((piece, at) => {
        if (!isNamed(piece, name)) return [piece];
        return at === first ? [pairOf(name, rule.value)] : [];
      });
    }
    case 'Add':
      return [...pieces, pairOf(name, rule.value)];
    case 'Append':
      if (!isThere) return [...pieces, pairOf(name, rule.value)];
      return pieces.map((piece) =>
        isNamed(piece, name) ? pairOf(name, decodedValue(piece) + rule.separator + rule.value) : piece,
      );
    case 'ReplaceRegexMatch':
      return pieces.map((piece) => {
        if (!isNamed(piece, name)) return piece;
        const value = rule.pattern.replaced(decodedValue(piece), rule.substitution);
        return value === undefined ? piece : pairOf(name, value);
      });
  }
}

function isNamed(piece: string, name: string): boolean {
  return piece !== '' && decodedName(piece) === name;
}

function pairOf(name: string, value: string): string {
  return `${encode(name)}=${encode(value)}`;
}

/** What comes after the `=`, decoded as names are. */
function decodedValue(piece: string): string {
  const equals = piece.indexOf('=');
  return equals < 0 ? '' : decode(piece.slice(equals + 1));
}

function given(value: JsonValue | undefined, path: string): string {
  return typeof value === 'string' ? value : refuse(path, 'is missing');
}
