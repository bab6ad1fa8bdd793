/**
 * What the same hook costs in each language and through each binding: look up a header and put a prefix before a body of 1 KiB,
 * twelve headers and the body declared. Every answer is compared with the expected one before anything is measured. Examples
 * that are not built here are named as such (`node tools/components/build.mjs` builds them).
 *
 *   node scripts/build.mjs && node bench/policies/components.mjs
 *
 * Printed are the median and the 99th percentile of batches, what a new instance costs in a new store, and its memory.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ComponentPolicy } from '../../dist/policy/component/component-policy.js';
import { loadComponent } from '../../dist/policy/component/load-component.js';
import { CoreModulePolicy } from '../../dist/policy/guest/core-module-policy.js';
import { loadGuest } from '../../dist/policy/guest/load-guest.js';
import { Phase } from '../../dist/policy/model/phases.js';
import { NativePolicy } from '../../dist/policy/native/native-policy.js';
import { example } from '../../tools/components/examples.mjs';
import { AGENT, BODY, hookInput, INFO } from './input.mjs';

const PREFIX = '[seen] ';
const MAX_MODULE = 64 * 1024 * 1024;
const SAMPLES = 300;
/** Time for one row, in milliseconds. */
const ROW_MS = 1_500;

const inputs = { headers: 'all', body: true };
const common = { version: 'v1.0.0', inputs, host: {} };
const input = hookInput();
const expected = {
  kind: 'action',
  action: {
    kind: 'request-changes',
    headers: { set: [['x-seen-agent', AGENT]] },
    body: new Uint8Array(Buffer.from(PREFIX + BODY)),
  },
};

const native = new NativePolicy('native', 'v1.0.0', () => ({
  modes: { requestBody: 'buffer' },
  onRequestBody({ request }) {
    const { content } = request.body;
    const body = new Uint8Array(PREFIX.length + content.length);
    body.set(Buffer.from(PREFIX));
    body.set(content, PREFIX.length);
    return { kind: 'request-changes', headers: { set: [['x-seen-agent', request.headers.first('user-agent')]] }, body };
  },
}));

console.log(
  `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}; microseconds, instances in milliseconds\n`,
);
console.log('       p50       p99   instance     memory  what');
await row('TypeScript, native', native);
await row(
  'AssemblyScript, core module, metered',
  core(new URL('../../wasm/policies/four-hooks.wasm', import.meta.url)),
);
await row('C, core module, metered', core(new URL('../../examples/policies/c/four-hooks.wasm', import.meta.url)));
await component('rust', 'Rust, component, direct, metered', { metering: {} });
await component('rust', 'Rust, component, through jco, metered', { metering: {}, direct: false });
await component('js', 'JavaScript (StarlingMonkey), direct', { metering: false });
await component('js', 'JavaScript (StarlingMonkey), through jco', { metering: false, direct: false });
await component('python', 'Python, through jco', { metering: false });

function core(url) {
  const guest = loadGuest(readFileSync(url), { sha256: false, granted: [] });
  return new CoreModulePolicy({ ...common, name: 'core', guest, tier: 'metered', granted: [] });
}

async function component(name, what, options) {
  const found = await example(name, { build: false });
  if (found.reason !== undefined) {
    console.log(`not measured: ${what}: ${found.reason}`);
    return;
  }
  const folder = dirname(found.transpiled);
  const names = readdirSync(folder).filter((file) => file.endsWith('.wasm'));
  const loaded = loadComponent(readFileSync(found.file), {
    granted: [],
    maxBytes: MAX_MODULE,
    maxPages: 4_096,
    ...options,
    transpiled: {
      instantiate: (await import(pathToFileURL(found.transpiled).href)).instantiate,
      coreModules: new Map(names.map((file) => [file, readFileSync(join(folder, file))])),
    },
  });
  if (loaded.kind === 'failure') console.log(`not measured: ${what}: ${loaded.message}`);
  else await row(what, new ComponentPolicy({ ...common, name, component: loaded }));
}

async function row(what, policy) {
  const began = process.hrtime.bigint();
  const instance = await policy.create({ info: INFO, params: {} });
  const made = Number(process.hrtime.bigint() - began) / 1e6;
  assert.equal(instance.kind, undefined, instance.message);
  assert.deepEqual(instance.call(Phase.requestBody, input), expected);
  const run = () => {
    if (instance.call(Phase.requestBody, input).action.body.length !== PREFIX.length + 1_024)
      throw new Error('a wrong answer');
  };
  for (const end = performance.now() + ROW_MS; performance.now() < end; ) run();
  const start = process.hrtime.bigint();
  for (let i = 0; i < 50; i++) run();
  const one = Number(process.hrtime.bigint() - start) / 50;
  const batch = Math.max(1, Math.min(200, Math.round((ROW_MS * 1e6) / SAMPLES / one)));
  const samples = Array.from({ length: SAMPLES }, () => {
    const from = process.hrtime.bigint();
    for (let i = 0; i < batch; i++) run();
    return Number(process.hrtime.bigint() - from) / batch / 1_000;
  }).sort((a, b) => a - b);
  const memory = policy.describe?.().shop.memoryBytes;
  console.log(
    [
      samples[SAMPLES >> 1].toFixed(2).padStart(10),
      samples[Math.floor(SAMPLES * 0.99)].toFixed(2).padStart(10),
      made.toFixed(2).padStart(11),
      (memory === undefined ? '' : `${(memory / 1024).toFixed(0)} KiB`).padStart(11),
      `  ${what}`,
    ].join(''),
  );
}
