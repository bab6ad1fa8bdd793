/** The fallback over real connections: what the relay sees, and what becomes of its answers. */

import { expect, it, onTestFinished } from 'vitest';
import { FallbackEvaluator } from '../../../src/evaluator/fallback-evaluator.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { type Handler, json, reply, ScriptedRelay } from '../relay/support/scripted-relay.ts';
import { FLAGS, PRO } from './support/fallback-bench.ts';

const CONFIGURATION = json(JSON.stringify({ flags: FLAGS }));
const ANSWER = json(
  JSON.stringify({ key: 'broken', value: 'remote', variant: 'v', reason: 'SPLIT', metadata: { team: 'shop' } }),
);

/** A relay that serves the configuration, and answers evaluations as given; the budget is beyond any test's patience. */
async function start(evaluation: Handler, options: EdictOptions = {}) {
  const relay = await ScriptedRelay.start((exchange) =>
    (exchange.request.path.startsWith('/ofrep/') ? evaluation : CONFIGURATION)(exchange),
  );
  onTestFinished(() => relay.close());
  const quiet = { error() {}, warn() {}, info() {}, debug() {} };
  const evaluator = new FallbackEvaluator({
    endpoint: relay.url,
    logger: quiet,
    pollIntervalMs: 0,
    fallback: { budgetMs: 10_000 },
    ...options,
  });
  onTestFinished(() => evaluator.close());
  await evaluator.initialize();
  const questions = () => relay.requests.filter(({ path }) => path.startsWith('/ofrep/'));
  return { relay, evaluator, questions };
}

it('asks for one flag over OFREP, with the credentials and headers of a remote evaluation (GOFF-FALLBACK-009)', async () => {
  const { evaluator, questions } = await start(ANSWER, {
    apiKey: 'secret-key-1',
    headers: { 'x-team': 'shop' },
  });
  expect(await evaluator.evaluate('broken', PRO, 'default', 'string')).toMatchObject({
    value: 'remote',
    variant: 'v',
    reason: 'SPLIT',
    metadata: { team: 'shop', gofeatureflag_evaluated_remotely: true },
  });
  const [question] = questions();
  expect(question).toMatchObject({
    method: 'POST',
    path: '/ofrep/v1/evaluate/flags/broken',
    headers: { 'x-api-key': 'secret-key-1', 'x-team': 'shop', 'content-type': 'application/json' },
  });
  expect(JSON.parse(question?.body ?? '')).toEqual({ context: PRO });
});

it.each([
  ['a server error', reply(500, '{"message":"no"}')],
  ['refused credentials', reply(401, '{"message":"no"}')],
  ['HTML', reply(200, '<html>', { 'content-type': 'text/html' })],
  ['an evaluation error', reply(400, '{"key":"broken","errorCode":"PARSE_ERROR","errorDetails":"theirs"}')],
  ['a connection that breaks', (({ socket }) => void socket.destroy()) as Handler],
])('keeps the local error when the relay answers with %s (GOFF-FALLBACK-005)', async (_, handler) => {
  const { evaluator, questions } = await start(handler);
  const local = evaluator.local.evaluate('broken', PRO, 'default');
  expect(await evaluator.evaluate('broken', PRO, 'default')).toEqual(local);
  expect(questions()).toHaveLength(1);
  expect(evaluator.describe().fallback).toMatchObject({ answered: 0, failed: 1, inFlight: 0 });
});

it('asks for several flags at the same time, each over a connection of its own', async () => {
  const waiting: (() => void)[] = [];
  const { evaluator } = await start((exchange) => {
    waiting.push(() => ANSWER(exchange));
    if (waiting.length === 4) for (const answer of waiting) answer();
  });
  const answers = await Promise.all([1, 2, 3, 4].map(() => evaluator.evaluate('broken', PRO)));
  expect(answers.map(({ value }) => value)).toEqual(['remote', 'remote', 'remote', 'remote']);
});

it('lets go of the connections when it is closed in mid-question', async () => {
  const { relay, evaluator, questions } = await start(() => undefined);
  const asked = evaluator.evaluate('broken', PRO, 'default');
  while (questions().length === 0) await new Promise((resolve) => setImmediate(resolve));
  await evaluator.close();
  expect(await asked).toMatchObject({ value: 'default', errorCode: 'PARSE_ERROR' });
  while (relay.openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
});

it('asks nobody without an endpoint', async () => {
  const evaluator = new FallbackEvaluator({ bootstrap: { flags: FLAGS } });
  onTestFinished(() => evaluator.close());
  await evaluator.initialize();
  expect(evaluator.evaluate('broken', PRO, 'default')).toMatchObject({ value: 'default', errorCode: 'PARSE_ERROR' });
  expect(evaluator.evaluateAll(PRO)).toHaveLength(5);
});
