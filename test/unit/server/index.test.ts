import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { createRelay, type Relay } from '../../../src/server/index.ts';
import { SILENT, send, type TestAnswer, temporaryFolder, until } from './test-relay.ts';

const FLAGS = `
staff:
  variations: {on: true, off: false}
  targeting:
    - {name: employees, query: email ew "@example.com", variation: on}
  defaultRule: {variation: off}
  metadata: {owner: payments}
enriched:
  variations: {prod: 1, dev: 2}
  targeting:
    - {query: env eq "production", variation: prod}
  defaultRule: {variation: dev}
bucketed:
  variations: {a: 1, b: 2}
  defaultRule: {percentage: {a: 50, b: 50}}
later:
  variations: {a: 1, b: 2}
  defaultRule: {variation: a}
  scheduledRollout:
    - {date: 2020-01-01T00:00:00Z, defaultRule: {variation: nowhere}}
unfit:
  variations: {a: 1}
  defaultRule: {variation: a}
  scheduledRollout:
    - {date: 2020-01-01T00:00:00Z, targeting: [{query: key pr}]}
"off":
  variations: {a: 1}
  defaultRule: {variation: a}
  disable: true
invalid:
  variations: {a: 1}
`;

async function start(text: string): Promise<{ relay: Relay; file: string }> {
  const file = join(await temporaryFolder(), 'flags.yaml');
  await writeFile(file, text);
  const relay = await createRelay({
    flagFiles: [file],
    port: 0,
    logger: SILENT,
    debounceMs: 20,
    checkIntervalMs: 200,
    evaluationContextEnrichment: { env: 'production' },
  });
  onTestFinished(() => relay.close());
  return { relay, file };
}

function post(relay: Relay, path: string, body: object): Promise<TestAnswer> {
  const headers = { 'content-type': 'application/json' };
  return send(relay.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

function evaluate(relay: Relay, key: string, context: object): Promise<TestAnswer> {
  return post(relay, `/ofrep/v1/evaluate/flags/${key}`, { context });
}

describe('createRelay', () => {
  it('evaluates with Edict’s own evaluator, enrichment included', async () => {
    const { relay } = await start(FLAGS);
    const staff = await evaluate(relay, 'staff', { targetingKey: 'u-1', email: 'a@example.com' });
    expect(staff.json()).toEqual({
      key: 'staff',
      value: true,
      variant: 'on',
      reason: 'TARGETING_MATCH',
      metadata: { owner: 'payments', evaluatedRuleName: 'employees', gofeatureflag_cacheable: true },
    });
    expect((await evaluate(relay, 'enriched', { env: 'dev' })).json()).toMatchObject({ value: 1, variant: 'prod' });
    expect((await evaluate(relay, 'bucketed', { targetingKey: 'u-1' })).json()).toMatchObject({ reason: 'SPLIT' });
  });

  it('gives OFREP its statuses, codes and the engine’s details', async () => {
    const { relay } = await start(FLAGS);
    const answer = async (key: string): Promise<unknown[]> => {
      const { status, json } = await evaluate(relay, key, {});
      return [status, json()];
    };
    expect(await answer('bucketed')).toEqual([
      400,
      { errorCode: 'TARGETING_KEY_MISSING', errorDetails: 'Error: Empty targeting key', key: 'bucketed' },
    ]);
    expect((await evaluate(relay, 'unfit', { targetingKey: 'u-1' })).json()).toEqual({
      errorCode: 'FLAG_CONFIG',
      errorDetails: 'error in the configuration, no variation available for this rule',
      key: 'unfit',
    });
    expect(await answer('nope')).toMatchObject([404, { errorCode: 'FLAG_NOT_FOUND', key: 'nope' }]);
    expect(await answer('invalid')).toMatchObject([404, { errorCode: 'FLAG_NOT_FOUND', key: 'invalid' }]);
    expect(await answer('off')).toMatchObject([200, { value: null, variant: 'SdkDefault', reason: 'DISABLED' }]);
    expect(await answer('later')).toEqual([200, { key: 'later', value: null, variant: 'nowhere', reason: 'STATIC' }]);
  });

  it('answers in bulk, each failed flag by itself', async () => {
    const { relay } = await start(FLAGS);
    const bulk = (await post(relay, '/ofrep/v1/evaluate/flags', { context: {} })).json() as { flags: object[] };
    expect(bulk.flags).toMatchObject([
      { key: 'bucketed', value: null, reason: 'ERROR', errorCode: 'TARGETING_KEY_MISSING' },
      { key: 'enriched', value: 1 },
      { key: 'later', value: null, reason: 'STATIC' },
      { key: 'off', value: null, reason: 'DISABLED' },
      { key: 'staff', value: false },
      { key: 'unfit', value: null },
    ]);
    const gofeatureflag = { flagList: ['staff', 'nope'] };
    const some = (await post(relay, '/ofrep/v1/evaluate/flags', { context: { gofeatureflag } })).json();
    expect(some).toMatchObject({ flags: [{ key: 'staff' }] });
  });

  it('feeds an evaluator that polls it, and both see a change of the file', async () => {
    const { relay, file } = await start(FLAGS);
    const evaluator = new InProcessEvaluator({ endpoint: relay.url, pollIntervalMs: 100, logger: SILENT });
    onTestFinished(() => evaluator.close());
    await evaluator.initialize();
    const context = { targetingKey: 'u-1', email: 'a@example.com' };
    expect(evaluator.evaluate('staff', context, false)).toMatchObject({ value: true, variant: 'on' });
    expect(evaluator.evaluate('enriched', {}, 0).value).toBe(1);

    await writeFile(file, FLAGS.replace('"@example.com"', '"@example.org"'));
    await until(() => evaluator.evaluate('staff', context, false).value === false);
    expect((await evaluate(relay, 'staff', context)).json()).toMatchObject({ value: false, reason: 'DEFAULT' });
  });

  it('serves zero flags when the file says so', async () => {
    const { relay, file } = await start(FLAGS);
    await writeFile(file, '{}');
    await until(async () => (await evaluate(relay, 'staff', {})).status === 404);
    expect((await post(relay, '/v1/flag/configuration', {})).text).toBe(
      '{"evaluationContextEnrichment":{"env":"production"}}\n',
    );
  });

  it('records what it evaluates one by one, as the flag asks for', async () => {
    const { relay } = await start(`${FLAGS}
untracked:
  variations: {a: 1}
  defaultRule: {variation: a}
  trackEvents: false
versioned:
  variations: {a: {x: 1}}
  defaultRule: {variation: a}
  version: "7"
`);
    const context = { targetingKey: 'u-1' };
    for (const key of ['untracked', 'nope', 'versioned', 'off', 'unfit']) await evaluate(relay, key, context);
    expect(relay.events().map(({ event }) => event)).toMatchObject([
      {
        userKey: 'u-1',
        key: 'versioned',
        variation: 'a',
        value: { x: 1 },
        default: false,
        version: '7',
        source: 'SERVER',
      },
      { key: 'off', variation: 'SdkDefault', value: null, default: false },
      { key: 'unfit', variation: 'SdkDefault', value: null, default: true },
    ]);
  });
});
