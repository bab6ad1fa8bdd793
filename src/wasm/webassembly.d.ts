/** The part of the WebAssembly JavaScript interface Edict uses; Node's types leave it to the DOM library, which we are not in. */

declare namespace WebAssembly {
  type ImportValue = ((...args: never[]) => unknown) | Memory | Global;
  type ModuleImports = Record<string, ImportValue>;
  type Imports = Record<string, ModuleImports>;
  type Exports = Record<string, unknown>;

  class Module {
    constructor(bytes: Uint8Array);
  }

  class Memory {
    constructor(limits: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }

  class Global {
    constructor(type: { value: 'i32'; mutable: boolean }, value: number);
    value: number;
  }

  class Table {
    constructor(type: { element: 'anyfunc'; initial: number });
    readonly length: number;
    get(index: number): unknown;
    /** Takes functions that an instance exported. */
    set(index: number, value: unknown): void;
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  class RuntimeError extends Error {}

  class CompileError extends Error {}

  function validate(bytes: Uint8Array): boolean;

  function compile(bytes: Uint8Array): Promise<Module>;
}
