/** Child processes: run one to its end, with its output shown or collected. */

import { spawn } from 'node:child_process';
import { ROOT } from './paths.mjs';

/**
 * Runs a command in the checkout and gives `{ code, output }`. `show: true` (the default) lets it write to this terminal;
 * `show: false` collects both streams in `output`. A child ended by a signal has code 1.
 *
 * SIGINT and SIGTERM are passed on, and this process ends only after the child has: nothing is left running.
 */
export function run(command, args, { show = true, env = {}, cwd = ROOT, shell = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      shell,
      stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    let stopped;
    const forward = (signal) => {
      stopped = signal;
      child.kill(signal);
    };
    process.on('SIGINT', forward).on('SIGTERM', forward);
    child.on('error', reject);
    child.on('close', (code) => {
      process.off('SIGINT', forward).off('SIGTERM', forward);
      if (stopped !== undefined) process.kill(process.pid, stopped);
      resolve({ code: code ?? 1, output });
    });
  });
}

/** Runs a JavaScript file with this Node. */
export const node = (script, args = [], options = {}) => run(process.execPath, [script, ...args], options);
