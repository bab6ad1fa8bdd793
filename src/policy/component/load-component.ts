/**
 * From the bytes of a component to something that can be called: its only core module where that does, or else the ES module
 * that jco made of it.
 */

import { EdictError } from '../../errors.ts';
import { parseModule } from '../../wasm/binary/parse-module.ts';
import type { FunctionType, ValueType } from '../../wasm/binary/types.ts';
import { inspectModule } from '../../wasm/inspect.ts';
import { type MeteringOptions, meterModule } from '../../wasm/metering/rewrite.ts';
import { MAX_MODULE_BYTES, type ModuleRules, verifyModule } from '../../wasm/verify-module.ts';
import type { CompiledGuest } from '../guest/core-guest.ts';
import type { Capability } from '../guest/imports.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import { type ComponentParts, readComponent } from './component-binary.ts';
import { coreImports, importFailure, interfaceOf } from './component-imports.ts';
import { GUEST_INTERFACE, type GuestFunction } from './direct-port.ts';
import type { Instantiate } from './transpiled-port.ts';

/** What jco made of a component: built once, when the component is, or added. It is code that this process runs. */
export interface TranspiledComponent {
  readonly instantiate: Instantiate;
  /** By the names it asks for. */
  readonly coreModules: ReadonlyMap<string, Uint8Array>;
}

/** A component that can be opened. */
export type LoadedComponent =
  | { readonly kind: 'direct'; readonly guest: CompiledGuest }
  | {
      readonly kind: 'transpiled';
      readonly instantiate: Instantiate;
      readonly modules: ReadonlyMap<string, WebAssembly.Module>;
    };

export interface LoadComponentOptions {
  readonly granted: Iterable<Capability>;
  /** Fuel written into its core modules; `false` counts nothing, for components that are trusted. */
  readonly metering: MeteringOptions | false;
  /** Of each memory, in pages of 64 KiB. Default 256, or 4,096 where an engine may be inside. */
  readonly maxPages?: number;
  readonly transpiled?: TranspiledComponent;
  /** False takes jco's module also where a direct binding would do. */
  readonly direct?: boolean;
  /** Of a core module that is bound directly. Default 4 MiB. */
  readonly maxBytes?: number;
}

/** Of a module that only hands calls on: some bytes for each function. */
const MAX_ADAPTER_BYTES = 16 * 1024;
const MAX_ENGINE_BYTES = 64 * 1024 * 1024;
const ENGINE_PAGES = 4_096;
const DIRECT_PAGES = 256;

/** `MODULE_INVALID` with everything that is wrong, before anything is compiled. The digest is the caller's to check. */
export function loadComponent(bytes: Uint8Array, options: LoadComponentOptions): LoadedComponent | PolicyFailure {
  const parts = readComponent(bytes);
  if (isPolicyFailure(parts)) return parts;
  const refused = importFailure(parts.imports, new Set(options.granted));
  if (refused !== undefined) return refused;
  const policy = options.direct === false ? 'a direct binding is not wanted' : policyModule(parts);
  if (typeof policy !== 'string') return loadDirect(policy, parts.imports, options);
  if (options.transpiled !== undefined) return loadTranspiled(parts.modules, options.transpiled, options);
  const why = parts.needsGlue === '' ? policy : parts.needsGlue;
  return policyFailure('MODULE_INVALID', `it needs the module that jco makes of it (${why})`);
}

/**
 * The core module with the policy in it, or why there is none that can be bound directly. Beside one whose host functions
 * pass texts or bytes, tools put two that only hand calls on; a direct binding gives the policy what they would.
 */
function policyModule({ modules, needsGlue }: ComponentParts): Uint8Array | string {
  if (needsGlue !== '') return needsGlue;
  const [first, ...others] = [...modules].sort((a, b) => b.length - a.length);
  if (first !== undefined && others.length === 0) return first;
  const many = `it has ${modules.length} core modules`;
  if (first === undefined || others.length > 2 || others.some(({ length }) => length > MAX_ADAPTER_BYTES)) return many;
  try {
    const handsOn = others.map(parseModule).every(({ memory, dataSegments }) => !memory && dataSegments === 0);
    const stands = parseModule(first).imports.every(({ module }) => interfaceOf(module) !== undefined);
    return handsOn && stands ? first : many;
  } catch {
    return many;
  }
}

