/** Guest modules from text: the fixtures beside, assembled, and binaries that no assembler would write. */

import { readFileSync } from 'node:fs';
import wabt from 'wabt';

const tools = await wabt();

/** The bytes of fixtures/`name`.wat. */
export function assemble(name: string): Uint8Array<ArrayBuffer> {
  return assembleFile(new URL(`../fixtures/${name}.wat`, import.meta.url));
}

/** The bytes of any file of text. */
export function assembleFile(url: URL): Uint8Array<ArrayBuffer> {
  return assembleText(url.pathname, readFileSync(url, 'utf8'));
}

/** The bytes of a module given as text. */
export function assembleText(name: string, source: string): Uint8Array<ArrayBuffer> {
  const parsed = tools.parseWat(name, source, { threads: true, mutable_globals: true });
  try {
    return Uint8Array.from(parsed.toBinary({}).buffer);
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
