/**
 * What the way through a tenant adds to an exchange: the chain alone beside `PolicyEngine`, without and with decision events,
 * for a native policy and a metered one.
 *
 *   node bench/policies/tenants.mjs [--json]
 *
 * All run in one process, round by round; printed is CPU time, the lower quartile of 60 rounds, and the median of
 * the ratios.
 */

import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Exchange } from '../../dist/policy/chain/exchange.js';
import { HeaderMap } from '../../dist/policy/model/headers.js';
import { definePolicy, PolicyEngine } from '../../dist/policy-engine/index.js';
import { RouteTable } from '../../dist/policy-engine/route-table.js';
import { cpuTime, sideBySide } from './lib/side-by-side.mjs';

const TENANTS = 100;
const BODY = { content: new Uint8Array(0), present: false, endOfStream: true, truncated: false };
const headers = HeaderMap.from([
  ['host', 'api.example'],
  ['user-agent', 'bench'],
  ['accept', 'application/json'],
]);
const requests = Array.from({ length: TENANTS }, (_, i) => ({
  headers,
  path: `/t${i}/pets/7`,
  method: 'GET',
  authority: 'api.example',
  scheme: 'https',
  body: BODY,
  upstreamName: undefined,
  upstreamSlot: undefined,
}));
const response = { headers, status: 200, body: BODY, fault: undefined };
const origin = { clientIp: '127.0.0.1' };
const ports = { now: () => Date.now(), monotonic: () => performance.now(), errorId: () => randomUUID() };

const native = definePolicy({
  name: 'native',
  hooks: { onRequestHeaders: () => ({ kind: 'request-changes', headers: { set: [['x-one', 'first']] } }) },
});
const params = { requestHeaders: [{ name: 'x-one', value: 'first' }] };
const folder = mkdtempSync(join(tmpdir(), 'edict-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
writeModule();

const results = [];
for (const policy of ['native', 'set-headers']) {
  writeFileSync(join(folder, 'policies.json'), JSON.stringify(documentOf(policy)));
  let counted = 0;
  const engines = [];
  for (const decisions of [undefined, { jsonLines: { write: (_, done) => done() } }]) {
    const engine = new PolicyEngine({ policies: [native], watch: false, decisions });
    await engine.load(folder);
    engines.push(engine);
  }
  const [plain, deciding] = engines;
  const routes = requests.map((request) => {
    const open = plain.open(request, origin);
    open.exchange.end('completed', 1);
    return open.chain;
  });
  const table = new RouteTable(documentOf(policy).routes.map(({ key }, i) => [key, routes[i]]));
  const api = { projectId: '', id: '', name: '', version: '', kind: 'RestApi', context: '', operationPath: '/' };
  const alone = (request) => {
    const chain = table.find(request.method, request.path, request.authority);
    const facts = { requestId: randomUUID(), routeName: 'r', tenant: 't', api, deadline: Date.now() + 1_000 };
    return new Exchange(chain, facts, request, { ...ports, record: () => counted++ });
  };
  const through = (engine) => (request) => engine.open(request, origin).exchange;
  const runner = (open) => (times) => {
    for (let i = 0; i < times; i++) {
      const exchange = open(requests[i % TENANTS]);
      exchange.requestHeaders('none');
      exchange.responseHeaders(response, 'none');
      exchange.end('completed', i);
    }
  };
  const check = through(deciding)(requests[0]);
  assert.equal(check.requestHeaders('none').mutation.headers.set[0][0], 'x-one');
  check.end('completed', 1);
  const ways = [alone, through(plain), through(deciding)];
  const measured = sideBySide(ways.map(runner), { rounds: 60, roundMs: 10, clock: cpuTime });
  for (const [i, way] of ['chain alone', 'through its tenant', 'with decision events'].entries()) {
    results.push({ policy, way, us: measured[i].ns / 1_000, ratio: measured[i].ratio });
  }
  assert.ok(counted > 0);
  for (const engine of engines) await engine.close();
}

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, tenants: TENANTS, results }));
} else {
  console.log(`${TENANTS} tenants, Node ${process.version}, ${cpus()[0]?.model}\n`);
  for (const { policy, way, us, ratio } of results) {
    console.log(`${policy.padEnd(12)} ${way.padEnd(22)} ${us.toFixed(2).padStart(7)} us   ${ratio.toFixed(2)} x`);
  }
}

function documentOf(policy) {
  const routes = Array.from({ length: TENANTS }, (_, i) => ({
    key: `GET|/t${i}/pets/{id}|*`,
    tenant: `t${i}`,
    policies: [policy === 'native' ? { use: policy } : { use: policy, params }],
  }));
  return { routes };
}

function writeModule() {
  const bytes = readFileSync(new URL('../../wasm/policies/set-headers.wasm', import.meta.url));
  const sha256 = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  mkdirSync(join(folder, 'set-headers'));
  writeFileSync(join(folder, 'set-headers', 'module.wasm'), bytes);
  writeFileSync(
    join(folder, 'set-headers', 'policy.yaml'),
    JSON.stringify({
      apiVersion: 'edict/v1',
      name: 'set-headers',
      version: 'v1.0.0',
      module: { file: 'module.wasm', sha256 },
      processing: { requestHeaders: 'process' },
    }),
  );
}
