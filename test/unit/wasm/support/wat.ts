/** Guest modules from text: the fixtures beside, assembled, and binaries that no assembler would write. */

import { readFileSync } from 'node:fs';
import wabt from 'wabt';

const tools = await wabt();

/** Everything the assembler can write, so that refusals can be tested too. */
const FEATURES = {
  threads: true,
  mutable_globals: true,
  exceptions: true,
  tail_call: true,
  memory64: true,
  extended_const: true,
  relaxed_simd: true,
  simd: true,
  bulk_memory: true,
  reference_types: true,
  multi_value: true,
  sat_float_to_int: true,
  sign_extension: true,
};

/** The bytes of fixtures/`name`.wat. */
export function assemble(name: string): Uint8Array<ArrayBuffer> {
  return assembleFile(new URL(`../fixtures/${name}.wat`, import.meta.url));
}

/** The bytes of any file of text. */
export function assembleFile(url: URL): Uint8Array<ArrayBuffer> {
  return assembleText(readFileSync(url, 'utf8'), false);
}

/** The bytes of a module written as text; `withNames` keeps the names of its functions. */
export function assembleText(source: string, withNames = true): Uint8Array<ArrayBuffer> {
  const parsed = tools.parseWat('module.wat', source, FEATURES);
  try {
    return Uint8Array.from(parsed.toBinary({ write_debug_names: withNames }).buffer);
  } finally {
    parsed.destroy();
  }
}

/** fixtures/`name`.wat, compiled without any check. */
export function compileFixture(name: string): WebAssembly.Module {
  return new WebAssembly.Module(assemble(name));
}

/** A binary of nothing but the given sections, each an id and its content. */
export function binary(...sections: readonly (readonly [id: number, ...content: number[]])[]): Uint8Array<ArrayBuffer> {
  const bytes = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  for (const [id, ...content] of sections) bytes.push(id, content.length, ...content);
  return Uint8Array.from(bytes);
}
