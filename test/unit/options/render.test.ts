import { describe, expect, it } from 'vitest';

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { renderOptionsMarkdown, renderOptionsType } from '../../../src/options/render.ts';
import { OPTION_NAMES, type OptionName } from '../../../src/options/table.ts';

// Both files are written by `npx vitest run test/unit/options/render.test.ts -u`.
describe('texts made from the table of options', () => {
  it('docs/options.md is what the table says (D-10)', async () => {
    await expect(renderOptionsMarkdown()).toMatchFileSnapshot('../../../docs/options.md');
  });

  it('the EdictOptions type is what the table says (D-10)', async () => {
    await expect(renderOptionsType()).toMatchFileSnapshot('../../../src/options/edict-options.ts');
  });

  it('every option has a row in the document and a member in the type', () => {
    for (const name of OPTION_NAMES) {
      expect(renderOptionsMarkdown()).toContain(`| \`${name}\``);
      expect(renderOptionsType()).toContain(`  readonly ${name}?: `);
    }
  });

  it('every option may be given as undefined, functions too', () => {
    // The compiler checks it; this test is here so that it is looked at.
    const absent = {} as { readonly [Name in OptionName]: undefined };
    const options: EdictOptions = absent;
    expect(options).toBe(absent);
    expect(renderOptionsType()).toContain('  readonly random?: (() => number) | undefined;');
  });

  it('a table cell never breaks out of its column', () => {
    const rows = renderOptionsMarkdown()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows).toHaveLength(OPTION_NAMES.length);
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(8);
  });
});
