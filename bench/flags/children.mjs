/** Child processes of the benchmark: forked ones that send messages, and started ones that are timed from outside. */

import { fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const pathOf = (file) => fileURLToPath(new URL(file, import.meta.url));
/** Several SDKs do extra work when this is not set. */
const env = { ...process.env, NODE_ENV: 'production' };

/** A wrong answer, or a child that broke: the run goes on, and ends with exit code 1. */
export class ChildError extends Error {}

/** Runs a module with one JSON argument and gives the messages it sent. */
export function forked(file, argument, { execArgv = [], onMessage = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const messages = [];
    const child = fork(pathOf(file), [JSON.stringify(argument)], { env, execArgv });
    let failure;
    child.on('message', (message) => {
      if (message.error !== undefined) failure = new ChildError(message.error);
      else {
        messages.push(message);
        onMessage(message);
      }
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (failure !== undefined) reject(failure);
      else if (code !== 0) reject(new ChildError(`${file} ended with ${signal ?? `exit code ${code}`}`));
      else resolve(messages);
    });
  });
}

/** The stand-in for the servers; `answerMs()` is how long its last answer took. */
export async function startRelay(paths) {
  const child = fork(pathOf('relay-stub.mjs'), [JSON.stringify(paths)], { env });
  const next = () =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new ChildError('the stand-in relay ended'));
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        resolve(message);
      });
    });
  const { port } = await next();
  return {
    port,
    async answerMs() {
      const reply = next();
      child.send('answerMs');
      return (await reply).answerMs;
    },
    close: () => child.disconnect(),
  };
}

/** Starts a fresh Node process on a script of start/ and times it from here: spawn to the line of its first answer. */
export function timedStart(name, argument) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, [pathOf(`start/${name}.mjs`), JSON.stringify(argument)], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let complaint = '';
    let wholeMs;
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (wholeMs === undefined && output.includes('\n')) wholeMs = performance.now() - started;
    });
    child.stderr.on('data', (chunk) => {
      complaint += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) reject(new ChildError(`start/${name}.mjs ended with exit code ${code}: ${complaint.trim()}`));
      else
        resolve(
          Object.assign(
            { wholeMs },
            ...output
              .trim()
              .split('\n')
              .map((line) => JSON.parse(line)),
          ),
        );
    });
  });
}
