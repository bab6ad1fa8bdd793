/** A thread that does what it is told to a store of another one. Runs from dist/, because workers read no TypeScript. */

import { parentPort, workerData } from 'node:worker_threads';

const { dist, end, space, key, times } = workerData;
const { BlockingKv } = await import(`${dist}/policy-host/kv/serve-kv.js`);
const kv = new BlockingKv(end, { clock: { monotonic: () => performance.now() }, timeoutMs: 10_000 });

let last;
let failed = 0;
for (let i = 0; i < times; i++) {
  last = kv.increment(space, key, 1, 0, false);
  if (typeof last !== 'number') failed++;
}
parentPort.postMessage({ last, failed });
