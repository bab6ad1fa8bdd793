/** The one error for bytes that are no module, or none we take. */

import { EdictError } from '../../errors.ts';

/** `at` is the offset of the byte that could not be read on. */
export function moduleRefused(text: string, at?: number): EdictError {
  const place = at === undefined ? '' : ` (at byte ${at})`;
  return new EdictError('MODULE_REJECTED', `the module was refused: ${text}${place}`);
}
