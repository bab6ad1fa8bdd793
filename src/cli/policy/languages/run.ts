/** Compilers of other people, as child processes. */

import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import type { Compiled } from './language.ts';

/** Rejects with the error of the start, `ENOENT` where there is no such program. */
export function run(command: string, args: readonly string[], cwd?: string): Promise<Compiled> {
  return new Promise((done, reject) => {
    const env = { ...process.env, PATH: compilersPath() };
    const where = cwd === undefined ? {} : { cwd };
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env, ...where });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject).on('close', (code) => done({ code: code ?? 1, output }));
  });
}

/** Without the folders of npm: clang runs any `wasm-opt` that it finds, and one of another age refuses what clang made. */
function compilersPath(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !/[\\/]node_modules[\\/]\.bin$/.test(folder)).join(delimiter);
}

/** What a program says when it is asked; undefined where it is not there, or fails. */
export async function answerOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, output } = await run(command, args);
    return code === 0 ? output.trim() : undefined;
  } catch {
    return undefined;
  }
}
