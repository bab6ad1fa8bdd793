/** A parsed module as data: what it declares, and where its code is. */

import type { Section } from './sections.ts';
import type { FunctionType, Global, Memory, Table } from './types.ts';

export const EXTERNAL_KINDS = ['function', 'table', 'memory', 'global'] as const;
export type ExternalKind = (typeof EXTERNAL_KINDS)[number];

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of a function; undefined when its type does not exist. */
  readonly type: FunctionType | undefined;
}

export interface ModuleExport {
  readonly kind: ExternalKind;
  readonly index: number;
}

/** Where a function's locals and instructions are. */
export interface Body {
  readonly start: number;
  readonly end: number;
}

export interface ParsedModule {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  readonly types: readonly FunctionType[];
  readonly imports: readonly ModuleImport[];
  /** The index of each function's type; imported functions come first, in this list as in every index of theirs. */
  readonly functions: readonly number[];
  readonly importedFunctions: number;
  readonly tables: readonly Table[];
  /** At most one, defined or imported. */
  readonly memory: Memory | undefined;
  readonly globals: readonly Global[];
  readonly exports: ReadonlyMap<string, ModuleExport>;
  readonly start: number | undefined;
  readonly elementSegments: number;
  readonly dataSegments: number;
  /** One for each function that is not imported. */
  readonly bodies: readonly Body[];
  /** Functions that tables and globals are filled with. */
  readonly references: ReadonlySet<number>;
}

/** What the sections fill while they are read. */
export interface Draft {
  types: FunctionType[];
  imports: ModuleImport[];
  functions: number[];
  importedFunctions: number;
  tables: Table[];
  memories: Memory[];
  globals: Global[];
  exports: Map<string, ModuleExport>;
  start: number | undefined;
  elementSegments: number;
  dataSegments: number;
  dataCount: number | undefined;
  bodies: Body[];
  references: Set<number>;
}
