import { describe, expect, it } from 'vitest';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';
import { SHOP, SILENT, startTestRelay } from '../test-relay.ts';

const PATH = '/v1/data/collector';

const FEATURE = {
  kind: 'feature',
  contextKind: 'user',
  userKey: 'u-1',
  creationDate: 1_790_000_000,
  key: 'new-checkout',
  variation: 'on',
  value: true,
  default: false,
  version: '7',
  source: 'INPROCESS',
};
const TRACKING = {
  kind: 'tracking',
  contextKind: 'user',
  userKey: 'u-1',
  creationDate: 1_790_000_000,
  key: 'order-placed',
  evaluationContext: { targetingKey: 'u-1' },
  trackingEventDetails: { value: 29.9, currency: 'EUR' },
};
const META = { provider: 'javascript', openfeature: true, service: 'shop' };

describe('POST /v1/data/collector', () => {
  it('takes feature and tracking events, and answers how many it received', async () => {
    const { relay, post, get } = await startTestRelay(SHOP);
    const answer = await post(PATH, { meta: META, events: [FEATURE, TRACKING] });
    expect([answer.status, answer.text]).toEqual([200, '{"ingestedContentCount":2}\n']);
    expect(answer.headers.etag).toBeUndefined();
    expect(relay.events()).toEqual([
      { flagSet: 'default', batchId: undefined, event: { ...FEATURE, metadata: META } },
      { flagSet: 'default', batchId: undefined, event: TRACKING },
    ]);
    expect(relay.eventCounts()).toMatchObject({ received: 2, feature: 1, tracking: 1, rejected: 0, duplicates: 0 });
    expect((await get('/metrics')).text).toContain('gofeatureflag_collect_eval_data_total 2\n');
  });

  it.each([
    ['no body', undefined, ''],
    ['null', 'null', ''],
    ['no events', { meta: META }, ''],
    ['null events', { events: null }, ''],
    ['broken JSON', '{"events":[', ' the body is not valid JSON'],
    ['an array', [], ' the body is not an object'],
    ['events that are no list', { events: {} }, ' "events" is not an array of objects'],
    ['an event that is no object', { events: [FEATURE, 'x'] }, ' "events" is not an array of objects'],
    ['meta that is no object', { events: [], meta: 'x' }, ' "meta" is not an object'],
  ])('answers 400 to %s, and takes nothing', async (_case, body, reason) => {
    const { relay, post } = await startTestRelay();
    const answer = await post(PATH, body);
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ message: `collectEvalData: invalid input data${reason}` });
    expect(relay.eventCounts()).toMatchObject({ received: 0 });
  });

  it('answers 400 to a body whose media type is not JSON', async () => {
    const { post } = await startTestRelay();
    const answer = await post(PATH, '{"events":[]}', { 'content-type': 'text/plain' });
    expect([answer.status, answer.text]).toEqual([
      400,
      '{"message":"collectEvalData: invalid input data the Content-Type is not application/json"}\n',
    ]);
  });

  it('takes an empty list', async () => {
    const { post } = await startTestRelay();
    expect((await post(PATH, { events: [] })).text).toBe('{"ingestedContentCount":0}\n');
  });

  it('counts an event with a wrong type as received, drops it, and logs the field without its value', async () => {
    const logger = new RecordingLogger();
    const { relay, post } = await startTestRelay({}, { logger });
    const answer = await post(PATH, { events: [{ ...FEATURE, userKey: 4711 }, FEATURE, { ...TRACKING, key: [] }] });
    expect(answer.text).toBe('{"ingestedContentCount":3}\n');
    expect(relay.events()).toHaveLength(1);
    expect(relay.eventCounts()).toMatchObject({ received: 3, feature: 1, tracking: 0, rejected: 2 });
    const [line = ''] = logger.at('warn');
    expect(line).toContain('collector: 2 of 3 events dropped; event 0: "userKey" is not a string');
    expect(line).not.toContain('4711');
  });

  it('cuts milliseconds to seconds and says so once for a request', async () => {
    const logger = new RecordingLogger();
    const { relay, post } = await startTestRelay({}, { logger });
    const late = { ...FEATURE, creationDate: 1_790_000_000_999 };
    await post(PATH, { events: [late, late] });
    expect(relay.events().map(({ event }) => event.creationDate)).toEqual([1_790_000_000, 1_790_000_000]);
    expect(logger.at('warn')).toEqual([expect.stringContaining('cut to seconds, in 2 of 2 events')]);
  });

  it('removes a batch that was received before, by its Edict-Batch-Id, and answers as the first time', async () => {
    const { relay, post, get } = await startTestRelay();
    const send = (id: string) => post(PATH, { events: [FEATURE, TRACKING] }, { 'edict-batch-id': id });
    const answers = [await send('b-1'), await send('b-1'), await send('b-2')];
    expect(answers.map(({ text }) => text)).toEqual(Array(3).fill('{"ingestedContentCount":2}\n'));
    expect(relay.events().map(({ batchId }) => batchId)).toEqual(['b-1', 'b-1', 'b-2', 'b-2']);
    expect(relay.eventCounts()).toMatchObject({ received: 6, feature: 2, tracking: 2, duplicates: 2 });
    expect((await get('/metrics')).text).toContain('gofeatureflag_collect_eval_data_total 6\n');
  });

  it('counts a repeated batch twice when it has no id, or one too long to remember', async () => {
    const { relay, post } = await startTestRelay();
    for (const id of ['', 'x'.repeat(129)]) {
      for (let count = 0; count < 2; count += 1) await post(PATH, { events: [FEATURE] }, { 'edict-batch-id': id });
    }
    expect(relay.eventCounts()).toMatchObject({ feature: 4, duplicates: 0 });
  });

  it('keeps the last events only', async () => {
    const { relay, post } = await startTestRelay({}, { maxStoredEvents: 2 });
    await post(PATH, { events: ['a', 'b', 'c'].map((key) => ({ ...FEATURE, key })) });
    expect(relay.events().map(({ event }) => event.key)).toEqual(['b', 'c']);
    expect(relay.eventCounts()).toMatchObject({ feature: 3, evicted: 1 });
    relay.clearEvents();
    expect(relay.events()).toEqual([]);
  });

  it('gives the events that a filter asks for', async () => {
    const { relay, post } = await startTestRelay();
    await post(PATH, { events: [FEATURE, { ...FEATURE, userKey: 'u-2', source: '' }, TRACKING] });
    await post(PATH, { events: [TRACKING] }, { 'edict-batch-id': 'b-1' });
    expect(relay.events({ kind: 'tracking' })).toHaveLength(2);
    expect(relay.events({ kind: 'tracking', batchId: 'b-1' })).toHaveLength(1);
    expect(relay.events({ key: 'new-checkout', userKey: 'u-2' })).toMatchObject([
      { event: { source: 'PROVIDER_CACHE' } },
    ]);
    expect(relay.events({ source: 'INPROCESS' })).toHaveLength(1);
    expect(relay.events({ flagSet: 'other' })).toEqual([]);
  });

  it('asks for a key', async () => {
    const { relay, post } = await startTestRelay({}, { apiKeys: ['key-1'] });
    expect((await post(PATH, { events: [FEATURE] })).status).toBe(401);
    expect((await post(PATH, { events: [FEATURE] }, { 'x-api-key': 'key-1' })).status).toBe(200);
    expect(relay.eventCounts()).toMatchObject({ received: 1 });
  });

  it('keeps flag sets apart, batch ids included', async () => {
    const { relay, post } = await startTestRelay(undefined, {
      flagFiles: undefined as never,
      apiKeys: ['relay-key'],
      flagSets: ['one', 'two'].map((name) => ({ name, apiKeys: [`key-${name}`], flags: {} })),
    });
    for (const name of ['one', 'two']) {
      await post(PATH, { events: [FEATURE] }, { 'x-api-key': `key-${name}`, 'edict-batch-id': 'b-1' });
    }
    expect(relay.events().map(({ flagSet }) => flagSet)).toEqual(['one', 'two']);
    expect(relay.events({ flagSet: 'two' })).toHaveLength(1);
    expect(relay.eventCounts('one')).toMatchObject({ received: 1 });
    expect(relay.eventCounts()).toMatchObject({ received: 2, duplicates: 0 });
    const unbound = await post(PATH, { events: [FEATURE] }, { 'x-api-key': 'relay-key' });
    expect([unbound.status, unbound.text]).toEqual([
      400,
      '{"message":"error while getting flagset: flagset not found for API key"}\n',
    ]);
  });

  it('answers 413 past the body cap and 405 to another method', async () => {
    const { post, get } = await startTestRelay({}, { maxBodyBytes: 1_024, logger: SILENT });
    expect((await post(PATH, { events: [{ ...FEATURE, key: 'x'.repeat(2_000) }] })).status).toBe(413);
    expect((await get(PATH)).status).toBe(405);
  });
});

