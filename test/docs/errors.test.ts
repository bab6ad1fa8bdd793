/** Holds docs/errors.md equal to the table of errors. */

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../src/errors.ts';

describe('docs/errors.md', () => {
  it('lists every error code with its OpenFeature code, its advice and its meaning, in the order of the table', async () => {
    const text = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*?) \| (.*?) \|$/gm)].map((row) => row.slice(1));
    const expected = Object.entries(ERROR_TABLE).map(([code, { openFeature, retry, meaning }]) => [
      code,
      openFeature ?? '– (thrown)',
      retry,
      meaning,
    ]);
    expect(rows).toEqual(expected);
  });
});
