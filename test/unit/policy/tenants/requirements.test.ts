/** Every requirement about virtual instances has a test that names it (P-77). */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const files = ['tenants', 'decisions'].flatMap((folder) => {
  const root = new URL(`../${folder}/`, import.meta.url);
  return readdirSync(root).flatMap((name) => (name.endsWith('.test.ts') ? [new URL(name, root)] : []));
});

/** The names of tests alone: an id in a comment proves nothing. */
const names = files.flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/^ {2}it\(\s*'((?:[^'\\]|\\.)*)'/gm)].map(([, name]) => name as string),
);

describe('the requirements about virtual instances', () => {
  it.each(Array.from({ length: 31 }, (_, i) => `V-${String(i + 1).padStart(2, '0')}`))('%s has a test', (id) => {
    expect(names.filter((name) => name.includes(id))).not.toEqual([]);
  });
});
