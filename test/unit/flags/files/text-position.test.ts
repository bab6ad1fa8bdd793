import { describe, expect, it } from 'vitest';
import { textPositions } from '../../../../src/flags/files/text-position.ts';

describe('textPositions', () => {
  it('counts lines and columns from 1, the end of the text included', () => {
    const text = 'ab\n\ncde\n';
    const positionOf = textPositions(text);
    const seen = [...text, ''].map((_, offset) => positionOf(offset)).map(({ line, column }) => `${line}:${column}`);
    expect(seen).toEqual(['1:1', '1:2', '1:3', '2:1', '3:1', '3:2', '3:3', '3:4', '4:1']);
  });

  it('takes an empty text for one empty line', () => {
    expect(textPositions('')(0)).toEqual({ line: 1, column: 1 });
  });
});
