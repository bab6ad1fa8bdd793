/**
 * `npm run bench:policies`: what fuel costs, each module beside itself unmetered, in one process.
 *
 *   --quick   fewer and shorter rounds: shows the shape, not the last digit
 *   --json    one JSON document instead of the table
 *
 * Exit code 1 when an answer differs or fuel use varies; never because of a time.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantile, sideBySide } from './lib/side-by-side.mjs';
import { importSources } from './lib/sources.mjs';

const BUDGET = 2 ** 31 - 1;
const PAIRS = 65_536;
const BODY = 131_072;
const HEADERS = [
  ...['host', 'user-agent', 'accept', 'accept-encoding', 'content-type', 'content-length', 'authorization'],
  ...['x-request-id', 'x-forwarded-for', 'x-forwarded-proto', 'x-tenant', 'cookie'],
];

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});
const pace = options.quick ? { rounds: 15, roundMs: 2 } : { rounds: 101, roundMs: 10 };

const sources = await importSources(
  'wasm/binary/parse-module.ts',
  'wasm/metering/rewrite.ts',
  'wasm/flag-store.ts',
  'evaluator/context-writer.ts',
  'flags/compile/configuration.ts',
  'flags/compile/envelope.ts',
);
const { compileConfiguration, ContextWriter, FlagStore, meterModule, parseModule, planSlot, readEnvelope } = sources;
const { abi } = JSON.parse(readFileSync(new URL('../../wasm/manifest.json', import.meta.url), 'utf8')).flags;
const kernel = readFileSync(new URL('../../wasm/flags.wasm', import.meta.url));

/** bench/policies/guest/hook.ts as `asc` makes it. */
function compileHook() {
  const folder = mkdtempSync(join(tmpdir(), 'edict-bench-'));
  try {
    const asc = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js');
    const source = fileURLToPath(new URL('guest/hook.ts', import.meta.url));
    const file = join(folder, 'hook.wasm');
    const flags = ['-O3', '--noAssert', '--runtime', 'stub', '--initialMemory', '8', '--maximumMemory', '16'];
    const { status, stderr } = spawnSync(process.execPath, [asc, source, ...flags, '--outFile', file]);
    if (status !== 0) throw new Error(`asc could not compile the hook:\n${stderr}`);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes a request of 12 headers and a body of 1 KiB where the hook looks for them. */
function writeRequest({ memory }) {
  const bytes = Buffer.from(memory.buffer);
  let offset = 4 + 16 * HEADERS.length;
  bytes.writeUInt32LE(HEADERS.length, PAIRS);
  for (const [index, name] of HEADERS.entries()) {
    const entry = PAIRS + 4 + index * 16;
    const value = `the value of ${name} 0123456789`;
    for (const [text, at] of [
      [name, entry],
      [value, entry + 8],
    ]) {
      bytes.writeUInt32LE(offset, at);
      bytes.writeUInt32LE(text.length, at + 4);
      offset += bytes.write(text, PAIRS + offset);
    }
  }
  for (let at = 0; at < 1024; at++) bytes[BODY + at] = at * 7;
}

function start(bytes) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { abort() {} } });
  writeRequest(exports);
  return exports;
}

/** One function of the hook module: plain, metered, and metered with fuel set before and read after each call. */
function measureCall(plain, metered, name, argument) {
  const fuel = metered.__edict_fuel;
  const used = [0, 1].map(() => {
    fuel.value = BUDGET;
    if (metered[name](argument) !== plain[name](argument)) throw new Error(`${name} answers otherwise when metered`);
    return BUDGET - fuel.value;
  });
  if (used[0] !== used[1]) throw new Error(`${name} used ${used[0]} units, then ${used[1]}`);
  const [before, after, guarded] = sideBySide(
    [
      (times) => {
        const call = plain[name];
        for (let turn = 0; turn < times; turn++) call(argument);
      },
      (times) => {
        const call = metered[name];
        // Refilled every so often: a round uses more than an i32 holds.
        for (let turn = 0; turn < times; turn++) {
          if (turn % 1_000 === 0) fuel.value = BUDGET;
          call(argument);
        }
      },
      (times) => {
        const call = metered[name];
        for (let turn = 0; turn < times; turn++) {
          fuel.value = 2_000_000;
          call(argument);
          if (fuel.value < 0) throw new Error('out of fuel');
        }
      },
    ],
    pace,
  );
  return { units: used[0], plainNs: before.ns, ratio: after.ratio, guardedRatio: guarded.ratio };
}

