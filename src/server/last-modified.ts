/** The `Last-Modified` of a relay: the clock of its own zone, with the zone's name. */

/** English varieties name different zones; the first that has more than an offset for this one is taken. */
const LOCALES = ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-ZA'];

/**
 * `Mon, 02 Jan 2026 15:04:05 CEST` for an IANA time zone; zones without a name of their own give their offset (`-03`).
 *
 * Throws a `RangeError` when the zone is unknown.
 */
export function lastModified(date: Date, timeZone: string): string {
  const parts = new Map(
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      day: '2-digit',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    })
      .formatToParts(date)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const clock = `${part('hour')}:${part('minute')}:${part('second')}`;
  return `${part('weekday')}, ${part('day')} ${part('month')} ${part('year')} ${clock} ${zoneName(date, timeZone)}`;
}

function zoneName(date: Date, timeZone: string): string {
  if (timeZone === 'UTC') return 'UTC';
  let offset = '';
  for (const locale of LOCALES) {
    const parts = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'short' }).formatToParts(date);
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours, minutes] = /^(?:GMT|UTC)([+-])(\d+)(?::(\d+))?$/.exec(name) ?? [];
    if (sign === undefined) return name;
    offset = `${sign}${(hours ?? '').padStart(2, '0')}${minutes ?? ''}`;
  }
  return offset;
}
