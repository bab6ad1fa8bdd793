/**
 * Which top-level attributes a JSONLogic rule can read from the context tree. Every answer errs on the side of more: an
 * attribute too many costs time, one too few would change an answer.
 */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { hasOwn } from '../../internal/json.ts';
import { numberPath, variablePieces } from './variable-path.ts';

export class TreeReads {
  readonly #roots = new Set<string>();
  #all = false;

  get roots(): readonly string[] | 'all' {
    return this.#all ? 'all' : [...this.#roots];
  }

  /** The whole context, or parts of it that only the evaluation can name. */
  all(): void {
    this.#all = true;
  }

  /** A path as `var` takes it. */
  path(path: string): void {
    const [root] = variablePieces(path);
    if (root === undefined) this.all();
    else this.#roots.add(root);
  }

  /** An element of `missing` or `missing_some`, or the operand of a `var`, looked up in the context. */
  key(key: JsonValue): void {
    if (typeof key === 'string') this.path(key);
    else if (typeof key === 'number') {
      const path = numberPath(key);
      if (path === undefined) this.all();
      else this.path(path);
    } else if (Array.isArray(key)) this.#keyWithDefault(key);
    else if (typeof key === 'object' && key !== null) this.all();
    // null is the context only when that is a primitive, which it never is; booleans fail.
  }

  #keyWithDefault(key: readonly JsonValue[]): void {
    const [path] = key;
    if (typeof path === 'string') this.path(path);
    // [] is the context itself. Anything evaluated inside can read anything.
    if (key.length === 0 || key.some((part) => typeof part === 'object' && part !== null)) this.all();
  }

  /** `missing`, whose operand is a key or a list of keys. */
  keys(keys: JsonValue): void {
    if (Array.isArray(keys)) for (const key of keys) this.key(key);
    else this.key(keys);
  }

  /**
   * The pre-substitution of `filter`, `all`, `none` and `some`: every `var` member at any depth is looked up in the
   * context, relative ones excepted.
   */
  substitution(logic: JsonValue): void {
    if (Array.isArray(logic)) for (const item of logic) this.substitution(item);
    else if (typeof logic === 'object' && logic !== null) {
      for (const [name, member] of Object.entries(logic)) {
        if (name !== 'var') this.substitution(member);
        else if (typeof member !== 'string' || (member !== '' && !member.startsWith('.'))) this.key(member);
      }
    }
  }
}

/**
 * Whether an expression can come to a map that was not written in the rule. A branch of `if` that does is applied as
 * logic, with the whole context as its data.
 */
export function mayYieldMap(node: JsonValue): boolean {
  const operation = singleMember(node);
  if (operation === undefined) return false;
  const [name, operand] = operation;
  switch (name) {
    case 'var':
    case 'set':
      return true;
    case 'and':
    case 'or':
      return Array.isArray(operand) && operand.some(mayYieldMap);
    case 'if':
    case '?:':
      return Array.isArray(operand) && branchesOf(operand).some(mayYieldMap);
    default:
      return false;
  }
}

/** What an `if` of these clauses can come to: its thens and its else. */
export function branchesOf(clauses: readonly JsonValue[]): JsonValue[] {
  return clauses.filter((_, i) => i % 2 === 1 || i === clauses.length - 1);
}

/** Name and operand of an object with one member: the only kind that is an operation. */
export function singleMember(node: JsonValue | undefined): readonly [string, JsonValue] | undefined {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return undefined;
  return firstOfOne(node);
}

function firstOfOne(node: JsonObject): readonly [string, JsonValue] | undefined {
  let found: string | undefined;
  for (const name in node) {
    if (!hasOwn(node, name)) continue;
    if (found !== undefined) return undefined;
    found = name;
  }
  return found === undefined ? undefined : [found, node[found] as JsonValue];
}
