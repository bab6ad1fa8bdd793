/** What a policy may ask of the host: the `capabilities` of a manifest, cut down to what a tenant's list allows. */

import { isJsonObject } from '../internal/json.ts';
import type { Capability } from '../policy/guest/imports.ts';
import { type HttpRule, parseHttpRule } from './http/http-rules.ts';

/** The operations that `crypto` lists. */
export const CRYPTO_OPERATIONS = ['hash', 'hmac', 'verify', 'sign', 'equal'] as const;
export type CryptoOperation = (typeof CRYPTO_OPERATIONS)[number];

/** Bytes of one key-value namespace when neither side says. */
export const DEFAULT_KV_BYTES = 4 * 1_048_576;
const MAX_KV_BYTES = 1_073_741_824;
const MAX_ITEMS = 100;

export interface Capabilities {
  readonly log: boolean;
  /** `fine`: the clocks tell fractions of milliseconds. */
  readonly clock: { readonly fine: boolean } | undefined;
  readonly random: boolean;
  readonly metrics: boolean;
  readonly flags: boolean;
  readonly metadata: boolean;
  readonly resources: boolean;
  /** `namespaces` undefined: all; only a tenant's list can say so. `maxBytes` is for each namespace. */
  readonly kv: { readonly namespaces: readonly string[] | undefined; readonly maxBytes: number } | undefined;
  readonly crypto: readonly CryptoOperation[] | undefined;
  /** A request must match a rule of every list; no list at all allows every public address. */
  readonly http: { readonly allow: readonly (readonly HttpRule[])[] } | undefined;
  /** May touch headers of one connection; no host function, but granted in the same place. */
  readonly hopByHop: boolean;
}

export const NO_CAPABILITIES: Capabilities = Object.freeze({
  log: false,
  clock: undefined,
  random: false,
  metrics: false,
  flags: false,
  metadata: false,
  resources: false,
  kv: undefined,
  crypto: undefined,
  http: undefined,
  hopByHop: false,
});

/** Whose list it is: a manifest must name what it wants, a tenant's list may say `true` for everything of a kind. */
export type CapabilityList = 'manifest' | 'tenant';

/** What is wrong with one place of a list. */
export interface CapabilityProblem {
  /** JSON pointer below `capabilities`. */
  readonly path: string;
  readonly message: string;
}

/** Reads the JSON shape; all problems at once, and nothing is granted when there is one. */
export function parseCapabilities(
  value: unknown,
  list: CapabilityList = 'manifest',
): { readonly capabilities: Capabilities; readonly problems: readonly CapabilityProblem[] } {
  const problems: CapabilityProblem[] = [];
  const fail = (path: string, message: string): undefined => void problems.push({ path, message });
  if (!isJsonObject(value)) {
    fail('', 'must be an object with a member for each capability');
    return { capabilities: NO_CAPABILITIES, problems };
  }
  const known = new Set(Object.keys(NO_CAPABILITIES));
  for (const name of Object.keys(value)) {
    if (!known.has(name)) fail(`/${pointer(name)}`, 'is no capability');
  }
  const member = (name: string): unknown => (Object.hasOwn(value, name) ? value[name] : undefined);
  const flag = (name: string): boolean => {
    const given = member(name) ?? false;
    if (typeof given !== 'boolean') fail(`/${name}`, 'must be true or false');
    return given === true;
  };
  const capabilities: Capabilities = {
    log: flag('log'),
    clock: parseClock(member('clock'), fail),
    random: flag('random'),
    metrics: flag('metrics'),
    flags: flag('flags'),
    metadata: flag('metadata'),
    resources: flag('resources'),
    kv: parseKv(member('kv'), list, fail),
    crypto: parseCrypto(member('crypto'), list, fail),
    http: parseHttp(member('http'), list, fail),
    hopByHop: flag('hopByHop'),
  };
  return { capabilities: problems.length === 0 ? capabilities : NO_CAPABILITIES, problems };
}

/** What both sides agree on. */
export function intersectCapabilities(wanted: Capabilities, allowed: Capabilities): Capabilities {
  return {
    log: wanted.log && allowed.log,
    clock: wanted.clock && allowed.clock && { fine: wanted.clock.fine && allowed.clock.fine },
    random: wanted.random && allowed.random,
    metrics: wanted.metrics && allowed.metrics,
    flags: wanted.flags && allowed.flags,
    metadata: wanted.metadata && allowed.metadata,
    resources: wanted.resources && allowed.resources,
    kv: wanted.kv && allowed.kv && intersectKv(wanted.kv, allowed.kv),
    crypto: wanted.crypto && allowed.crypto && wanted.crypto.filter((one) => allowed.crypto?.includes(one)),
    http: wanted.http && allowed.http && intersectHttp(wanted.http, allowed.http),
    hopByHop: wanted.hopByHop && allowed.hopByHop,
  };
}