function loadDirect(
  bytes: Uint8Array,
  imports: readonly string[],
  options: LoadComponentOptions,
): LoadedComponent | PolicyFailure {
  const { granted, metering, maxBytes = MAX_MODULE_BYTES, maxPages = DIRECT_PAGES } = options;
  return refusedAs(() => {
    const parsed = verifyModule(
      bytes,
      { ...DIRECT_RULES, imports: coreImports(imports, granted), maxBytes, maxPages },
      false,
    );
    const limited = meterModule(parsed, limitsOf(metering, maxPages)).bytes;
    return { kind: 'direct', guest: { module: new WebAssembly.Module(limited), facts: inspectModule(limited) } };
  });
}

/** Maxima are written into every module, whether its instructions are counted or not. */
function limitsOf(metering: MeteringOptions | false, maxPages: number): MeteringOptions {
  return { maxBytes: MAX_ENGINE_BYTES, ...(metering === false ? { fuel: false } : metering), maxPages };
}

/**
 * Each core module of the component must be there as it is, so that nobody can put other code in its place. There may be more:
 * adapters that jco writes where components call each other.
 */
function loadTranspiled(
  contained: readonly Uint8Array[],
  { instantiate, coreModules }: TranspiledComponent,
  { metering, maxPages = ENGINE_PAGES }: LoadComponentOptions,
): LoadedComponent | PolicyFailure {
  return refusedAs(() => {
    const all = [...coreModules.values()];
    const missing = contained.filter((one) => !all.some((bytes) => Buffer.compare(one, bytes) === 0)).length;
    if (missing > 0) {
      const what = `${missing} of the ${contained.length} core modules of the component`;
      return policyFailure('MODULE_INVALID', `what jco made of it lacks ${what}`);
    }
    const modules = new Map<string, WebAssembly.Module>();
    for (const [name, bytes] of coreModules) {
      const limited = meterModule(parseModule(bytes), limitsOf(metering, maxPages)).bytes;
      modules.set(name, new WebAssembly.Module(limited));
    }
    return { kind: 'transpiled', instantiate, modules };
  });
}

function refusedAs(load: () => LoadedComponent | PolicyFailure): LoadedComponent | PolicyFailure {
  try {
    return load();
  } catch (caught) {
    if (caught instanceof EdictError) return policyFailure('MODULE_INVALID', caught.text);
    if (caught instanceof WebAssembly.CompileError) {
      return policyFailure('MODULE_INVALID', `it does not compile: ${caught.message}`);
    }
    return policyFailure('INTERNAL', `the component could not be loaded: ${(caught as Error).message}`);
  }
}

const takes =
  (...params: ValueType[]) =>
  (...results: ValueType[]): FunctionType => ({ params, results });
const pointer = takes('i32')('i32');
const nothing = takes('i32')();
const query = takes('i32', 'i32', 'i32', 'i32', 'i64')('i32');

/** How the canonical ABI flattens the functions of the world. */
const FUNCTIONS: Readonly<Record<GuestFunction, FunctionType>> = {
  plan: pointer,
  init: pointer,
  destroy: nothing,
  'on-request-headers': pointer,
  'on-request-body': pointer,
  'on-response-headers': pointer,
  'on-response-body': pointer,
  'needs-more-request-data': query,
  'needs-more-response-data': query,
  'on-request-chunk': pointer,
  'on-response-chunk': pointer,
  'on-stream-end': takes('i32', 'i32', 'i32')(),
  'export-state': pointer,
  'import-state': takes('i32', 'i32', 'i32')('i32'),
};

const names = Object.keys(FUNCTIONS) as GuestFunction[];

const DIRECT_RULES: Omit<ModuleRules, 'imports'> = {
  exports: new Map<string, FunctionType | 'memory'>([
    ['memory', 'memory'],
    ['cabi_realloc', takes('i32', 'i32', 'i32', 'i32')('i32')],
    ...names.map((name): [string, FunctionType] => [`${GUEST_INTERFACE}#${name}`, FUNCTIONS[name]]),
  ]),
  optionalExports: new Map([
    ['_initialize', takes()()],
    // It is given what the function answered.
    ...names.map((name): [string, FunctionType] => {
      const { results } = FUNCTIONS[name];
      return [`cabi_post_${GUEST_INTERFACE}#${name}`, takes(...results)()];
    }),
  ]),
  maxPages: DIRECT_PAGES,
  injectsMaximum: true,
};
