/**
 * What one hook costs in each tier: TypeScript, trusted, metered, in a worker, for a request of 12 headers with a body of
 * 1 KiB; and what a new store costs. Every answer is compared with the expected one before anything is measured, and its size again while measuring.
 *
 *   node bench/policies/hook.mjs [--json]
 *
 * A sample is the mean of a batch that lasts well under a millisecond, so that most samples see no other process; printed are
 * the median and the 99th percentile of 2,000 samples.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setHeaders } from '../../dist/policy/catalogue/set-headers.js';
import { InputEncoder } from '../../dist/policy/frame/input-encoder.js';
import { CoreGuest } from '../../dist/policy/guest/core-guest.js';
import { CoreModulePolicy } from '../../dist/policy/guest/core-module-policy.js';
import { GUEST_LIMITS } from '../../dist/policy/guest/limits.js';
import { loadGuest } from '../../dist/policy/guest/load-guest.js';
import { Phase } from '../../dist/policy/model/phases.js';
import { NativePolicy } from '../../dist/policy/native/native-policy.js';
import { PolicyWorkers } from '../../dist/policy-workers/policy-workers.js';
import { WorkerPolicy } from '../../dist/policy-workers/worker-policy.js';
import { inspectModule } from '../../dist/wasm/inspect.js';
import { GuestMemory } from '../../dist/wasm/memory.js';
import { AGENT, BODY, hookInput, INFO } from './input.mjs';

const SAMPLES = 2_000;
const WARM_UP = 50_000;
const TARGET_HOOK_US = 5;
const TARGET_STORE_US = 200;
const TARGET_WORKER_US = 60;

const PREFIX = '[seen] ';
const EVERYTHING = { headers: 'all', body: true };
const PARAMS = {
  requestHeaders: [
    { name: 'x-one', value: 'first' },
    { name: 'x-two', value: 'second' },
    { name: 'cookie', action: 'remove' },
  ],
};

/** The twin of assembly/policies/four-hooks, as far as this file calls it. */
const fourHooks = new NativePolicy('four-hooks', 'v1.0.0', () => ({
  modes: { requestBody: 'buffer' },
  onRequestBody({ request }) {
    const agent = request.headers.first('user-agent');
    const { content } = request.body;
    const body = new Uint8Array(PREFIX.length + content.length);
    body.set(Buffer.from(PREFIX));
    body.set(content, PREFIX.length);
    return { kind: 'request-changes', body, headers: { set: [['x-seen-agent', agent]] } };
  },
}));

const headersAnswer = {
  kind: 'request-changes',
  headers: {
    set: [
      ['x-one', 'first'],
      ['x-two', 'second'],
    ],
    remove: ['cookie'],
  },
};
const bodyAnswer = {
  kind: 'request-changes',
  headers: { set: [['x-seen-agent', AGENT]] },
  body: new Uint8Array(Buffer.from(PREFIX + BODY)),
};

