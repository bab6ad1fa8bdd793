/** Numbers and white space as Go reads and writes them, on top of JavaScript's own exact conversions. */

export interface ParsedNumber {
  readonly value: number;
  readonly error: 'syntax' | 'range' | undefined;
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)p([+-]?\d+)$/i;

/** Go's ParseFloat. */
export function parseNumber(text: string): ParsedNumber {
  if (/^[+-]?inf(?:inity)?$/i.test(text))
    return { value: text.startsWith('-') ? -Infinity : Infinity, error: undefined };
  if (/^nan$/i.test(text)) return { value: Number.NaN, error: undefined };
  const hexadecimal = /^[+-]?0x/i.test(text);
  const digit = hexadecimal ? '[\\da-f]' : '\\d';
  // An underscore needs a digit, or the prefix 0x, before it and a digit behind it.
  const separators = new RegExp(`(?<=${digit}|^[+-]?0x)_(?=${digit})`, 'gi');
  const plain = text.replace(separators, '');
  if (hexadecimal) return parseHexadecimal(plain);
  if (!DECIMAL.test(plain)) return { value: 0, error: 'syntax' };
  return ranged(Number(plain));
}

function ranged(value: number): ParsedNumber {
  return { value, error: Number.isFinite(value) ? undefined : 'range' };
}

/** By exact integer arithmetic: mantissa and exponent to a quotient of integers, rounded to nearest even by Number(). */
function parseHexadecimal(text: string): ParsedNumber {
  const found = HEXADECIMAL.exec(text);
  const [, sign, whole = '', fraction = '', power] = found ?? [];
  if (found === null || whole + fraction === '') return { value: 0, error: 'syntax' };
  const mantissa = BigInt(`0x${whole}${fraction}`);
  const exponent = Number(power) - fraction.length * 4;
  const { value, error } = ranged(scale(mantissa, exponent));
  return { value: sign === '-' ? -value : value, error };
}

/** mantissa * 2^exponent, correctly rounded. */
function scale(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0;
  const bits = mantissa.toString(2).length;
  if (bits + exponent > 1100) return Infinity;
  if (bits + exponent < -1100) return 0;
  // The lowest bit a double of this size keeps.
  const lowest = Math.max(bits + exponent - 53, -1074);
  const drop = BigInt(lowest - exponent);
  if (drop <= 0n) return Number(mantissa << -drop) * 2 ** Math.max(lowest, -1000) * 2 ** Math.min(lowest + 1000, 0);
  let kept = mantissa >> drop;
  const rest = mantissa - (kept << drop);
  const half = 1n << (drop - 1n);
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept++;
  return Number(kept) * 2 ** Math.max(lowest, -1000) * 2 ** Math.min(lowest + 1000, 0);
}

/** Shortest decimal that reads back as the same double, without exponent. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  const parts = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (parts === null) return text;
  const [, sign, whole = '', fraction = '', power] = parts;
  const digits = whole + fraction;
  const point = whole.length + Number(power);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + digits.padEnd(point, '0');
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const SPACES_AROUND = new RegExp(`^${SPACE}+|${SPACE}+$`, 'g');

/** Go's strings.TrimSpace. */
export function trimSpace(text: string): string {
  return text.replace(SPACES_AROUND, '');
}
