/** Where the native core may judge, and why not where it may not. */

import { type GoProgram, goProgram } from '../../setup/go-program.ts';

/**
 * The built core, or why it cannot be asked here. On other processors Go itself answers otherwise: numbers out of range become other
 * integers, and multiplications are fused with additions (spec/flags.md §11.4).
 */
export function nativeProgram(): GoProgram {
  if (process.arch === 'x64') return goProgram('go-core');
  return { reason: `on ${process.arch} Go converts numbers otherwise than on x64, which Edict follows` };
}
