/** JSON text as GO Feature Flag writes it: compact, members sorted, nothing that HTML or JavaScript would misread. */

/** What `JSON.stringify` leaves raw and the canonical text escapes. */
const UNSAFE = /[<>&\u2028\u2029]/g;
/** With the `u` flag a surrogate range matches only surrogates without a partner. */
const LONE_SURROGATE = /[\ud800-\udfff]/gu;
/** Anything the two above may change. Most texts have none of it, and a flag set has a hundred thousand texts. */
const SPECIAL = /[<>&\u2028\u2029\ud800-\udfff]/;

/**
 * Writes a JSON value: members sorted by the UTF-8 bytes of their names, `<`, `>`, `&`, U+2028 and U+2029 escaped, lone
 * surrogates as U+FFFD, numbers in their shortest form, `-0` kept. Members that are `undefined` are left out.
 *
 * Throws a `TypeError` for what JSON cannot say (NaN, infinities, functions, BigInt).
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`);
      return Object.is(value, -0) ? '-0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `[${value.map(canonicalJson).join(',')}]` : canonicalObject(value);
    default:
      throw new TypeError(`a ${typeof value} has no JSON form`);
  }
}

function canonicalObject(value: object): string {
  const record = value as Record<string, unknown>;
  let text = '';
  for (const name of Object.keys(record).sort(compareUtf8)) {
    const value = record[name];
    if (value !== undefined) text += `${text === '' ? '' : ','}${canonicalString(name)}:${canonicalJson(value)}`;
  }
  return `{${text}}`;
}

/** An object whose member values are JSON texts already; the members are sorted here. */
export function objectOfTexts(members: Iterable<readonly [name: string, text: string]>): string {
  const sorted = [...members].sort((left, right) => compareUtf8(left[0], right[0]));
  return `{${sorted.map(([name, text]) => `${canonicalString(name)}:${text}`).join(',')}}`;
}

/** One JSON string, quotes included. */
export function canonicalString(text: string): string {
  if (!SPECIAL.test(text)) return JSON.stringify(text);
  const wellFormed = text.replace(LONE_SURROGATE, '\ufffd');
  return JSON.stringify(wellFormed).replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The order of two texts by their UTF-8 bytes, which is the order of their code points. */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return utf16Rank(a) - utf16Rank(b);
  }
  return left.length - right.length;
}

/** Surrogates stand for code points above U+FFFF, so they rank after the units U+E000 to U+FFFF. */
function utf16Rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
