/**
 * Which route a request belongs to: a tree of path segments for every vhost, built once for each revision. A search visits a
 * node at most once, so no path is slower than the tree is large.
 */

import { hostOf, parseRouteKey, type RouteKey, type RouteStep, segmentsOf } from './route-key.ts';

interface Node<T> {
  readonly texts: Map<string, Node<T>>;
  one: Node<T> | undefined;
  /** What ends here, and what takes everything below, by method; `*` is every method. */
  readonly ends: Map<string, T>;
  readonly rest: Map<string, T>;
}

const EVERY = '*';

export class RouteTable<T> {
  readonly #hosts = new Map<string, Node<T>>();
  /** `.example.com`, the longest first. */
  readonly #suffixes: [suffix: string, root: Node<T>][] = [];
  readonly #anywhere = emptyNode<T>();
  /** Keys that cannot be found, with the reason. */
  readonly faults = new Map<string, string>();

  constructor(routes: Iterable<readonly [key: string, route: T]>) {
    for (const [key, route] of routes) {
      const parsed = parseRouteKey(key);
      if ('fault' in parsed) this.faults.set(key, parsed.fault);
      else if (!this.#add(parsed, route)) this.faults.set(key, 'another route has the same method, paths and vhost');
    }
    this.#suffixes.sort(([left], [right]) => right.length - left.length);
  }

  /** The most exact vhost goes first, then a text before `{param}` before `*`, then the method before all methods. */
  find(method: string, path: string, authority: string): T | undefined {
    const segments = segmentsOf(path);
    const host = hostOf(authority);
    for (const root of this.#roots(host)) {
      const found =
        search(root, segments, 0, method) ?? (method === 'HEAD' ? search(root, segments, 0, 'GET') : undefined);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  *#roots(host: string): Generator<Node<T>> {
    const exact = this.#hosts.get(host);
    if (exact !== undefined) yield exact;
    for (const [suffix, root] of this.#suffixes) if (host.endsWith(suffix)) yield root;
    yield this.#anywhere;
  }

  /** False where something is already there. */
  #add({ method = EVERY, steps, vhost }: RouteKey, route: T): boolean {
    let node = this.#rootOf(vhost);
    for (const step of steps) {
      if (step === 'rest') return put(node.rest, method, route);
      node = childOf(node, step);
    }
    return put(node.ends, method, route);
  }

  #rootOf(vhost: string | undefined): Node<T> {
    if (vhost === undefined) return this.#anywhere;
    const isSuffix = vhost.startsWith('*.');
    const name = isSuffix ? vhost.slice(1) : hostOf(vhost);
    const known = isSuffix ? this.#suffixes.find(([suffix]) => suffix === name)?.[1] : this.#hosts.get(name);
    if (known !== undefined) return known;
    const root = emptyNode<T>();
    if (isSuffix) this.#suffixes.push([name, root]);
    else this.#hosts.set(name, root);
    return root;
  }
}

function emptyNode<T>(): Node<T> {
  return { texts: new Map(), one: undefined, ends: new Map(), rest: new Map() };
}

function childOf<T>(node: Node<T>, step: Exclude<RouteStep, 'rest'>): Node<T> {
  if (step === 'one') {
    node.one ??= emptyNode();
    return node.one;
  }
  const child = node.texts.get(step.text) ?? emptyNode<T>();
  node.texts.set(step.text, child);
  return child;
}

function put<T>(routes: Map<string, T>, method: string, route: T): boolean {
  if (routes.has(method)) return false;
  routes.set(method, route);
  return true;
}

function search<T>(node: Node<T>, segments: readonly string[], at: number, method: string): T | undefined {
  const segment = segments[at];
  if (segment === undefined) return pick(node.ends, method) ?? pick(node.rest, method);
  const child = node.texts.get(segment);
  const exact = child === undefined ? undefined : search(child, segments, at + 1, method);
  if (exact !== undefined) return exact;
  const any = node.one === undefined ? undefined : search(node.one, segments, at + 1, method);
  return any ?? pick(node.rest, method);
}

function pick<T>(routes: ReadonlyMap<string, T>, method: string): T | undefined {
  return routes.get(method) ?? routes.get(EVERY);
}
