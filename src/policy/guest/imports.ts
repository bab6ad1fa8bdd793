/** Which functions a policy module may import: by capability, by name, nothing else; and what it must export. */

import type { FunctionType, ValueType } from '../../wasm/binary/types.ts';
import { GUEST_WASI_FUNCTIONS } from '../../wasm/guest-wasi.ts';
import { WASI_MODULE } from '../../wasm/wasi.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';

export const HOST_MODULE = 'edict';

/** What the bytes of a module say of it; whoever verified them knows. */
export interface GuestFacts {
  /** `module.name` of each import; of anything but a function something that is no such name. */
  readonly imports: readonly string[];
  readonly exports: ReadonlyMap<string, 'function' | 'table' | 'memory' | 'global'>;
  /** In pages of 64 KiB. */
  readonly memory: { readonly maximum: number | undefined } | undefined;
}

/** The functions of each capability of a manifest. `error` needs none: it only tells of the others. */
export const CAPABILITY_FUNCTIONS = {
  log: ['log'],
  clock: ['now_ms', 'monotonic_ms'],
  random: ['random'],
  flags: ['flag'],
  metadata: ['meta_get', 'meta_set', 'meta_delete'],
  kv: ['kv_get', 'kv_set', 'kv_delete', 'kv_incr', 'kv_cas'],
  crypto: ['hash', 'hmac', 'verify', 'sign', 'equal'],
  http: ['http_start', 'http_call'],
  metrics: ['counter_add', 'histogram_record'],
  resources: ['resource_get'],
} as const;

/** What a manifest can grant. */
export type Capability = keyof typeof CAPABILITY_FUNCTIONS;

/** The name of a function of {@link HOST_MODULE}. */
export type HostFunctionName = (typeof CAPABILITY_FUNCTIONS)[Capability][number] | 'error';

const takes =
  (...results: ValueType[]) =>
  (...params: ValueType[]): FunctionType => ({ params, results });
const int = takes('i32');
const double = takes('f64');
const nothing = takes();
const ints = (count: number): ValueType[] => new Array<ValueType>(count).fill('i32');

/** The type each function has for a module that imports it. */
const HOST_TYPES: Readonly<Record<HostFunctionName, FunctionType>> = {
  error: int(),
  log: nothing(...ints(3)),
  now_ms: double(),
  monotonic_ms: double(),
  random: int(...ints(2)),
  flag: int(...ints(9)),
  meta_get: int(...ints(4)),
  meta_set: int(...ints(4)),
  meta_delete: int(...ints(2)),
  kv_get: int(...ints(6)),
  kv_set: double(...ints(7)),
  kv_delete: int(...ints(4)),
  kv_incr: double(...ints(4), 'f64', ...ints(2)),
  kv_cas: double(...ints(4), 'f64', ...ints(3)),
  hash: int(...ints(6)),
  hmac: int(...ints(8)),
  verify: int(...ints(8)),
  sign: int(...ints(8)),
  equal: int(...ints(4)),
  http_start: int(...ints(2)),
  http_call: int(...ints(4)),
  counter_add: nothing('i32', 'f64'),
  histogram_record: nothing('i32', 'f64'),
  resource_get: int(...ints(6)),
};

/** What a module with these capabilities may import of {@link HOST_MODULE}, by `module.name`, for verification. */
export function grantedFunctions(granted: Iterable<Capability>): ReadonlyMap<string, FunctionType> {
  const names: HostFunctionName[] = ['error'];
  for (const capability of granted) names.push(...CAPABILITY_FUNCTIONS[capability]);
  return new Map(names.map((name) => [`${HOST_MODULE}.${name}`, HOST_TYPES[name]]));
}

/** Exported functions without which a module is no policy. */
export const REQUIRED_EXPORTS = [
  'edict_abi_version',
  'edict_input',
  'edict_output_ptr',
  'edict_init',
  'edict_modes',
  'edict_call',
  'edict_destroy',
] as const;

/** `abort` is what AssemblyScript calls when a check of its own fails; it only ends the call. */
const ALWAYS: ReadonlySet<string> = new Set([
  `${HOST_MODULE}.error`,
  'env.abort',
  ...GUEST_WASI_FUNCTIONS.map((name) => `${WASI_MODULE}.${name}`),
]);

/**
 * Checks what a module says of itself against the interface and what it was granted, before it is instantiated. Names of
 * everything that is wrong are in the message. `mayBlock`: in a worker, where waiting stops nobody else.
 */
export function moduleFailure(
  facts: GuestFacts,
  granted: Iterable<Capability>,
  mayBlock = false,
): PolicyFailure | undefined {
  const faults = [...importFaults(facts.imports, new Set(granted), mayBlock), ...exportFaults(facts)];
  return faults.length === 0 ? undefined : policyFailure('MODULE_INVALID', faults.join('; '));
}

function importFaults(imports: readonly string[], granted: ReadonlySet<Capability>, mayBlock: boolean): string[] {
  const unknown: string[] = [];
  const refused: string[] = [];
  for (const name of imports) {
    if (ALWAYS.has(name)) continue;
    const capability = capabilityOf(name);
    if (capability === undefined) unknown.push(name);
    else if (!granted.has(capability)) refused.push(`${name} (${capability})`);
  }
  const faults: string[] = [];
  if (!mayBlock && imports.includes(`${HOST_MODULE}.http_call`)) {
    faults.push('it imports edict.http_call, which blocks: it can run only in a worker');
  }
  if (unknown.length > 0) faults.push(`it imports ${unknown.join(', ')}, which the host does not have`);
  if (refused.length > 0) faults.push(`it imports ${refused.join(', ')}, which it was not granted`);
  return faults;
}

function capabilityOf(name: string): Capability | undefined {
  const capabilities = Object.entries(CAPABILITY_FUNCTIONS) as [Capability, readonly string[]][];
  return capabilities.find(([, functions]) => functions.some((one) => `${HOST_MODULE}.${one}` === name))?.[0];
}

function exportFaults({ exports }: GuestFacts): string[] {
  const missing: string[] = REQUIRED_EXPORTS.filter((name) => exports.get(name) !== 'function');
  if (exports.get('memory') !== 'memory') missing.unshift('memory');
  return missing.length === 0 ? [] : [`it does not export ${missing.join(', ')}`];
}
