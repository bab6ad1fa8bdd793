/** The tree of a nikunjy query, after ANTLR's error recovery has been reproduced: what the code generator reads. */

export type CompareOp = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'co' | 'sw' | 'ew' | 'in';

/**
 * The right side of a comparison, already decided as far as the text alone decides it.
 *
 * - `invalid`: visiting it makes the whole query false (a LONG that is no int64, a list item out of range).
 * - `abort`: visiting it aborts the query (malformed value, missing list item). False as well, but told apart because
 *   the relay's validation reports both and a reader will look for them.
 * - `nothing`: the value is missing (a DOUBLE that overflows): this comparison is false, the query goes on. With `co`,
 *   `sw`, `ew` it is `invalid` instead, as for any other float.
 *
 * `problem` says in plain words what is wrong and where; it is for messages and no part of the meaning.
 */
export type QueryValue =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'version'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'strings'; readonly items: readonly string[] }
  | { readonly kind: 'ints'; readonly items: readonly bigint[] }
  | { readonly kind: 'floats'; readonly items: readonly number[] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'invalid'; readonly problem?: string }
  | { readonly kind: 'abort'; readonly problem?: string };

export interface CompareNode {
  readonly kind: 'compare';
  readonly path: readonly string[];
  readonly op: CompareOp;
  readonly value: QueryValue;
}

export interface PresentNode {
  readonly kind: 'present';
  readonly path: readonly string[];
}

/** A parenthesis; `negate` when a NOT token ended up among its tokens. */
export interface ParenNode {
  readonly kind: 'paren';
  readonly negate: boolean;
  readonly inner: QueryNode;
}

/**
 * A chain of equal-precedence, left-associative `and`/`or`: `terms[0] ops[0] terms[1] ops[1] …`. A list, not a nested
 * tree, so that ten thousand conditions cost no recursion.
 */
export interface ChainNode {
  readonly kind: 'chain';
  readonly terms: readonly QueryNode[];
  readonly ops: readonly ('and' | 'or')[];
}

/** A malformed operand: visiting it aborts the query; at the root the query is false. */
export interface BadNode {
  readonly kind: 'bad';
  /** What is wrong in plain words, and where; for messages only. */
  readonly problem?: string;
}

export type QueryNode = CompareNode | PresentNode | ParenNode | ChainNode | BadNode;
