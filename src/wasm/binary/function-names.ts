/** Names of functions for people: from the custom section "name", which may be missing or wrong without consequence. */

import type { ParsedModule } from './model.ts';
import { ByteReader } from './reader.ts';

const FUNCTION_NAMES = 1;

/** By index of function; empty when the section is not there, and only what was whole before the first mistake in it. */
export function functionNames({ bytes, sections }: ParsedModule): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const section = sections.find(({ name }) => name === 'name');
  if (section === undefined) return names;
  try {
    const reader = new ByteReader(bytes, section.start, section.end);
    while (!reader.done) {
      const kind = reader.u8();
      const part = reader.part(reader.varU32());
      if (kind !== FUNCTION_NAMES) continue;
      for (let left = part.varU32(); left > 0; left--) names.set(part.varU32(), part.name());
    }
  } catch {
    // A custom section cannot make a module invalid.
  }
  return names;
}
