/** A flag key as a path segment, encoded the one way that a stock relay decodes (relay-and-provider §1.6). */

export const OFREP_ROUTE = '/ofrep/v1/evaluate/flags';

/** What travels literally: Go's own path encoding. `encodeURIComponent` differs in both directions, and `a:b` would fail. */
const LITERAL = /^[A-Za-z0-9\-_.~$&+,:;=@]$/;
const ONLY_LITERAL = /^[A-Za-z0-9\-_.~$&+,:;=@]+$/;

/** As path segments these address another route, whichever way they are encoded. */
const OTHER_ROUTES: ReadonlySet<string> = new Set(['', '.', '..']);

/**
 * The route that evaluates one flag; `undefined` for the keys that no relay can be asked for: they are unknown flags. Lone
 * surrogates become U+FFFD, as everywhere in UTF-8. A stock relay never finds a key with `/` on this route.
 */
export function ofrepRoute(flagKey: string): string | undefined {
  return OTHER_ROUTES.has(flagKey) ? undefined : `${OFREP_ROUTE}/${encodeSegment(flagKey)}`;
}

function encodeSegment(text: string): string {
  if (ONLY_LITERAL.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const char = String.fromCharCode(byte);
    encoded += LITERAL.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
