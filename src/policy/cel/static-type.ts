/** Types of CEL expressions as they are known before anything runs. */

import type { CelType } from '@bufbuild/cel';

export type StaticType =
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'list'; readonly element: StaticType }
  | { readonly kind: 'map'; readonly key: StaticType; readonly value: StaticType }
  /** A map whose members are known by name. */
  | { readonly kind: 'record'; readonly name: string; readonly fields: Readonly<Record<string, StaticType>> };

const scalar = (name: string): StaticType => Object.freeze({ kind: 'scalar', name });

export const BOOL = scalar('bool');
export const INT = scalar('int');
export const STRING = scalar('string');
export const BYTES = scalar('bytes');
/** Known only when it runs. */
export const DYN = scalar('dyn');
/** The element of a list that has none: joins with everything. */
export const NOTHING = scalar('nothing');
export const TYPE = scalar('type');

export const listOf = (element: StaticType): StaticType => ({ kind: 'list', element });
export const mapOf = (key: StaticType, value: StaticType): StaticType => ({ kind: 'map', key, value });

export function recordOf(name: string, fields: Readonly<Record<string, StaticType>>): StaticType {
  return { kind: 'record', name, fields };
}

export function fromCel(type: CelType): StaticType {
  switch (type.kind) {
    case 'list':
      return listOf(fromCel(type.element));
    case 'map':
      return mapOf(fromCel(type.key), fromCel(type.value));
    default:
      return scalar(type.name);
  }
}

export function isOpen(type: StaticType): boolean {
  return type === DYN || type === NOTHING || (type.kind === 'scalar' && type.name === 'dyn');
}

/** Whether values of both can be the same value. */
export function fits(left: StaticType, right: StaticType): boolean {
  if (isOpen(left) || isOpen(right)) return true;
  if (left.kind === 'list' && right.kind === 'list') return fits(left.element, right.element);
  if (left.kind === 'map' && right.kind === 'map') return fits(left.key, right.key) && fits(left.value, right.value);
  if (left.kind === 'scalar' || left.kind === 'record') return left.kind === right.kind && left.name === right.name;
  return false;
}

/** The type of a value that has one of two types. */
export function join(left: StaticType, right: StaticType): StaticType {
  if (left === NOTHING) return right;
  if (right === NOTHING) return left;
  if (left.kind === 'list' && right.kind === 'list') return listOf(join(left.element, right.element));
  if (left.kind === 'map' && right.kind === 'map')
    return mapOf(join(left.key, right.key), join(left.value, right.value));
  return !isOpen(left) && !isOpen(right) && fits(left, right) ? left : DYN;
}

export function typeName(type: StaticType): string {
  switch (type.kind) {
    case 'list':
      return `list(${typeName(type.element)})`;
    case 'map':
      return `map(${typeName(type.key)}, ${typeName(type.value)})`;
    default:
      return type.name;
  }
}