describe('evaluations made by the relay', () => {
  const OFREP = '/ofrep/v1/evaluate/flags';
  const on = { variations: { on: true }, defaultRule: { variation: 'on' } };
  const FLAGS = {
    plain: { ...on, version: '3' },
    off: { ...on, disable: true },
    broken: { variations: { on: true }, defaultRule: { percentage: { on: 100 } } },
    silent: { ...on, trackEvents: false },
  };

  it('are recorded with source SERVER and the exporter metadata of the context', async () => {
    const { relay, post } = await startTestRelay(FLAGS);
    const exporterMetadata = { service: 'shop' };
    const context = { targetingKey: 'u-1', gofeatureflag: { exporterMetadata } };
    const before = Math.floor(Date.now() / 1_000);
    await post(`${OFREP}/plain`, { context });
    const [{ event } = { event: undefined }] = relay.events();
    expect(event).toEqual({
      kind: 'feature',
      contextKind: 'user',
      userKey: 'u-1',
      creationDate: expect.any(Number),
      key: 'plain',
      variation: 'on',
      value: true,
      default: false,
      version: '3',
      source: 'SERVER',
      metadata: exporterMetadata,
    });
    expect(event?.creationDate).toBeGreaterThanOrEqual(before);
    expect(relay.eventCounts()).toMatchObject({ received: 0, feature: 0, recorded: 1 });
  });

  it('say what failed, what was disabled and who was anonymous', async () => {
    const { relay, post } = await startTestRelay(FLAGS);
    await post(`${OFREP}/broken`, { context: { anonymous: true } });
    await post(`${OFREP}/off`, { context: { anonymous: 'yes' } });
    expect(relay.events().map(({ event }) => event)).toMatchObject([
      { contextKind: 'anonymousUser', userKey: '', key: 'broken', variation: 'SdkDefault', value: null, default: true },
      { contextKind: 'user', key: 'off', variation: 'SdkDefault', value: null, default: false },
    ]);
  });

  it('are not recorded for unknown flags, for trackEvents: false, for refused requests and in bulk', async () => {
    const { relay, post } = await startTestRelay(FLAGS);
    await post(`${OFREP}/unknown`, { context: {} });
    await post(`${OFREP}/silent`, { context: {} });
    await post(`${OFREP}/plain`, {});
    await post(OFREP, { context: {} });
    expect(relay.eventCounts()).toMatchObject({ recorded: 0 });
  });
});
