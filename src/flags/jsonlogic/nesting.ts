/** How deep a JSON value nests, measured without recursion: rules come from outside. */

import type { JsonValue } from '../../internal/json.ts';

/** Levels of arrays and objects: 0 for a primitive, 1 for `[]`, 2 for `{"==":[1,1]}`. */
export function nestingDepth(value: JsonValue): number {
  let deepest = 0;
  const open: [JsonValue, number][] = [[value, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, outside] = next;
    if (typeof node !== 'object' || node === null) continue;
    const depth = outside + 1;
    if (depth > deepest) deepest = depth;
    for (const child of Array.isArray(node) ? node : Object.values(node)) open.push([child, depth]);
  }
  return deepest;
}
