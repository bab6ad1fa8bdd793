/**
 * What the middleware adds to a request of a Node service: CPU time of a request and its answer over loopback, without it,
 * with a chain of one native policy, with a body, with metrics and spans. All variants in turn in one process, many rounds.
 *
 *   node bench/policies/middleware.mjs [another dist/ to compare with] [--json]
 *
 * Client and server share the process, so figures are differences and ratios, not throughput. Printed are medians over rounds.
 */

import assert from 'node:assert/strict';
import { Agent, createServer, request as send } from 'node:http';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROUNDS = 15;
const REQUESTS = 200;
const CONCURRENT = 8;
const BODY = JSON.stringify({ text: 'x'.repeat(1_000) });

const isJson = process.argv.includes('--json');
const other = process.argv.slice(2).find((argument) => argument !== '--json');

/** Counts what it is asked for, and keeps nothing. */
const meter = {
  createHistogram: () => ({ record() {} }),
  createObservableCounter: () => ({}),
  createObservableGauge: () => ({}),
  addBatchObservableCallback() {},
  removeBatchObservableCallback() {},
};
const span = {
  spanContext: () => ({ traceId: '1', spanId: '1', traceFlags: 1 }),
  setAttribute() {},
  setStatus() {},
  end() {},
};
const tracer = { startSpan: () => span };

async function middlewareOf(dist, options = {}, hooks = {}) {
  const at = (path) => import(pathToFileURL(resolve(dist, path)).href);
  const { definePolicy, PolicyEngine } = await at('policy-engine/index.js');
  const { policyMiddleware } = await at('gateway/http/index.js');
  const policy = definePolicy({
    name: 'mark',
    hooks: {
      onRequestHeaders: () => ({ kind: 'request-changes', headers: { set: [['x-mark', 'yes']] } }),
      onResponseHeaders: () => ({ kind: 'response-changes', headers: { set: [['x-mark', 'yes']] } }),
      ...hooks,
    },
  });
  const engine = new PolicyEngine({ policies: [policy], watch: false, ...options });
  await engine.load({ routes: [{ key: '*|/**|*', policies: [{ use: 'mark' }] }] });
  return policyMiddleware(engine);
}

const bodies = { onRequestBody: () => undefined, onResponseBody: () => undefined };
const here = 'dist';
const variants = [
  ['no middleware', (_, __, next) => next(), false],
  ['headers', await middlewareOf(here), true],
  ['headers and bodies', await middlewareOf(here, {}, bodies), true],
  ['headers, meter and tracer', await middlewareOf(here, { meter, tracer }), true],
  ...(other === undefined
    ? []
    : [
        ['headers, other dist', await middlewareOf(other), true],
        ['headers and bodies, other dist', await middlewareOf(other, {}, bodies), true],
      ]),
];

const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT });
const servers = [];
for (const [name, middleware, isMarked] of variants) {
  const server = createServer((request, response) =>
    middleware(request, response, () => {
      response.setHeader('content-type', 'application/json');
      request.resume().on('end', () => response.end(BODY));
    }),
  );
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  assert.equal((await ask(port)).mark, isMarked ? 'yes' : undefined, name);
  servers.push({ name, server, port, samples: [] });
}

for (let round = -3; round < ROUNDS; round++) {
  for (const one of servers) {
    const before = process.cpuUsage();
    let left = REQUESTS;
    const worker = async () => {
      while (left-- > 0) await ask(one.port);
    };
    await Promise.all(Array.from({ length: CONCURRENT }, worker));
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) one.samples.push((user + system) / REQUESTS);
  }
}
agent.destroy();
for (const { server } of servers) server.close();

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const [{ samples: bare }] = servers;
const rows = servers.map(({ name, samples }) => ({
  name,
  us: median(samples),
  // Round by round, because what else the machine does is the same for neighbours.
  ratio: median(samples.map((value, index) => value / bare[index])),
}));
if (isJson) console.log(JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, rows }));
else {
  console.log(
    `Node ${process.version}, ${cpus()[0]?.model}; CPU time of a POST of 1 KB with an answer of 1 KB, client included`,
  );
  for (const { name, us, ratio } of rows) {
    console.log(`${name.padEnd(34)} ${us.toFixed(0).padStart(5)} µs  ${ratio.toFixed(2)} times no middleware`);
  }
}

function ask(port) {
  return new Promise((done, fail) => {
    const headers = { 'content-type': 'application/json', 'content-length': BODY.length };
    const request = send({ host: '127.0.0.1', port, method: 'POST', path: '/a', agent, headers }, (response) => {
      let size = 0;
      response.on('data', (chunk) => {
        size += chunk.length;
      });
      response.on('end', () => {
        assert.equal(size, BODY.length);
        done({ mark: response.headers['x-mark'] });
      });
    });
    request.on('error', fail);
    request.end(BODY);
  });
}
