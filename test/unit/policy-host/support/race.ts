/** Slots of this thread and workers that count on one key together. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { packageFile } from '../../../../src/internal/package-files.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { blockingCallPair } from '../../../../src/policy-host/blocking-calls.ts';
import { spaceId } from '../../../../src/policy-host/kv/kv-store.ts';
import { MemoryKv } from '../../../../src/policy-host/kv/memory-kv.ts';
import { serveKv } from '../../../../src/policy-host/kv/serve-kv.ts';
import { instanceOf } from '../../policy/guest/support/guest-rig.ts';
import { callOf, freshInput, hostOf, OWNER, StillTime } from './host-rig.ts';
import { guestOf } from './wat-guests.ts';

const WORKER = new URL('./kv-worker.mjs', import.meta.url);

/** A module that adds one to `k` in the namespace `n`, and answers -1 when it was refused. */
const counting = guestOf(
  ['kv_incr', 'error'],
  `(drop (call $kv_incr (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 1) (f64.const 1) (i32.const 0) (i32.const 0)))
   (if (result i32) (call $error) (then (i32.const -1)) (else (i32.const 0)))`,
  { data: 'nk' },
);

/** What the counter says after `slots` and `workers` have added one to it `times` times each. */
export async function race(
  slots: number,
  workers: number,
  times: number,
): Promise<{ readonly total: number; readonly failed: number }> {
  const kv = new MemoryKv(new StillTime());
  const host = hostOf({ kv: { namespaces: ['n'] } }, { kv });
  const space = { id: spaceId(OWNER.tenant, OWNER.policy, '', 'n'), maxBytes: 4_194_304 };
  let failed = 0;

  const threads = Array.from({ length: workers }, () => {
    const { caller, server } = blockingCallPair();
    const serving = serveKv(server, kv);
    const dist = packageFile('dist').href;
    const worker = new Worker(WORKER, {
      workerData: { dist, end: caller, space, key: 'k', times },
      transferList: [caller.port],
    });
    const done = once(worker, 'message').then(async ([message]) => {
      failed += (message as { failed: number }).failed;
      serving.close();
      await worker.terminate();
    });
    return done;
  });

  const instances = await Promise.all(
    Array.from({ length: slots }, () => instanceOf(counting, {}, { granted: ['kv'], host })),
  );
  const input = freshInput();
  for (let i = 0; i < times; i++) {
    for (const instance of instances) {
      const outcome = instance.call(Phase.requestHeaders, input);
      if (outcome instanceof Promise || outcome.kind === 'failure') failed++;
    }
    // Workers get their turn: this thread owns the store.
    if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(threads);
  await Promise.all(instances.map((instance) => instance.destroy()));
  const total = Number(Buffer.from((host.kvGet(callOf(), 'n', 'k') as { value: Uint8Array }).value).toString());
  return { total, failed };
}
