/** The last look at a result: NaN and infinities have no JSON form. */

import { spend } from './arena';
import { enter, leave } from './jsonlogic';
import { ENTRY_BYTES, TAG_ARRAY, TAG_MAP, VALUE_BYTES, countOf, isNumber, numberOf, ptrOf, tagOf } from './value';

/** Whether no number inside, at any depth, is NaN or infinite. False as well when steps ran out. */
export function hasFiniteNumbers(value: usize): bool {
  const tag = tagOf(value);
  if (isNumber(tag)) return numberOf(value) - numberOf(value) == 0;
  if (tag != TAG_ARRAY && tag != TAG_MAP) return true;
  const count = countOf(value);
  if (!enter() || !spend(<i32>count)) return false;
  const stride = tag == TAG_ARRAY ? VALUE_BYTES : ENTRY_BYTES;
  let at = ptrOf(value) + (stride - VALUE_BYTES);
  for (let i: u32 = 0; i < count; i++) {
    if (!hasFiniteNumbers(at)) return false;
    at += stride;
  }
  leave();
  return true;
}
