/** Every row of docs/guarantees.md names a test that exists. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

const text = await readFile(new URL('docs/guarantees.md', root), 'utf8');
const rows = [...text.matchAll(/^\| ([^|]+) \| [^|]* \| ((?:test|scripts)\/\S+) \| ([^|]*) ?\|$/gm)].map((row) => ({
  promise: row[1] as string,
  file: row[2] as string,
  test: (row[3] as string).trim(),
}));

describe('docs/guarantees.md', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.length).toBe(text.split('\n').filter((line) => line.startsWith('|')).length - 2);
  });

  it.each(rows)('$promise: $file', async ({ file, test }) => {
    const source = await readFile(fileURLToPath(new URL(file, root)), 'utf8');
    // Names with a `%s`, `$name` or a template in them are matched up to it.
    expect(source.replaceAll("\\'", "'")).toContain(test);
  });
});
