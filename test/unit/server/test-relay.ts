/** A relay on a free loopback port over a flag file in a folder of its own, and a simple evaluator to run it on. */

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dispatcher } from 'undici';
import { request } from 'undici';
import { onTestFinished } from 'vitest';
import type { EvaluationContext, Resolution } from '../../../src/evaluator/resolution.ts';
import type { JsonObject } from '../../../src/internal/json.ts';
import { isJsonObject } from '../../../src/internal/json.ts';
import type { RelayEvent } from '../../../src/server/event-reporter.ts';
import type { FlagDocument } from '../../../src/server/flag-set.ts';
import type { FlagEvaluator } from '../../../src/server/flag-store.ts';
import type { RelayOptions } from '../../../src/server/options.ts';
import type { CreateEvaluator, Relay } from '../../../src/server/relay.ts';
import { startRelay } from '../../../src/server/relay.ts';

export const SILENT = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

function resolution(flagKey: string, members: Partial<Resolution>): Resolution {
  return {
    flagKey,
    value: null,
    variant: 'SdkDefault',
    reason: 'ERROR',
    errorCode: undefined,
    errorMessage: undefined,
    engineCode: undefined,
    metadata: {},
    ruleIndex: undefined,
    ruleName: undefined,
    version: '',
    trackEvents: true,
    cacheable: false,
    ...members,
  };
}

/**
 * Answers the default rule's variation (its first step's, where it has steps). A flag with `bucketingKey` needs a targeting
 * key, and a default rule without variation is an error, so that every kind of answer can be had.
 */
export class DefaultRuleEvaluator implements FlagEvaluator {
  document: FlagDocument;
  isClosed = false;

  constructor(document: FlagDocument) {
    this.document = document;
  }

  load(document: FlagDocument): Promise<void> {
    this.document = document;
    return Promise.resolve();
  }

  evaluate(flagKey: string, context: EvaluationContext): Resolution {
    const flag = this.document.flags[flagKey];
    const answer = this.#answer(flagKey, flag, context);
    if (!isJsonObject(flag)) return answer;
    const version = typeof flag.version === 'string' ? flag.version : '';
    return { ...answer, version, trackEvents: flag.trackEvents !== false };
  }

  #answer(flagKey: string, flag: unknown, context: EvaluationContext): Resolution {
    if (!isJsonObject(flag)) {
      const errorMessage = `Flag with key '${flagKey}' not found`;
      return resolution(flagKey, { errorCode: 'FLAG_NOT_FOUND', engineCode: 'FLAG_NOT_FOUND', errorMessage });
    }
    if (flag.disable === true) return resolution(flagKey, { reason: 'DISABLED', cacheable: true });
    if (flag.bucketingKey !== undefined && context.targetingKey === undefined) {
      const code = 'TARGETING_KEY_MISSING';
      return resolution(flagKey, { errorCode: code, engineCode: code, errorMessage: 'Error: Empty targeting key' });
    }
    const [step = flag] = Array.isArray(flag.scheduledRollout) ? flag.scheduledRollout : [];
    const rule = isJsonObject(step) ? step.defaultRule : undefined;
    const variation = isJsonObject(rule) ? rule.variation : undefined;
    const variations = flag.variations;
    if (typeof variation !== 'string' || !isJsonObject(variations)) {
      const errorMessage = 'no default targeting for the flag';
      return resolution(flagKey, { errorCode: 'GENERAL', engineCode: 'FLAG_CONFIG', errorMessage });
    }
    return resolution(flagKey, {
      value: variations[variation] ?? null,
      variant: variation,
      reason: 'STATIC',
      metadata: (flag.metadata ?? {}) as JsonObject,
      cacheable: flag.experimentation === undefined,
    });
  }

  evaluateAll(context: EvaluationContext, keys = Object.keys(this.document.flags)): readonly Resolution[] {
    return keys.map((key) => this.evaluate(key, context));
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edict-relay-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface TestRelay {
  readonly relay: Relay;
  readonly file: string;
  readonly events: RelayEvent[];
  /** Writes the file in place. */
  write(text: string): Promise<void>;
  /** Replaces the file as editors do: another file, renamed over it. */
  replace(text: string): Promise<void>;
  get(path: string, headers?: Record<string, string>): Promise<TestAnswer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly bytes: Buffer;
  readonly text: string;
  json(): unknown;
}

export async function startTestRelay(
  flags: JsonObject | string = {},
  options: Partial<RelayOptions> = {},
  createEvaluator: CreateEvaluator = async (document) => new DefaultRuleEvaluator(document),
): Promise<TestRelay> {
  const file = join(await temporaryFolder(), 'flags.yaml');
  await writeFile(file, typeof flags === 'string' ? flags : JSON.stringify(flags));
  const relay = await startRelay(
    { flagFiles: [file], port: 0, logger: SILENT, debounceMs: 20, checkIntervalMs: 200, ...options },
    createEvaluator,
  );
  onTestFinished(() => relay.close());
  const events: RelayEvent[] = [];
  relay.onEvent((event) => events.push(event));
  return {
    relay,
    file,
    events,
    write: (text) => writeFile(file, text),
    replace: async (text) => {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    },
    get: (path, headers) => send(relay.url + path, { method: 'GET', ...(headers && { headers }) }),
    post: (path, body, headers) =>
      send(relay.url + path, {
        method: 'POST',
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        body: body === undefined || typeof body === 'string' ? (body ?? null) : JSON.stringify(body),
      }),
  };
}

/** One request on a connection of its own, so that no idle connection outlives the test. */
export async function send(url: string, options: Parameters<typeof request>[1]): Promise<TestAnswer> {
  const { statusCode, headers, body } = await request(url, { reset: true, ...options });
  const bytes = Buffer.from(await body.arrayBuffer());
  const text = bytes.toString('utf8');
  return { status: statusCode, headers, bytes, text, json: () => JSON.parse(text) };
}

/** Polls until the condition holds; a test that waits in vain fails by its own time limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}

export const SHOP: JsonObject = {
  checkout: { variations: { on: true, off: false }, defaultRule: { variation: 'on' }, metadata: { owner: 'payments' } },
  banner: { variations: { a: '<b>&</b>', b: '\u2028' }, defaultRule: { variation: 'a' } },
  'shop/price:€': { variations: { low: 1, high: 2.5 }, defaultRule: { variation: 'high' } },
  '__proto__.x': { variations: { on: true }, defaultRule: { variation: 'on' } },
};
