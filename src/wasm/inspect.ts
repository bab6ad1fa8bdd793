/** What a policy's host needs to know of a module it is about to run: names and limits, without where they are. */

import type { ExternalKind, ParsedModule } from './binary/model.ts';
import { parseModule } from './binary/parse-module.ts';

export interface ModuleFacts {
  /** `module.name` of each import, with its kind behind unless it is a function. */
  readonly imports: readonly string[];
  readonly exports: ReadonlyMap<string, ExternalKind>;
  /** Limits of its memory, in pages of 64 KiB; undefined when it has none. */
  readonly memory:
    | { readonly minimum: number; readonly maximum: number | undefined; readonly shared: boolean }
    | undefined;
  readonly hasStart: boolean;
}

/** Throws `MODULE_REJECTED` when the bytes are no module. */
export function inspectModule(bytes: Uint8Array): ModuleFacts {
  return factsOf(parseModule(bytes));
}

export function factsOf({ imports, exports, memory, start }: ParsedModule): ModuleFacts {
  return {
    imports: imports.map(({ module, name, kind }) => `${module}.${name}${kind === 'function' ? '' : ` (${kind})`}`),
    exports: new Map([...exports].map(([name, { kind }]) => [name, kind])),
    memory: memory && { minimum: memory.minimum, maximum: memory.maximum, shared: memory.shared },
    hasStart: start !== undefined,
  };
}
