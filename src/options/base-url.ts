/** The base URL of a relay: which ones are taken, and how a route is put behind it. */

/** Why a text is not a usable base URL; said without the text, which may hold a password. */
export type BaseUrlFault =
  | 'no absolute URL'
  | 'a scheme other than http or https'
  | 'user info'
  | 'a query'
  | 'a fragment';

/** The base URL without trailing slashes, its path prefix kept (`https://host/flags/` → `https://host/flags`). */
export function parseBaseUrl(text: string): { readonly url: string } | { readonly fault: BaseUrlFault } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { fault: 'no absolute URL' };
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return { fault: 'a scheme other than http or https' };
  if (url.username !== '' || url.password !== '') return { fault: 'user info' };
  // `URL` shows an empty query or fragment as none, but the text asked for one.
  if (text.includes('?')) return { fault: 'a query' };
  if (text.includes('#')) return { fault: 'a fragment' };
  let path = url.pathname;
  while (path.endsWith('/')) path = path.slice(0, -1);
  return { url: url.origin + path };
}
