/** What holds a process in remote mode, and what does not (S-37, D-77). */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScriptedRelay } from '../relay/support/scripted-relay.ts';
import { hashes, value } from './support/remote-bench.ts';

/** Long enough that a process which nothing holds would end before the answer. */
const SLOW_MS = 300;

describe('a process in remote mode', () => {
  it('lives as long as it awaits an evaluation, and then ends by itself, evaluator open or not', async () => {
    const relay = await ScriptedRelay.start();
    onTestFinished(() => relay.close());
    relay.handler = (exchange) => {
      if (exchange.request.method === 'GET') hashes({ flag: 1 })(exchange);
      else setTimeout(() => value({ value: 'slow' })(exchange), SLOW_MS);
    };
    const child = fileURLToPath(new URL('fixtures/remote-child.mjs', import.meta.url));
    // Rejects when the process does not end by itself; the limit is far above what it takes.
    const { stdout } = await promisify(execFile)(process.execPath, [child, relay.url], { timeout: 15_000 });
    expect(JSON.parse(stdout)).toEqual({ value: 'slow' });
  });
});
