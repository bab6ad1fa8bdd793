/** Masks: JSON pointers that erase a part of a decision event, or put something else in its place. */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { IDENTITY_MEMBERS } from './decision-event.ts';

/** One mask. Without `replace` what it points at is erased: a member is gone, an item of a list is `null`. */
export interface Mask {
  /** RFC 6901, for example `/inputs/request/headers/authorization`. */
  readonly pointer: string;
  readonly replace?: JsonValue;
}

/** Credentials travel in these, so they are erased from inputs unless masks of one's own are given. */
export const DEFAULT_MASKS: readonly Mask[] = Object.freeze(
  [
    ...['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'api-key'].map(
      (name) => `request/headers/${name}`,
    ),
    'request/query',
    'response/headers/set-cookie',
  ].map((path) => Object.freeze({ pointer: `/inputs/${path}` })),
);

interface CompiledMask extends Mask {
  readonly path: readonly string[];
}

/** Compiled once, applied to every event before it is kept anywhere. */
export class Masks {
  readonly #masks: readonly CompiledMask[];

  private constructor(masks: readonly CompiledMask[]) {
    this.#masks = masks;
  }

  /** The masks, or what is wrong with them: a pointer that points nowhere on purpose would hide nothing. */
  static compile(masks: readonly Mask[]): Masks | { readonly problems: readonly string[] } {
    const problems: string[] = [];
    const compiled = masks.map((mask): CompiledMask => {
      const path = pathOf(mask.pointer);
      const problem = path === undefined ? 'is no JSON pointer' : pathProblem(path);
      if (problem !== undefined) problems.push(`mask ${JSON.stringify(mask.pointer)} ${problem}`);
      return { ...mask, path: path ?? [] };
    });
    return problems.length > 0 ? { problems } : new Masks(compiled);
  }

  /** Changes the event in place and lists what it did in `erased` and `masked`. */
  apply(event: JsonObject): void {
    const erased: string[] = [];
    const masked: string[] = [];
    for (const mask of this.#masks) {
      if (!touch(event, mask)) continue;
      (mask.replace === undefined ? erased : masked).push(mask.pointer);
    }
    event.erased = erased;
    event.masked = masked;
  }
}

/** True when there was something at the end of the path. */
function touch(event: JsonObject, { path, replace }: CompiledMask): boolean {
  let parent: JsonValue = event;
  for (const name of path.slice(0, -1)) {
    const next = childOf(parent, name);
    if (next === undefined) return false;
    parent = next;
  }
  const name = path.at(-1) as string;
  if (childOf(parent, name) === undefined) return false;
  if (Array.isArray(parent)) parent[Number(name)] = replace ?? null;
  else if (replace === undefined) delete (parent as JsonObject)[name];
  else (parent as JsonObject)[name] = replace;
  return true;
}

function childOf(parent: JsonValue, name: string): JsonValue | undefined {
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, name)) return undefined;
  // `length` is an own member of a list, and no item.
  if (Array.isArray(parent)) return /^(?:0|[1-9]\d*)$/.test(name) ? parent[Number(name)] : undefined;
  return parent[name];
}

function pathOf(pointer: string): readonly string[] | undefined {
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split('/')
    .map((piece) => piece.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function pathProblem([first]: readonly string[]): string | undefined {
  return IDENTITY_MEMBERS.includes(first as string) ? 'touches what identifies the event' : undefined;
}
