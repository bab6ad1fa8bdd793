/** A guest that grows in every call, watched through the host's memory module. */

import { expect } from 'vitest';
import { GuestMemory } from '../../../../src/wasm/memory.ts';
import { compileFixture } from './wat.ts';

/** Reads and writes around each of `calls` growths; answers the bytes of memory at the end. */
export function growInEveryCall(calls: number): number {
  const { exports } = new WebAssembly.Instance(compileFixture('growing'));
  const { grow, touch } = exports as unknown as { grow(): number; touch(): void };
  const memory = new GuestMemory(exports['memory'] as WebAssembly.Memory);
  const word = new Int32Array(1);
  for (let call = 1; call <= calls; call++) {
    const address = grow();
    memory.readWords(address, word);
    if (word[0] !== call) expect.fail(`call ${call}: read ${word[0]}`);
    if (call % 16 === 0) touch();
    memory.write(address + 4, Uint8Array.of(call & 0xff));
    if (call % 16 === 8) touch();
    if (memory.read(address + 4, 1, 1)[0] !== (call & 0xff)) expect.fail(`call ${call}: the byte was lost`);
  }
  return memory.byteLength;
}
