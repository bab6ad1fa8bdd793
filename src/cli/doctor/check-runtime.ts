/** Checks what Edict runs on: versions, and what the runtime's WebAssembly can do. */

import { VERSION } from '../../relay/user-agent.ts';
import type { Check } from './check.ts';

/** The lowest version of Node, as in package.json (a test keeps them equal). */
export const LOWEST_NODE = '20.19.0';

/** A function that needs 128-bit SIMD: `i8x16.splat (i32.const 0)`. The kernel hashes with it. */
const SIMD_MODULE = [
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00,
  0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b,
];

export function checkRuntime(): Check[] {
  const { node, v8 } = process.versions;
  const isNewEnough = compareVersions(node, LOWEST_NODE) >= 0;
  const hasSimd = compiles(SIMD_MODULE);
  return [
    { name: 'edict', status: 'ok', detail: VERSION, facts: { version: VERSION } },
    {
      name: 'node',
      status: isNewEnough ? 'ok' : 'bad',
      detail: `${node} (V8 ${v8}, ${process.platform} ${process.arch})`,
      ...(isNewEnough ? {} : { remedy: `Edict needs Node ${LOWEST_NODE} or newer` }),
      facts: { version: node, v8, platform: process.platform, arch: process.arch },
    },
    {
      name: 'WebAssembly SIMD',
      status: hasSimd ? 'ok' : 'bad',
      detail: hasSimd ? 'available' : 'not available',
      ...(hasSimd
        ? {}
        : { remedy: 'run Node without --no-experimental-wasm-simd, on a processor with SSE4.1 or NEON' }),
      facts: { available: hasSimd },
    },
  ];
}

function compiles(bytes: readonly number[]): boolean {
  try {
    new WebAssembly.Module(Uint8Array.from(bytes));
    return true;
  } catch {
    return false;
  }
}

function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number.parseFloat));
  for (let i = 0; i < 3; i += 1) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