const rows = [
  ['set headers, nothing declared', Phase.requestHeaders, await wasm('set-headers', {}, PARAMS), headersAnswer],
  [
    'set headers, 12 headers declared',
    Phase.requestHeaders,
    await wasm('set-headers', { headers: 'all' }, PARAMS),
    headersAnswer,
  ],
  ['set headers, native', Phase.requestHeaders, await made(setHeaders, PARAMS), headersAnswer],
  [
    'look up a header and prefix 1 KiB, 12 headers and body declared',
    Phase.requestBody,
    await wasm('four-hooks', EVERYTHING, {}),
    bodyAnswer,
  ],
  ['look up a header and prefix 1 KiB, native', Phase.requestBody, await made(fourHooks, {}), bodyAnswer],
  [
    'the same with fuel (T1)',
    Phase.requestBody,
    await made(new CoreModulePolicy({ ...metered('four-hooks'), tier: 'metered' }), {}),
    bodyAnswer,
  ],
].map(([name, phase, instance, expected]) => hookRow(name, phase, instance, expected));
const workers = new PolicyWorkers();
for (const sleeps of [false, true]) {
  const policy = new WorkerPolicy({ ...metered('four-hooks'), workers, sleeps, deadlineMs: 10_000 });
  const name = `the same in a worker (T2), ${sleeps ? 'the caller sleeps' : 'the caller has a promise'}`;
  rows.push(await workerRow(name, Phase.requestBody, await made(policy, {}), bodyAnswer));
}
await workers.close();
rows.push(encodeRow(), storeRow('set-headers', PARAMS));

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ cpu: cpus()[0]?.model, node: process.version, rows }, null, 2));
} else {
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}; microseconds\n`);
  console.log(`${'p50'.padStart(8)}${'p99'.padStart(8)}  what`);
  for (const { name, p50, p99, target } of rows) {
    const verdict = target === undefined ? '' : `  (target ${target}: ${p50 <= target ? 'met' : 'missed'})`;
    console.log(`${p50.toFixed(2).padStart(8)}${p99.toFixed(2).padStart(8)}  ${name}${verdict}`);
  }
}

function load(name) {
  const bytes = readFileSync(new URL(`../../wasm/policies/${name}.wasm`, import.meta.url));
  return { module: new WebAssembly.Module(bytes), facts: inspectModule(bytes) };
}

function wasm(name, inputs, params) {
  const policy = new CoreModulePolicy({
    name,
    version: 'v1.0.0',
    guest: load(name),
    tier: 'trusted',
    inputs,
    granted: [],
    host: {},
  });
  return made(policy, params);
}

/** Options of a policy that is verified and rewritten as one from a feed is. */
function metered(name) {
  const bytes = readFileSync(new URL(`../../wasm/policies/${name}.wasm`, import.meta.url));
  const guest = loadGuest(bytes, { sha256: false, granted: [] });
  assert.equal(guest.kind, undefined, guest.message);
  return { name, version: 'v1.0.0', guest, inputs: EVERYTHING, granted: [], host: {} };
}

/** A sample is one call: what is measured is the way there and back, which no batch makes shorter. */
async function workerRow(name, phase, instance, expected) {
  const input = hookInput();
  assert.deepEqual(await instance.call(phase, input), { kind: 'action', action: expected });
  const samples = [];
  for (let i = 0; i < WARM_UP / 10 + 5 * SAMPLES; i++) {
    const start = process.hrtime.bigint();
    const outcome = await instance.call(phase, input);
    const micros = Number(process.hrtime.bigint() - start) / 1_000;
    if (outcome.kind !== 'action' || outcome.action.headers.set.length !== 1) throw new Error('a wrong answer');
    if (i >= WARM_UP / 10) samples.push(micros);
  }
  samples.sort((a, b) => a - b);
  await instance.destroy();
  const at = (share) => samples[Math.floor(samples.length * share)];
  return { name, p50: at(0.5), p99: at(0.99), target: TARGET_WORKER_US };
}

async function made(policy, params) {
  const instance = await policy.create({ info: INFO, params });
  assert.equal(instance.kind, undefined, instance.message);
  return instance;
}

function hookRow(name, phase, instance, expected) {
  const input = hookInput();
  assert.deepEqual(instance.call(phase, input), { kind: 'action', action: expected });
  const changes = expected.headers.set.length;
  const isNative = name.endsWith('native');
  const row = measured(name, 200, () => {
    const outcome = instance.call(phase, input);
    if (outcome.kind !== 'action' || outcome.action.headers.set.length !== changes) throw new Error('a wrong answer');
  });
  return isNative ? row : { ...row, target: TARGET_HOOK_US };
}

function encodeRow() {
  const memory = new GuestMemory(new WebAssembly.Memory({ initial: 2, maximum: 2 }));
  const encoder = new InputEncoder(EVERYTHING);
  const input = hookInput();
  const length = encoder.encode(memory, () => 4_096, Phase.requestBody, input);
  return measured('of that, writing the input (12 headers, 1 KiB)', 200, () => {
    if (encoder.encode(memory, () => 4_096, Phase.requestBody, input) !== length) throw new Error('a wrong frame');
  });
}

function storeRow(name, params) {
  const guest = load(name);
  const options = { guest, host: {}, granted: new Set(), limits: GUEST_LIMITS };
  const encoder = new InputEncoder({});
  const row = measured(
    'a new store from a compiled module, with init',
    1,
    () => {
      const { handle } = CoreGuest.open(options).init({ info: INFO, params }, encoder);
      if (handle !== 1) throw new Error('no store');
    },
    200,
  );
  return { ...row, target: TARGET_STORE_US };
}

function measured(name, batch, run, warmUp = WARM_UP) {
  for (let i = 0; i < warmUp; i++) run();
  const samples = Array.from({ length: SAMPLES }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < batch; i++) run();
    return Number(process.hrtime.bigint() - start) / batch / 1_000;
  }).sort((a, b) => a - b);
  return { name, p50: samples[SAMPLES >> 1], p99: samples[Math.floor(SAMPLES * 0.99)] };
}