/** The capabilities by name, as imports of a module are checked against them. */
export function grantedCapabilities(capabilities: Capabilities): ReadonlySet<Capability> {
  const granted = new Set<Capability>();
  for (const [name, given] of Object.entries(capabilities)) {
    if (name !== 'hopByHop' && given !== false && given !== undefined) granted.add(name as Capability);
  }
  return granted;
}

type Fail = (path: string, message: string) => undefined;

function parseClock(value: unknown, fail: Fail): Capabilities['clock'] {
  if (value === undefined || value === false) return undefined;
  if (value === true) return { fine: false };
  if (isJsonObject(value) && Object.keys(value).every((key) => key === 'fine')) {
    const { fine = false } = value;
    if (typeof fine === 'boolean') return { fine };
  }
  return fail('/clock', 'must be true, false or {"fine": true}');
}

function parseKv(value: unknown, list: CapabilityList, fail: Fail): Capabilities['kv'] {
  if (value === undefined || value === false) return undefined;
  if (value === true && list === 'tenant') return { namespaces: undefined, maxBytes: MAX_KV_BYTES };
  if (!isJsonObject(value)) return fail('/kv', 'must be an object with namespaces');
  const { namespaces, maxBytes = list === 'tenant' ? MAX_KV_BYTES : DEFAULT_KV_BYTES, ...others } = value;
  for (const name of Object.keys(others)) fail(`/kv/${pointer(name)}`, 'is not known');
  if (!isStrings(namespaces) || namespaces.some((name) => !/^[A-Za-z0-9._:-]{1,64}$/.test(name))) {
    return fail('/kv/namespaces', 'must list names of up to 64 letters, digits and . _ : -');
  }
  if (typeof maxBytes !== 'number' || !Number.isInteger(maxBytes) || maxBytes < 1_024 || maxBytes > MAX_KV_BYTES) {
    return fail('/kv/maxBytes', `must be an integer from 1024 to ${MAX_KV_BYTES}`);
  }
  return { namespaces, maxBytes };
}

function parseCrypto(value: unknown, list: CapabilityList, fail: Fail): Capabilities['crypto'] {
  if (value === undefined || value === false) return undefined;
  if (value === true && list === 'tenant') return CRYPTO_OPERATIONS;
  if (!isStrings(value) || value.some((one) => !(CRYPTO_OPERATIONS as readonly string[]).includes(one))) {
    return fail('/crypto', `must list operations of ${CRYPTO_OPERATIONS.join(', ')}`);
  }
  return value as CryptoOperation[];
}

function parseHttp(value: unknown, list: CapabilityList, fail: Fail): Capabilities['http'] {
  if (value === undefined || value === false) return undefined;
  if (value === true && list === 'tenant') return { allow: [] };
  if (!isJsonObject(value) || Object.keys(value).some((key) => key !== 'allow')) {
    return fail('/http', 'must be an object with the list allow');
  }
  const { allow } = value;
  if (!Array.isArray(allow) || allow.length === 0 || allow.length > MAX_ITEMS) {
    return fail('/http/allow', `must list 1 to ${MAX_ITEMS} rules`);
  }
  const rules: HttpRule[] = [];
  for (const [index, item] of allow.entries()) {
    const rule = parseHttpRule(item, (path, message) => fail(`/http/allow/${index}${path}`, message));
    if (rule !== undefined) rules.push(rule);
  }
  return { allow: [rules] };
}

function intersectKv(
  wanted: NonNullable<Capabilities['kv']>,
  allowed: NonNullable<Capabilities['kv']>,
): NonNullable<Capabilities['kv']> {
  const namespaces =
    wanted.namespaces === undefined
      ? allowed.namespaces
      : wanted.namespaces.filter((name) => allowed.namespaces?.includes(name) ?? true);
  return { namespaces, maxBytes: Math.min(wanted.maxBytes, allowed.maxBytes) };
}

/** A tenant that allows every address has not said that private ones are among them. */
function intersectHttp(
  wanted: NonNullable<Capabilities['http']>,
  allowed: NonNullable<Capabilities['http']>,
): NonNullable<Capabilities['http']> {
  if (allowed.allow.length > 0) return { allow: [...wanted.allow, ...allowed.allow] };
  const restricted = (rule: HttpRule): HttpRule => ({ ...rule, privateAddresses: false, redirects: false });
  return { allow: wanted.allow.map((list) => list.map(restricted)) };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MAX_ITEMS && value.every((item) => typeof item === 'string');
}

function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 64);
}
