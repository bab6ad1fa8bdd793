/** The whole way, against the embedded relay: the relay decides as this process does, flag by flag. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { RemoteEvaluator } from '../../../src/evaluator/remote-evaluator.ts';
import type { EvaluationContext, Resolution } from '../../../src/evaluator/resolution.ts';
import { EdictProvider } from '../../../src/index.ts';
import { canonicalJson } from '../../../src/internal/canonical-json.ts';
import { emptyRecord, type JsonValue } from '../../../src/internal/json.ts';
import { createRelay, type Relay } from '../../../src/server/index.ts';
import { readVectors } from '../../conformance/vector-records.ts';

const FLAGS = 400;
const OWN_FLAGS = {
  'shop/price:€ 50%!*': { variations: { low: 1, high: 2.5 }, defaultRule: { variation: 'high' } },
  off: { variations: { on: true }, defaultRule: { variation: 'on' }, disable: true },
  nothing: { variations: { none: null }, defaultRule: { variation: 'none' } },
  list: { variations: { v: [1, { a: [null] }] }, defaultRule: { variation: 'v' }, metadata: { nested: { a: [1] } } },
};

const records = readVectors().filter((_, i, all) => i % Math.floor(all.length / FLAGS) === 0);
const folder = mkdtempSync(join(tmpdir(), 'edict-remote-'));
const flagFile = join(folder, 'flags.json');
const logger = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

let relay: Relay;
let local: InProcessEvaluator;
let remote: RemoteEvaluator;
let caching: RemoteEvaluator;

function write(own: object): void {
  const flags = emptyRecord<JsonValue>();
  for (const { id, input } of records) flags[`${input.flagKey}-${id}`] = input.flag;
  writeFileSync(flagFile, JSON.stringify(Object.assign(flags, own)));
}

beforeAll(async () => {
  write(OWN_FLAGS);
  relay = await createRelay({
    flagFiles: [flagFile],
    port: 0,
    logger,
    apiKeys: ['k-123'],
    evaluationContextEnrichment: { env: 'production' },
  });
  const options = { endpoint: relay.url, apiKey: 'k-123', logger };
  local = new InProcessEvaluator(options);
  remote = new RemoteEvaluator(options);
  caching = new RemoteEvaluator({ ...options, remoteCacheMaxEntries: 10_000 });
  await Promise.all([local.initialize(), remote.initialize(), caching.initialize()]);
});
afterAll(async () => {
  await Promise.all([local.close(), remote.close(), caching.close()]);
  await relay.close();
  rmSync(folder, { recursive: true });
});

/** What both modes must agree on: the relay tells neither rules by number nor the flag's version. */
function told({ flagKey, value, variant, reason, errorCode, errorMessage, metadata, ruleName }: Resolution): string {
  const more = errorCode === undefined ? { metadata, ruleName: ruleName || undefined } : { errorCode, errorMessage };
  return canonicalJson({ flagKey, value, variant, reason, ...more });
}

/** Flags that follow the clock may change their answer between two of the ways. */
const at = (context: EvaluationContext): EvaluationContext => ({
  ...context,
  gofeatureflag: context['gofeatureflag'] ?? { currentDateTime: '2026-03-01T12:00:00Z' },
});

describe('the relay and this process', () => {
  it(`agree on ${FLAGS} recorded flags, each with its context (GOFF-CTX-005, D-59)`, async () => {
    const different: string[] = [];
    const reasons = new Set<string>();
    for (const { id, input } of records) {
      const key = `${input.flagKey}-${id}`;
      const context = at(input.evalContext);
      const here = local.evaluate(key, context, 'default');
      const there = await remote.evaluate(key, context, 'default');
      reasons.add(here.errorCode ?? here.reason);
      if (told(here) !== told(there)) different.push(`${told(here)} ≠ ${told(there)}`);
    }
    expect(different).toEqual([]);
    expect(records.length).toBeGreaterThanOrEqual(FLAGS);
    expect(reasons.size).toBeGreaterThan(6);
  });

  it('agree on what is odd: keys that need encoding, disabled flags, null values, unknown flags (GOFF-REM-001)', async () => {
    for (const key of [...Object.keys(OWN_FLAGS), 'no such flag', '__proto__', '%2e', '', '..']) {
      for (const fallback of [undefined, { a: 1 }, 'x']) {
        expect(told(await remote.evaluate(key, {}, fallback))).toBe(told(local.evaluate(key, {}, fallback)));
      }
    }
  });

  it('agree when asked for all flags at once, or for some', async () => {
    for (const { input } of records.slice(0, 10)) {
      const context = at(input.evalContext);
      for (const keys of [
        undefined,
        ['off', 'no such flag', 'list', `${records[3]?.input.flagKey}-${records[3]?.id}`],
      ]) {
        const there = await remote.evaluateAll(context, keys);
        expect(there.map(told)).toEqual(local.evaluateAll(context, keys).map(told));
        expect((await remote.evaluateAll(context, keys)).map(told)).toEqual(there.map(told));
      }
    }
  });

  it('agree on answers from the cache, which say so (GOFF-CACHE-007)', async () => {
    const context = { targetingKey: 'u' };
    await caching.evaluate('list', context);
    const hit = await caching.evaluate('list', context, []);
    expect(hit).toMatchObject({ value: OWN_FLAGS.list.variations.v, reason: 'CACHED' });
    expect(told({ ...hit, reason: 'STATIC' })).toBe(told(local.evaluate('list', context, [])));
  });
});

describe('a provider in remote mode', () => {
  it('decides through the relay, and hears of a change of the flag file', async () => {
    const provider = new EdictProvider({
      endpoint: relay.url,
      apiKey: 'k-123',
      evaluationType: 'remote',
      pollIntervalMs: 100,
      logger,
    });
    await provider.initialize();
    expect(provider.diagnostics()).toMatchObject({ state: 'ready', options: { evaluationType: 'remote' } });
    const context = { targetingKey: 'u' };
    expect(await provider.resolveObjectEvaluation('list', [], context)).toMatchObject({
      value: [1, { a: [null] }],
      variant: 'v',
      reason: 'STATIC',
      flagMetadata: { nested: { a: [1] } },
    });
    expect(await provider.resolveBooleanEvaluation('off', true, context)).toMatchObject({
      value: true,
      reason: 'DISABLED',
    });
    const changed = new Promise((resolve) =>
      provider.events.addHandler('PROVIDER_CONFIGURATION_CHANGED' as never, resolve),
    );
    write({ ...OWN_FLAGS, list: { ...OWN_FLAGS.list, variations: { v: ['changed'] } } });
    expect(await changed).toMatchObject({ flagsChanged: ['list'] });
    expect((await provider.resolveObjectEvaluation('list', [], context)).value).toEqual(['changed']);
    await provider.onClose();
  });
});
