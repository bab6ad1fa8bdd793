/** Reads single facts out of response headers; whatever is missing, doubled or unreadable counts as not sent. */

/** Response headers as undici gives them: lower-case names, several values as an array. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

const MAX_TEXT_LENGTH = 128;

/**
 * Day, date, time and a zone. The relay writes the name of its own local zone (`CEST`, `-03`), so the text is no HTTP
 * date and says nothing about order: it is shown, never compared.
 */
const LAST_MODIFIED = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [A-Za-z0-9+-]{1,8}$/;

/** The one value of a header. */
export function headerText(headers: AnswerHeaders, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return Array.isArray(value) ? value[0] : value;
}

/** A header shown in diagnostics, logs and errors: short and printable, or absent. */
export function shownHeader(headers: AnswerHeaders, name: string): string | undefined {
  const text = headerText(headers, name);
  return text !== undefined && text.length <= MAX_TEXT_LENGTH && /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

export function lastModified(headers: AnswerHeaders): string | undefined {
  const text = shownHeader(headers, 'last-modified');
  return text !== undefined && LAST_MODIFIED.test(text) ? text : undefined;
}

/** `application/json`, or a type built on it (`application/…+json`). */
export function isJsonMediaType(headers: AnswerHeaders): boolean {
  const type = headerText(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  return type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type);
}

/** The content codings in the order they were applied, `identity` left out. */
export function contentCodings(headers: AnswerHeaders): readonly string[] {
  const value = Object.hasOwn(headers, 'content-encoding') ? headers['content-encoding'] : undefined;
  const list = Array.isArray(value) ? value.join(',') : (value ?? '');
  const codings = list.split(',').map((coding) => coding.trim().toLowerCase());
  return codings.filter((coding) => coding !== '' && coding !== 'identity');
}
