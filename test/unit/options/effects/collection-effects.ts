/** The effects of the options of the group Collection. */

import { createHmac } from 'node:crypto';
import type { JsonObject } from '../../../../src/internal/json.ts';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import type { COLLECTION_ROWS } from '../../../../src/options/rows/collection.ts';
import type { Effects } from './support/effect.ts';
import { type Stage, USER } from './support/stage.ts';

const SECRET = 'a secret of 26 characters!';

/** Tracks something under each of these names, lets them be sent, and gives the batches as they came. */
async function track(stage: Stage, keys: readonly string[], options: EdictOptions = {}): Promise<JsonObject[][]> {
  const { client, provider } = await stage.client(options);
  for (const key of keys) client.track(key, USER, { text: 'x'.repeat(200) });
  await provider.flush();
  return stage.batches;
}

const keysOf = (batches: JsonObject[][]): unknown[][] => batches.map((events) => events.map(({ key }) => key));

/** Evaluates the flag for each of these users, and gives the document that came first. */
async function evaluateFor(stage: Stage, users: readonly string[]): Promise<JsonObject> {
  const { client, provider } = await stage.client();
  for (const targetingKey of users) await client.getStringValue('flag', 'default', { targetingKey });
  await provider.flush();
  return JSON.parse(stage.requests('/v1/data/collector')[0]?.body ?? '{"events":[]}') as JsonObject;
}

const hundredUsers = Array.from({ length: 100 }, (_, i) => `user-${i}`);

export const COLLECTION_EFFECTS: Effects<keyof typeof COLLECTION_ROWS> = {
  disableDataCollection: {
    decides: 'whether events are sent at all',
    other: () => true,
    look: async (stage) => keysOf(await track(stage, ['a'])),
    byDefault: [['a']],
    otherwise: [],
  },
  dataCollectorBaseUrl: {
    decides: 'who takes the events, and nothing else',
    other: ({ otherRelay }) => `${otherRelay.url}/base`,
    look: async (stage) => {
      await track(stage, ['a']);
      return [stage.relay, stage.otherRelay].map(({ requests }) => requests.map(({ path }) => path));
    },
    byDefault: [['/v1/flag/configuration', '/v1/data/collector'], []],
    otherwise: [['/v1/flag/configuration'], ['/base/v1/data/collector']],
  },
  flushIntervalMs: {
    decides: 'when waiting events are sent',
    other: () => 5_000,
    look: async (stage) => {
      const { client } = await stage.client();
      client.track('a', USER);
      return stage.nextRequest('collector');
    },
    byDefault: 60_000,
    otherwise: 5_000,
    also: [{ other: () => 0, otherwise: 'never' }],
  },
  maxPendingEvents: {
    decides: 'how many events do not wait for the interval',
    other: () => 3,
    look: async (stage) => {
      const { client } = await stage.client();
      for (const key of ['a', 'b', 'c']) client.track(key, USER);
      return stage.nextRequest('collector');
    },
    byDefault: 60_000,
    otherwise: 0,
  },
  maxPendingBytes: {
    decides: 'how much may wait',
    other: () => 1_024,
    look: async (stage) => keysOf(await track(stage, ['a', 'b', 'c', 'd'])),
    byDefault: [['a', 'b', 'c', 'd']],
    otherwise: [['c', 'd']],
  },
  maxBatchEvents: {
    decides: 'how many events one request carries',
    other: () => 2,
    look: async (stage) => keysOf(await track(stage, ['a', 'b', 'c'])),
    byDefault: [['a', 'b', 'c']],
    otherwise: [['a', 'b'], ['c']],
  },
  maxBatchBytes: {
    decides: 'how large one request is',
    other: () => 1_024,
    look: async (stage) => {
      const batches = keysOf(await track(stage, ['a', 'b', 'c']));
      const small = stage.requests('/v1/data/collector').every(({ body }) => body.length <= 1_024);
      return { batches, small };
    },
    byDefault: { batches: [['a', 'b', 'c']], small: false },
    otherwise: { batches: [['a', 'b'], ['c']], small: true },
  },
  overflow: {
    decides: 'which events go when there are too many',
    other: () => 'drop-newest',
    // Twice as many as maxPendingEvents are kept.
    look: async (stage) => keysOf(await track(stage, ['a', 'b', 'c'], { maxPendingEvents: 1 })),
    byDefault: [['b', 'c']],
    otherwise: [['a', 'b']],
  },
  exporterMetadata: {
    decides: 'what is said of the service, in events and in contexts',
    other: () => ({ service: 'shop' }),
    look: async (stage) => {
      const { meta } = await evaluateFor(stage, ['u-1']);
      const { client } = await stage.client({ evaluationType: 'remote' });
      await client.getStringValue('flag', 'default', USER);
      const body = stage.requests('/evaluate/flags/flag')[0]?.body ?? '';
      const { context } = JSON.parse(body) as { context: { gofeatureflag: JsonObject } };
      return { meta, sent: context.gofeatureflag.exporterMetadata };
    },
    byDefault: {
      meta: { provider: 'javascript', openfeature: true },
      sent: { provider: 'javascript', openfeature: true },
    },
    otherwise: {
      meta: { service: 'shop', provider: 'javascript', openfeature: true },
      sent: { service: 'shop', provider: 'javascript', openfeature: true },
    },
  },
  eventMode: {
    decides: 'whether evaluations are told or counted',
    other: () => 'summary',
    look: async (stage) => {
      const { events } = await evaluateFor(stage, ['u-1', 'u-2', 'u-3']);
      return (events as JsonObject[]).map(({ kind, key }) => `${kind} ${key}`);
    },
    byDefault: ['feature flag', 'feature flag', 'feature flag'],
    otherwise: ['tracking edict.evaluation-summary'],
  },
  eventSampleRate: {
    decides: 'for which share of the users evaluations are told',
    other: () => 0.25,
    look: async (stage) => ((await evaluateFor(stage, hundredUsers)).events as JsonObject[]).length,
    byDefault: 100,
    // The keys decide, so it is the same each time: about a quarter.
    otherwise: 31,
  },
  privateAttributes: {
    decides: 'which attributes stay here',
    other: () => ['email'],
    look: async (stage) => (await track(stage, ['a']))[0]?.[0]?.evaluationContext,
    byDefault: { targetingKey: 'u-1', email: 'ana@example.com' },
    otherwise: { targetingKey: 'u-1' },
  },
  userKeySecret: {
    decides: 'whether targeting keys can be read',
    other: () => SECRET,
    look: async (stage) => {
      const { events } = await evaluateFor(stage, ['u-1']);
      return (events as JsonObject[]).map(({ userKey }) => userKey);
    },
    byDefault: ['u-1'],
    otherwise: [createHmac('sha256', SECRET).update('u-1').digest('hex')],
  },
};
