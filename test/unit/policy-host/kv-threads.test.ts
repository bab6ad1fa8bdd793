/** One store, many threads: calls that wait for the owner, and sums that are exact. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { packageFile } from '../../../src/internal/package-files.ts';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import { BlockingCaller, blockingCallPair, CallServer } from '../../../src/policy-host/blocking-calls.ts';
import { race } from './support/race.ts';

describe('increments from slots and workers', () => {
  it('P-69 sum exactly: 8 slots and 4 workers, 2,000 each', async () => {
    expect(await race(8, 4, 2_000)).toEqual({ total: 12 * 2_000, failed: 0 });
  });
});

describe('a call that waits for another thread', () => {
  const SERVER = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.dist + '/policy-host/blocking-calls.js').then(({ CallServer }) => {
      new CallServer(workerData.server, {
        double: (value) => value * 2,
        later: (value) => new Promise((resolve) => setTimeout(() => resolve(value), 20)),
        throws: () => { throw new Error('no'); },
        rejects: () => Promise.reject(new Error('no')),
        odd: () => () => 'a function cannot cross',
        bytes: (bytes) => bytes.map((byte) => byte + 1),
        slow: (value) => { const end = Date.now() + 200; while (Date.now() < end); return value; },
      }, { keepsAlive: true });
      parentPort.postMessage('ready');
    });`;

  async function server(): Promise<{ readonly caller: BlockingCaller; readonly stop: () => Promise<void> }> {
    const { caller, server: end } = blockingCallPair();
    const worker = new Worker(SERVER, {
      eval: true,
      workerData: { dist: packageFile('dist').href, server: end },
      transferList: [end.port],
    });
    await once(worker, 'message');
    const client = new BlockingCaller(caller, { monotonic: () => performance.now() });
    return {
      caller: client,
      stop: async () => {
        client.close();
        await worker.terminate();
      },
    };
  }

  it('gives what the other did, at once or later, and a fault for what went wrong there', async () => {
    const { caller, stop } = await server();
    expect(caller.call('double', [21], 5_000)).toBe(42);
    expect(caller.call('later', ['x'], 5_000)).toBe('x');
    expect(caller.call('bytes', [Uint8Array.of(1, 2)], 5_000)).toEqual(Uint8Array.of(2, 3));
    expect(caller.call('throws', [], 5_000)).toEqual(hostFault('unavailable'));
    expect(caller.call('rejects', [], 5_000)).toEqual(hostFault('unavailable'));
    expect(caller.call('odd', [], 5_000)).toEqual(hostFault('unavailable'));
    expect(caller.call('unknown', [], 5_000)).toEqual(hostFault('denied'));
    expect(caller.call('constructor', [], 5_000)).toEqual(hostFault('denied'));
    expect(caller.call('double', [() => 1], 5_000)).toBe(hostFault('bad-argument'));
    await stop();
  });

  it('ends at its deadline; the late answer is not taken for that of the next call', async () => {
    const { caller, stop } = await server();
    expect(caller.call('slow', ['late'], 20)).toBe(hostFault('deadline'));
    expect(caller.call('double', [4], 5_000)).toBe(8);
    await stop();
  });

  it('ends at its deadline when the other thread is gone', async () => {
    const { caller, stop } = await server();
    await stop();
    expect(caller.call('double', [4], 20)).toBe(hostFault('deadline'));
  });

  it('can be answered by a thread that does not reach its event loop, one message after the other', () => {
    const { caller, server: end } = blockingCallPair();
    const done: number[] = [];
    const serving = new CallServer(end, { add: (value: number) => done.push(value) });
    caller.port.postMessage({ id: 1, name: 'add', args: [5] });
    caller.port.postMessage({ id: 2, name: 'add', args: [6] });
    serving.drain();
    expect(done).toEqual([5, 6]);
    expect(Atomics.load(caller.signal, 0)).toBe(2);
    serving.close();
    caller.port.close();
  });
});
