/** The one error for bytes that are no module, or none we take. */

import { EdictError } from '../../errors.ts';

/** Names come from the module, so a refusal could be made as long as the module itself. */
const MAX_CHARACTERS = 2_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: names of a module end up on terminals
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** `at` is the offset of the byte that could not be read on. */
export function moduleRefused(text: string, at?: number): EdictError {
  const place = at === undefined ? '' : ` (at byte ${at})`;
  const clipped = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  const shown = clipped.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return new EdictError('MODULE_REJECTED', `the module was refused: ${shown}${place}`);
}
