/** The effects of the options of the group Connection. */

import { gzipSync } from 'node:zlib';
import { Agent, type Dispatcher } from 'undici';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import type { CONNECTION_ROWS } from '../../../../src/options/rows/connection.ts';
import { reply } from '../../relay/support/scripted-relay.ts';
import type { Effects } from './support/effect.ts';
import { documentOf, type Stage, serving, silent, USER, until } from './support/stage.ts';

/** Counts what passes, and whether somebody ended it. */
class CountingAgent extends Agent {
  dispatched = 0;
  ended = 0;

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.dispatched++;
    return super.dispatch(options, handler);
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | undefined {
    this.ended++;
    callback?.();
    return callback === undefined ? Promise.resolve() : undefined;
  }
}

let agent: CountingAgent | undefined;
let fetched: string[] = [];

const bootstrap = documentOf({ flag: 'bootstrap' });
/** Larger than 1,024 bytes, and than a hundredth of itself when it is compressed. */
const large = documentOf({ flag: 'relay', other: 'x'.repeat(2_000) });

/** Which configuration is in use once the relay has answered, and what is said about it. */
async function lookAtStart(stage: Stage): Promise<unknown> {
  const evaluator = stage.inProcess({ bootstrap });
  await evaluator.initialize();
  const { value } = evaluator.evaluate('flag', {});
  const said = ['maxWireBytes', 'maxInflatedBytes'].filter((name) => stage.logger.text.includes(name));
  return { value, said };
}

/** The headers that a configuration request carried. */
async function lookAtHeaders(stage: Stage, names: readonly string[], options: EdictOptions = {}): Promise<unknown> {
  await stage.inProcess(options).initialize();
  const { headers } = stage.relay.requests[0] ?? {};
  return names.map((name) => headers?.[name]);
}

const EVERY_PATH = [
  '/v1/flag/configuration',
  '/stream/v1/sse/flag/change',
  '/ofrep/v1/evaluate/flags/broken',
  '/v1/data/collector',
];

/** A life in which each kind of request is sent once. */
async function lookAtEveryRequest(stage: Stage): Promise<void> {
  stage.answers.configuration = serving({ flags: { broken: { variations: 'none' } } });
  const { client, provider } = await stage.client({ streaming: 'sse' });
  await until(() => stage.requests('/sse/flag/change').length === 1);
  await client.getStringValue('broken', 'default', USER);
  client.track('something', USER);
  await provider.onClose();
}

