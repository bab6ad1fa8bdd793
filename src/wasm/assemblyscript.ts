/**
 * The one place that knows `@assemblyscript/loader`. Guests need nothing of it but their exports, so another loader, or none,
 * could stand here.
 */

import { instantiateSync } from '@assemblyscript/loader';

/** Instantiates a verified, compiled module. Throws what the module or its start function throws. */
export function instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports {
  const { instance } = instantiateSync(module, imports as Parameters<typeof instantiateSync>[1]);
  // The loader's own export wrappers count arguments on every call; calls take the instance's.
  return instance.exports as unknown as WebAssembly.Exports;
}
