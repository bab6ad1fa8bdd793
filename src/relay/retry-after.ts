/** Reads Retry-After, in seconds or as an HTTP date; whatever is past or unreadable counts as not sent. */

const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const LONG_DAY = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const TIME = '\\d{2}:\\d{2}:\\d{2}';

/** The three date forms of HTTP (RFC 9110 §5.6.7). `Date.parse` alone would also read "1" and "May". */
const IMF_DATE = new RegExp(`^${DAY}, \\d{2} ${MONTH} \\d{4} ${TIME} GMT$`);
const RFC850_DATE = new RegExp(`^${LONG_DAY}, \\d{2}-${MONTH}-\\d{2} ${TIME} GMT$`);
const ASCTIME_DATE = new RegExp(`^${DAY} ${MONTH} [ \\d]\\d ${TIME} \\d{4}$`);

/** Milliseconds from `nowMs` (wall clock), at most `maxMs`; `undefined` when there is nothing to wait for. */
export function parseRetryAfter(value: string | undefined, nowMs: number, maxMs: number): number | undefined {
  const text = value?.trim() ?? '';
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : parseHttpDate(text) - nowMs;
  return waitMs > 0 ? Math.min(waitMs, maxMs) : undefined;
}

/** Epoch milliseconds, or NaN. */
function parseHttpDate(text: string): number {
  if (IMF_DATE.test(text) || RFC850_DATE.test(text)) return Date.parse(text);
  // The C library's form has no zone and means GMT; without the suffix it would be read as local time.
  return ASCTIME_DATE.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
