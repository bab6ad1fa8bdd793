/** Loads the vectors that were recorded from GO Feature Flag. */

import { readFileSync } from 'node:fs';

export function vectors<T>(name: string): T[] {
  const url = new URL(`../../conformance/vectors/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as T[];
}
