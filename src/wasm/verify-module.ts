/** The rules for a module before it is compiled: size, hash, imports, exports, memory, start function, counts. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { ModuleExport, ModuleImport, ParsedModule } from './binary/model.ts';
import { parseModule } from './binary/parse-module.ts';
import { moduleRefused } from './binary/refusal.ts';
import { type FunctionType, isSameFunctionType, showFunctionType } from './binary/types.ts';

/** The type a function must have; `function` takes any. */
export type FunctionRule = FunctionType | 'function';

export interface ModuleRules {
  /** Default 4 MiB. */
  readonly maxBytes?: number;
  /** What may be imported, by `module.name`. Nothing else links, memories, tables and globals included. */
  readonly imports: ReadonlyMap<string, FunctionRule>;
  /** What must be exported. */
  readonly exports: ReadonlyMap<string, FunctionRule | 'memory'>;
  /** What may be exported, and of which type it then is. */
  readonly optionalExports?: ReadonlyMap<string, FunctionRule>;
  /** Pages of 64 KiB: the largest declared maximum; with `injectsMaximum`, the largest minimum. */
  readonly maxPages: number;
  /** True when a maximum is written into the module before it is compiled, so that it need not declare one. */
  readonly injectsMaximum?: boolean;
  /** `module.name` under which the memory may be imported instead of defined. */
  readonly importedMemory?: string;
  readonly allowsStart?: boolean;
  /** Imported ones included. Default 20,000. */
  readonly maxFunctions?: number;
  /** Entries that its tables have together at start. Default 65,536. */
  readonly maxTableEntries?: number;
}

/** 4 MiB: ten times a large policy; what is read before anything is known of it stays small. */
export const MAX_MODULE_BYTES = 4 * 1024 * 1024;
export const MAX_FUNCTIONS = 20_000;
export const MAX_TABLES = 16;
export const MAX_TABLE_ENTRIES = 65_536;

/**
 * Checks bytes against rules, cheapest first, and gives what was read of them. `sha256` is lower-case hex; `false` trusts
 * the bytes. Code is not looked at. Throws `MODULE_REJECTED` with every offending name of the first rule that is broken.
 */
export function verifyModule(bytes: Uint8Array, rules: ModuleRules, sha256: string | false): ParsedModule {
  const { maxBytes = MAX_MODULE_BYTES } = rules;
  if (bytes.length > maxBytes) throw moduleRefused(`it has ${bytes.length} bytes, more than ${maxBytes}`);
  if (sha256 !== false) verifyHash(bytes, sha256);
  const module = parseModule(bytes);
  verifyImports(module.imports, rules);
  verifyExports(module, rules);
  verifyMemory(module, rules);
  verifyCounts(module, rules);
  if (module.start !== undefined && rules.allowsStart !== true) throw moduleRefused('it has a start function');
  return module;
}

function verifyHash(bytes: Uint8Array, sha256: string): void {
  const actual = createHash('sha256').update(bytes).digest();
  const expected = Buffer.from(sha256, 'hex');
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    throw moduleRefused(`its sha256 is ${actual.toString('hex')}, not ${sha256}`);
  }
}

function verifyImports(imports: readonly ModuleImport[], rules: ModuleRules): void {
  const refused = imports.flatMap((one) => refusedImport(one, rules) ?? []);
  if (refused.length > 0) throw moduleRefused(`it imports ${refused.join(', ')}; ${whatLinks(rules)}`);
}

/** How a refusal calls an import, or undefined when the import is allowed. */
function refusedImport({ module, name, kind, type }: ModuleImport, rules: ModuleRules): string | undefined {
  const path = `${module}.${name}`;
  if (kind === 'memory' && path === rules.importedMemory) return undefined;
  if (kind !== 'function') return `${path} (${kind})`;
  const rule = rules.imports.get(path);
  if (rule === undefined) return path;
  const problem = typeProblem(type, rule);
  return problem === undefined ? undefined : `${path} as ${problem}`;
}

function whatLinks({ imports }: ModuleRules): string {
  if (imports.size === 0) return 'nothing is linked';
  const modules = new Set([...imports.keys()].map((path) => path.slice(0, path.indexOf('.'))));
  return `only what was granted of ${[...modules].sort().join(', ')} is linked`;
}

/** '(i32) -> () where (i32) -> i32 is asked for', or undefined. */
function typeProblem(type: FunctionType | undefined, rule: FunctionRule): string | undefined {
  if (type === undefined) return 'a function of no type';
  if (rule === 'function' || isSameFunctionType(type, rule)) return undefined;
  return `${showFunctionType(type)} where ${showFunctionType(rule)} is asked for`;
}

function verifyExports(module: ParsedModule, rules: ModuleRules): void {
  const missing: string[] = [];
  const wrong: string[] = [];
  const check = (name: string, rule: FunctionRule | 'memory', exported: ModuleExport | undefined): void => {
    const kind = rule === 'memory' ? 'memory' : 'function';
    if (exported?.kind !== kind) missing.push(name);
    else if (rule !== 'memory') {
      const problem = typeProblem(module.types[module.functions[exported.index]!], rule);
      if (problem !== undefined) wrong.push(`${name} as ${problem}`);
    }
  };
  for (const [name, rule] of rules.exports) check(name, rule, module.exports.get(name));
  for (const [name, rule] of rules.optionalExports ?? []) {
    const exported = module.exports.get(name);
    if (exported !== undefined) check(name, rule, exported);
  }
  if (missing.length > 0) throw moduleRefused(`it does not export ${missing.join(', ')}`);
  if (wrong.length > 0) throw moduleRefused(`it exports ${wrong.join(', ')}`);
}

function verifyMemory({ memory }: ParsedModule, { maxPages, injectsMaximum }: ModuleRules): void {
  if (memory === undefined) throw moduleRefused('it defines no memory');
  if (memory.shared) throw moduleRefused('its memory is shared');
  if (memory.minimum > maxPages)
    throw moduleRefused(`its memory starts with ${memory.minimum} pages, more than ${maxPages} pages`);
  if (injectsMaximum !== true && (memory.maximum === undefined || memory.maximum > maxPages)) {
    throw moduleRefused(`its memory maximum is ${memory.maximum ?? 'not declared'}, more than ${maxPages} pages`);
  }
}

function verifyCounts({ functions, tables }: ParsedModule, rules: ModuleRules): void {
  const { maxFunctions = MAX_FUNCTIONS, maxTableEntries = MAX_TABLE_ENTRIES } = rules;
  if (functions.length > maxFunctions)
    throw moduleRefused(`it has ${functions.length} functions, more than ${maxFunctions}`);
  if (tables.length > MAX_TABLES) throw moduleRefused(`it has ${tables.length} tables, more than ${MAX_TABLES}`);
  const entries = tables.reduce((sum, { minimum }) => sum + minimum, 0);
  if (entries > maxTableEntries)
    throw moduleRefused(`its tables start with ${entries} entries, more than ${maxTableEntries}`);
}