export const CONNECTION_EFFECTS: Effects<keyof typeof CONNECTION_ROWS> = {
  endpoint: {
    decides: 'whether and where a relay is asked',
    other: ({ relay }) => relay.url,
    look: async (stage) => {
      const evaluator = stage.inProcess({ endpoint: undefined, bootstrap });
      await evaluator.initialize();
      return { value: evaluator.evaluate('flag', {}).value, asked: stage.relay.requests.length };
    },
    byDefault: { value: 'bootstrap', asked: 0 },
    otherwise: { value: 'relay', asked: 1 },
  },
  evaluationType: {
    decides: 'who evaluates',
    other: () => 'remote',
    look: async (stage) => {
      const { client } = await stage.client();
      const value = await client.getStringValue('flag', 'default');
      return { value, asked: stage.relay.requests.map(({ path }) => path) };
    },
    byDefault: { value: 'relay', asked: ['/v1/flag/configuration'] },
    otherwise: { value: 'evaluated', asked: ['/v1/flag/change', '/ofrep/v1/evaluate/flags/flag'] },
  },
  apiKey: {
    decides: 'which credential a request carries',
    other: () => 'key-of-ours',
    look: (stage) => lookAtHeaders(stage, ['x-api-key']),
    byDefault: [undefined],
    otherwise: ['key-of-ours'],
    also: [{ other: () => async () => 'key-of-a-function', otherwise: ['key-of-a-function'] }],
  },
  authScheme: {
    decides: 'which header carries the key',
    other: () => 'bearer',
    look: (stage) => lookAtHeaders(stage, ['x-api-key', 'authorization'], { apiKey: 'key-of-ours' }),
    byDefault: ['key-of-ours', undefined],
    otherwise: [undefined, 'Bearer key-of-ours'],
  },
  headers: {
    decides: 'what else a request carries',
    other: () => ({ 'X-Team': 'shop' }),
    look: (stage) => lookAtHeaders(stage, ['x-team'], { headers: undefined }),
    byDefault: [undefined],
    otherwise: ['shop'],
    also: [{ other: () => (purpose) => ({ 'X-Team': purpose }), otherwise: ['configuration'] }],
  },
  timeoutMs: {
    decides: 'how long a silent relay is waited for',
    other: () => 2_000,
    look: async (stage) => {
      const evaluator = stage.inProcess({ timeoutMs: undefined });
      await evaluator.initialize();
      stage.answers.configuration = silent;
      const refreshed = evaluator.refresh('test');
      return { ms: await stage.timeOf(refreshed), result: await refreshed };
    },
    byDefault: { ms: 10_000, result: 'failed' },
    otherwise: { ms: 2_000, result: 'failed' },
  },
  stallTimeoutMs: {
    decides: 'how long half an answer is waited for',
    other: () => 1_000,
    look: async (stage) => {
      const evaluator = stage.inProcess();
      await evaluator.initialize();
      let timers = Number.POSITIVE_INFINITY;
      stage.answers.configuration = ({ response }) => {
        timers = stage.clock.pendingTimers;
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"flags":');
      };
      const refreshed = evaluator.refresh('test');
      // One more than with the request on its way: the wait for the next piece.
      await until(() => stage.clock.pendingTimers > timers);
      return { ms: await stage.timeOf(refreshed), result: await refreshed };
    },
    byDefault: { ms: 5_000, result: 'failed' },
    otherwise: { ms: 1_000, result: 'failed' },
  },
  maxWireBytes: {
    decides: 'how large a body may travel',
    other: () => 1_024,
    look: (stage) => {
      stage.answers.configuration = serving(large);
      return lookAtStart(stage);
    },
    byDefault: { value: 'relay', said: [] },
    otherwise: { value: 'bootstrap', said: ['maxWireBytes'] },
  },
  maxInflatedBytes: {
    decides: 'how large a body may become',
    other: () => 1_024,
    look: (stage) => {
      const body = gzipSync(JSON.stringify(large));
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
      stage.answers.configuration = reply(200, body, headers);
      return lookAtStart(stage);
    },
    byDefault: { value: 'relay', said: [] },
    otherwise: { value: 'bootstrap', said: ['maxInflatedBytes'] },
  },
  dispatcher: {
    decides: 'through what requests go',
    other: () => {
      agent = new CountingAgent();
      return agent;
    },
    look: async (stage) => {
      await lookAtEveryRequest(stage);
      const { dispatched = 0, ended = 0 } = agent ?? {};
      await agent?.destroy();
      agent = undefined;
      return { asked: stage.relay.requests.length, dispatched, ended };
    },
    byDefault: { asked: 4, dispatched: 0, ended: 0 },
    otherwise: { asked: 4, dispatched: 4, ended: 0 },
  },
  fetch: {
    decides: 'what sends requests in place of undici',
    other: () => {
      fetched = [];
      return (input, init) => {
        fetched.push(new URL(String(input)).pathname);
        return fetch(input, init);
      };
    },
    look: async (stage) => {
      fetched = [];
      await lookAtEveryRequest(stage);
      const asked = stage.relay.requests.map(({ path }) => path.split('?')[0]);
      return { fetched, asked };
    },
    byDefault: { fetched: [], asked: EVERY_PATH },
    otherwise: { fetched: EVERY_PATH, asked: EVERY_PATH },
  },
};