/** Flags whose rules look at attributes, in the kernel of the package: all of them in one guest call, nothing of the host. */
function measureKernel() {
  const flags = {};
  for (let index = 0; index < 200; index++) {
    flags[`flag-${index}`] = {
      variations: { on: true, off: false },
      targeting: [
        { query: `email ew "@example-${index}.com" and plan in ["pro", "team"]`, variation: 'on' },
        { query: `version ge 1.${index}.0 or country eq "fr"`, variation: 'off' },
      ],
      defaultRule: { percentage: { on: 20, off: 80 } },
    };
  }
  const context = {
    targetingKey: 'user-17',
    email: 'someone@example-9.com',
    plan: 'pro',
    version: '1.50.2',
    country: 'de',
  };
  const compiled = compileConfiguration(readEnvelope({ flags, evaluationContextEnrichment: {} }));
  const plans = compiled.slots.flatMap((source, slot) => (source ? [planSlot(slot, source)] : []));
  const open = (bytes) => {
    const store = new FlagStore(new WebAssembly.Module(bytes), abi);
    store.load(compiled.image);
    const writer = new ContextWriter(store);
    writer.attach(compiled.slots.length);
    writer.begin();
    for (const plan of plans) writer.writeSlot(plan, context);
    return store;
  };
  const now = Date.now();
  const answersOf = (store) => {
    const answers = new Int32Array(store.evaluateAll(now, compiled.targetingKeySlot));
    store.memory.readWords(store.layout().results, answers);
    return answers.join();
  };
  // A store does not refill, so its rounds together must do on 2^31 units.
  const metered = meterModule(parseModule(kernel), { maxPages: 1_024, startFuel: BUDGET });
  const stores = [open(kernel), open(metered.bytes)];
  if (answersOf(stores[0]) !== answersOf(stores[1])) throw new Error('the kernel answers otherwise when metered');
  const [plain, second] = sideBySide(
    stores.map((store) => (times) => {
      for (let turn = 0; turn < times; turn++) store.evaluateAll(now, compiled.targetingKeySlot);
    }),
    { ...pace, roundMs: 2 },
  );
  return { plainNs: plain.ns / 200, ratio: second.ratio };
}

/** Parsing and rewriting: once in a fresh process, and again when the code is warm. */
function measureRewriting() {
  const times = Array.from({ length: options.quick ? 20 : 60 }, () => {
    const begin = performance.now();
    const { bytes, checks } = meterModule(parseModule(kernel), { maxPages: 1_024 });
    return { ms: performance.now() - begin, size: bytes.length, checks };
  });
  return {
    bytes: kernel.length,
    metered: times[0].size,
    checks: times[0].checks,
    warmMs: quantile(
      times.map(({ ms }) => ms),
      0.25,
    ),
  };
}

/** The first rewriting of this process, before anything is optimised. */
const begin = performance.now();
meterModule(parseModule(kernel), { maxPages: 1_024 });
const coldMs = performance.now() - begin;

try {
  const bytes = compileHook();
  const plain = start(bytes);
  const metered = start(meterModule(parseModule(bytes)).bytes);
  const results = {
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    hook: measureCall(plain, metered, 'hook', 1024),
    count: measureCall(plain, metered, 'count', 100_000),
    fibonacci: measureCall(plain, metered, 'fibonacci', 18),
    copies: measureCall(plain, metered, 'copies', 1_000),
    kernel: measureKernel(),
    rewriting: { ...measureRewriting(), coldMs },
  };
  process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : table(results));
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}

function table({ node, cpu, rewriting, ...measured }) {
  const LABELS = {
    hook: 'hook: 12 headers, body of 1 KiB',
    kernel: 'flag kernel, a flag with two rules, of a batch',
    fibonacci: 'calls and nothing else',
    count: 'a loop of four instructions, 100,000 turns',
    copies: '1,000 copies of 1 KiB',
  };
  const percent = (ratio) => `${ratio >= 1 ? '+' : ''}${((ratio - 1) * 100).toFixed(1)} %`;
  const lines = Object.entries(LABELS).map(([key, label]) => {
    const { units = '', plainNs, ratio, guardedRatio } = measured[key];
    const guarded = guardedRatio === undefined ? '' : percent(guardedRatio);
    return `| ${label} | ${units} | ${plainNs < 100 ? plainNs.toFixed(1) : Math.round(plainNs)} | ${percent(ratio)} | ${guarded} |`;
  });
  const { bytes, metered, checks, coldMs: cold, warmMs } = rewriting;
  return [
    `Node ${node}, ${cpu}`,
    '',
    '| work | units | unmetered, ns | with fuel | with fuel set and read |',
    '|---|--:|--:|--:|--:|',
    ...lines,
    '',
    `Parsing and rewriting the flag kernel (${bytes} bytes, ${checks} checks): ${cold.toFixed(1)} ms the first time, ` +
      `${warmMs.toFixed(2)} ms warm, ${percent(metered / bytes)} bytes.`,
    '',
  ].join('\n');
}
