/** Who may administer: whoever has the token; without a token, whoever is on this machine. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const LOOPBACK = /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$|^::1$/;
const LOOPBACK_HOST = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d+)?$/i;

/** 401: the token is missing or wrong. 403: there is no token, and the request is not from here. */
export function refusedAccess(request: IncomingMessage, token: string | undefined): 401 | 403 | undefined {
  if (token !== undefined) return isToken(request.headers.authorization, token) ? undefined : 401;
  const { remoteAddress } = request.socket;
  if (remoteAddress === undefined || !LOOPBACK.test(remoteAddress)) return 403;
  // A page in a browser on this machine is from here as well, but it says so, or it names another host.
  const { host = '', origin } = request.headers;
  return origin === undefined && LOOPBACK_HOST.test(host) ? undefined : 403;
}

/** Digests are compared, so that the time says neither where the texts differ nor how long the token is. */
function isToken(authorization: string | undefined, token: string): boolean {
  const [, given = ''] = /^Bearer (.+)$/i.exec(authorization ?? '') ?? [];
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
