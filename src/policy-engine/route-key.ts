/** Route keys, `METHOD|path-template|vhost`, and the paths of requests as they are compared with them. */

/** One step of a template: a text, exactly one segment, or everything that is left. */
export type RouteStep = { readonly text: string } | 'one' | 'rest';

export interface RouteKey {
  /** Undefined: every method. */
  readonly method: string | undefined;
  readonly steps: readonly RouteStep[];
  /** A host in lower case, `*.` and a host, or undefined: every host. */
  readonly vhost: string | undefined;
}

const MAX_KEY_CHARS = 2_048;
const METHOD = /^[A-Z]{1,32}$/;
const VHOST = /^(\*\.)?[a-z0-9._:[\]-]{1,255}$/;

/** `fault` says why nothing could ever be found under the key. */
export function parseRouteKey(key: string): RouteKey | { readonly fault: string } {
  if (key.length > MAX_KEY_CHARS) return { fault: `a route key has at most ${MAX_KEY_CHARS} characters` };
  const [method = '', template = '', host = '', ...rest] = key.split('|');
  if (rest.length > 0 || template === '') return { fault: 'a route key is METHOD|path-template|vhost' };
  if (method !== '' && method !== '*' && !METHOD.test(method)) return { fault: 'the method is * or in capitals' };
  const vhost = host.toLowerCase();
  if (vhost !== '' && vhost !== '*' && !VHOST.test(vhost)) return { fault: 'the vhost is *, a host, or *. and a host' };
  if (!template.startsWith('/')) return { fault: 'the path template begins with /' };
  const steps: RouteStep[] = [];
  const parts = template.split('/').filter((part) => part !== '');
  for (const [index, part] of parts.entries()) {
    const step = stepOf(part, index === parts.length - 1);
    if (step === undefined) return { fault: `${part} is no segment: write a text, {param}, * or, at the end, **` };
    steps.push(step);
  }
  return { method: any(method), steps, vhost: any(vhost) };
}

function any(text: string): string | undefined {
  return text === '' || text === '*' ? undefined : text;
}

/** A `*` at the end stands for everything below, as in `/*`; elsewhere for one segment. */
function stepOf(part: string, isLast: boolean): RouteStep | undefined {
  if (part === '**' || part === '*') return isLast ? 'rest' : part === '*' ? 'one' : undefined;
  if (part.startsWith('{') && part.endsWith('}') && part.length > 2) return 'one';
  return /[{}*?#]/.test(part) ? undefined : { text: decoded(part) };
}

/**
 * The segments of a request target, in the way that covers most: whatever a handler may take for the same path (dot
 * segments, doubled slashes, escapes of ordinary letters, a slash at the end) must not slip past the policies of its route.
 */
export function segmentsOf(target: string): readonly string[] {
  const segments: string[] = [];
  for (const raw of pathOf(target).replaceAll('\\', '/').split('/')) {
    const segment = decoded(raw);
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments;
}

/** Without query and fragment, and without the scheme and host that a client may send to a proxy. */
function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  const path = end === -1 ? target : target.slice(0, end);
  const host = path.indexOf('://');
  if (path.startsWith('/') || host === -1) return path;
  const slash = path.indexOf('/', host + 3);
  return slash === -1 ? '/' : path.slice(slash);
}

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The host of a request, in lower case and without its port. */
export function hostOf(authority: string): string {
  const lower = authority.toLowerCase();
  const port = lower.lastIndexOf(':');
  const host = port === -1 || lower.endsWith(']') ? lower : lower.slice(0, port);
  return host.endsWith('.') ? host.slice(0, -1) : host;
}
