/** Usage events when a process ends: delivered or counted, in bounded time, and without any signal handler (UE-04, S-36, S-37). */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/internal/json.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { type Handler, json, ScriptedRelay } from '../relay/support/scripted-relay.ts';
import { configuration, down } from './support/provider-bench.ts';

interface Report {
  readonly code: number;
  /** From the moment the process began to end, to its exit. */
  readonly endedInMs: number;
  readonly events: JsonObject | null;
  readonly [more: string]: unknown;
}

const CHILD = fileURLToPath(new URL('fixtures/usage-child.mjs', import.meta.url));
/** What ending may take beyond `closeTimeoutMs`. */
const MARGIN_MS = 500;

const relays: ScriptedRelay[] = [];
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
});

const taking = json('{"ingestedContentCount":2}');
const silent: Handler = () => undefined;
/** As a collector that has much to do. */
const slow: Handler = (exchange) => void setTimeout(() => taking(exchange), 200);

async function relayWith(collector: Handler, feed: Handler = json(configuration('on'))): Promise<ScriptedRelay> {
  const relay = await ScriptedRelay.start((exchange) => {
    (exchange.request.path === '/v1/data/collector' ? collector : feed)(exchange);
  });
  relays.push(relay);
  return relay;
}

/** What arrived, as `kind key`. */
function arrived(relay: ScriptedRelay): string[] {
  const posts = relay.requests.filter(({ path }) => path === '/v1/data/collector');
  return posts.flatMap(({ body }) => {
    const { events } = JSON.parse(body) as { events: { kind: string; key: string }[] };
    return events.map(({ kind, key }) => `${kind} ${key}`);
  });
}

const BOTH = ['feature flag', 'tracking order-placed'];

/** Rejects when the process does not end by itself; the limit is far above what any of them takes. */
function run(scenario: string, { url }: ScriptedRelay, options: EdictOptions = {}): Promise<Report> {
  const child = spawn(process.execPath, [CHILD, scenario, url, JSON.stringify(options)], { timeout: 15_000 });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
    if (text === 'waiting') child.kill('SIGTERM');
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      if (signal === null) resolve(JSON.parse(output.stdout) as Report);
      else reject(new Error(`did not end by itself: ${signal} ${code} ${output.stdout} ${output.stderr}`));
    });
  });
}

describe('a process that never closes its provider and runs out of work (S-37)', () => {
  it('sends what waits, and ends', async () => {
    const relay = await relayWith(taking);
    const { code, value, events, endedInMs } = await run('never-closed', relay);
    expect({ code, value, events }).toMatchObject({ code: 0, value: 'on', events: { sent: 2, pending: 0 } });
    expect(arrived(relay)).toEqual(BOTH);
    expect(endedInMs).toBeLessThan(2_000 + MARGIN_MS);
  });

  it("with flushOnExit 'off' sends nothing, and ends at once", async () => {
    const relay = await relayWith(silent);
    const { code, events, endedInMs } = await run('never-closed', relay, { flushOnExit: 'off' });
    expect({ code, events }).toMatchObject({ code: 0, events: { sent: 0, pending: 2 } });
    expect(arrived(relay)).toEqual([]);
    expect(endedInMs).toBeLessThan(MARGIN_MS);
  });

  it.each([
    ['breaks every connection', down],
    ['takes connections and never answers', silent],
  ])('ends in time when the collector %s, and counts what is lost (S-36)', async (_, collector) => {
    const { code, events, endedInMs } = await run('never-closed', await relayWith(collector), { closeTimeoutMs: 300 });
    expect({ code, events }).toMatchObject({
      code: 0,
      events: { accepted: 2, sent: 0, dropped: { total: 2 }, pending: 0 },
    });
    expect(endedInMs).toBeLessThan(300 + MARGIN_MS);
  });
});

describe('a host that closes (UE-04)', () => {
  it('on SIGTERM loses nothing', async () => {
    const relay = await relayWith(slow);
    const { code, events } = await run('sigterm', relay);
    expect({ code, events }).toMatchObject({ code: 0, events: { sent: 2, dropped: { total: 0 }, pending: 0 } });
    expect(arrived(relay)).toEqual(BOTH);
  });

  it('while the collector is silent is done after closeTimeoutMs, 2 s by default, and the loss is counted (S-36)', async () => {
    const { code, events, endedInMs } = await run('closed', await relayWith(silent));
    expect({ code, events }).toMatchObject({
      code: 0,
      events: { accepted: 2, sent: 0, dropped: { total: 2 }, pending: 0 },
    });
    expect(endedInMs).toBeGreaterThan(1_900);
    expect(endedInMs).toBeLessThan(2_000 + MARGIN_MS);
  });

  it('during the start leaves nothing running (S-32)', async () => {
    const relay = await relayWith(taking, silent);
    const { code, outcome, endedInMs } = await run('closed-during-start', relay);
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'PROVIDER_NOT_READY' });
    expect(arrived(relay)).toEqual([]);
    expect(endedInMs).toBeLessThan(MARGIN_MS);
  });

  it('more than once, during a flush, sends every event exactly once (S-33)', async () => {
    const relay = await relayWith(slow);
    const { code, events, flushed } = await run('closed-twice-during-flush', relay);
    expect({ code, events }).toMatchObject({ code: 0, events: { sent: 2, dropped: { total: 0 }, pending: 0 } });
    expect(flushed).toEqual({ sent: 2, pending: 0, dropped: 0 });
    expect(arrived(relay)).toEqual(BOTH);
  });
});

describe('the process itself', () => {
  it('gets no signal handler: one listener for beforeExit while the provider lives, and none after the close (UE-04)', async () => {
    const { before, alive, closed } = await run('listeners', await relayWith(taking));
    const own = before as Record<string, number>;
    expect(alive).toEqual({ ...own, beforeExit: (own.beforeExit ?? 0) + 1 });
    expect(closed).toEqual(own);
  });
});
