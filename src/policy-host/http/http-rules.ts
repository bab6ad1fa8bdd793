/** Where a policy may send requests: rules of scheme, host, port, path and methods, and how a request meets them. */

import { isJsonObject } from '../../internal/json.ts';

/** One line of an allow-list. */
export interface HttpRule {
  readonly scheme: 'https' | 'http';
  /** An exact name or address in lower case, or `*.suffix` for every name below it (not for the suffix itself). */
  readonly host: string;
  readonly port: number;
  /** Matches whole segments: `/v1` allows `/v1` and `/v1/x`, not `/v12`. */
  readonly pathPrefix: string;
  readonly methods: readonly string[];
  /** The name may lead to private, loopback and link-local addresses. Both sides must say so. */
  readonly privateAddresses: boolean;
  /** Redirects are followed where every hop is allowed itself. Both sides must say so. */
  readonly redirects: boolean;
}

/** What a request is allowed to do, after every list was asked. */
export interface HttpGrant {
  readonly privateAddresses: boolean;
  readonly redirects: boolean;
}

const MEMBERS = new Set(['scheme', 'host', 'port', 'pathPrefix', 'methods', 'privateAddresses', 'redirects']);
const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const METHOD = /^[A-Z]{1,32}$/;
/** Methods that change how a connection is used, never what is asked of a server. */
const NEVER: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);
/** A server may take these for separators that the prefix was not compared with. */
const HIDDEN_SEPARATOR = /%2f|%5c|\\|%00/i;

/** Reads one rule; tells every problem with its path below the rule. */
export function parseHttpRule(
  value: unknown,
  fail: (path: string, message: string) => undefined,
): HttpRule | undefined {
  if (!isJsonObject(value)) return fail('', 'must be an object');
  for (const name of Object.keys(value)) if (!MEMBERS.has(name)) return fail('', `has the unknown member ${name}`);
  const { scheme = 'https', host, pathPrefix = '/', methods = ['GET'] } = value;
  const { privateAddresses = false, redirects = false } = value;
  if (scheme !== 'https' && scheme !== 'http') return fail('/scheme', 'must be https or http');
  if (typeof host !== 'string' || !isHost(host)) {
    return fail('/host', 'must be a host name in lower case, an address, or *. before a suffix of two labels or more');
  }
  const { port = scheme === 'https' ? 443 : 80 } = value;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    return fail('/port', 'must be an integer from 1 to 65535');
  }
  if (typeof pathPrefix !== 'string' || !pathPrefix.startsWith('/') || /[?#%\s\\]|\/\.\.?(\/|$)/.test(pathPrefix)) {
    return fail('/pathPrefix', 'must begin with / and hold no query, escapes or dot segments');
  }
  const isMethods = Array.isArray(methods) && methods.length > 0 && methods.every(isMethod);
  if (!isMethods) return fail('/methods', 'must list methods in upper case, without CONNECT and TRACE');
  if (typeof privateAddresses !== 'boolean') return fail('/privateAddresses', 'must be true or false');
  if (typeof redirects !== 'boolean') return fail('/redirects', 'must be true or false');
  return { scheme, host, port, pathPrefix, methods: methods as string[], privateAddresses, redirects };
}

/** What every list allows of a request; `undefined` when one of them has no rule for it. */
export function httpGrant(lists: readonly (readonly HttpRule[])[], url: URL, method: string): HttpGrant | undefined {
  if (!isMethod(method)) return undefined;
  let privateAddresses = lists.length > 0;
  let redirects = lists.length > 0;
  for (const list of lists) {
    const rules = list.filter((rule) => matches(rule, url, method));
    if (rules.length === 0) return undefined;
    privateAddresses &&= rules.some((rule) => rule.privateAddresses);
    redirects &&= rules.some((rule) => rule.redirects);
  }
  return { privateAddresses, redirects };
}

function matches(rule: HttpRule, url: URL, method: string): boolean {
  return (
    url.protocol === `${rule.scheme}:` &&
    portOf(url) === rule.port &&
    rule.methods.includes(method) &&
    matchesHost(rule.host, url.hostname) &&
    matchesPath(rule.pathPrefix, url.pathname)
  );
}

function matchesHost(rule: string, hostname: string): boolean {
  // A trailing dot names the same host; addresses in brackets are compared without them.
  const host = hostname.replace(/\.$/, '').replace(/^\[(.*)\]$/, '$1');
  return rule.startsWith('*.') ? host.endsWith(rule.slice(1)) && host.length > rule.length - 1 : host === rule;
}

function matchesPath(prefix: string, path: string): boolean {
  if (prefix === '/') return true;
  if (HIDDEN_SEPARATOR.test(path)) return false;
  const whole = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return path === prefix || path.startsWith(whole);
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function isMethod(method: unknown): method is string {
  return typeof method === 'string' && METHOD.test(method) && !NEVER.has(method);
}

function isHost(host: string): boolean {
  if (host.length > 253 || host.includes('..')) return false;
  if (/^[0-9a-f:.]+$/.test(host) && host.includes(':')) return true;
  return HOST.test(host) && (!host.startsWith('*.') || host.slice(2).includes('.'));
}
