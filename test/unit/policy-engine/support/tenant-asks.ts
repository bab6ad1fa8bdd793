/** Requests straight to an engine, without HTTP: what comes of them, and what policies did to them. */

import { onTestFinished } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import {
  type DefinedPolicy,
  definePolicy,
  PolicyEngine,
  type PolicyEngineOptions,
} from '../../../../src/policy-engine/index.ts';
import { request, response } from '../../policy/support/exchange-rig.ts';
import { RecordingLogger } from '../../relay/support/recording-logger.ts';

export interface Answer {
  /** 0: no route is declared, the request goes on untouched. */
  readonly status: number;
  /** Values of `x-seen`, put there by policies. */
  readonly seen: readonly string[];
  readonly errorId: string | undefined;
}

/** An engine that says nothing and is closed after the test. */
export function engineOf(options: PolicyEngineOptions = {}): PolicyEngine {
  const engine = new PolicyEngine({ watch: false, logger: new RecordingLogger(), ...options });
  onTestFinished(() => engine.close());
  return engine;
}

/** One exchange from the first hook to the last. */
export async function ask(engine: PolicyEngine, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const view = request({ path, method: 'GET', headers: Object.entries({ host: 'api.example', ...headers }) });
  let open = engine.open(view, { clientIp: undefined });
  while (open instanceof Promise) {
    await open;
    open = engine.open(view, { clientIp: undefined });
  }
  if (open === undefined || 'resolve' in open) return { status: 0, seen: [], errorId: undefined };
  if (!('exchange' in open)) return { status: open.status, seen: [], errorId: open.headers.first('x-error-id') };
  const { exchange } = open;
  const step = await exchange.requestHeaders('none');
  const answer =
    step.kind === 'respond' ? step.response : (await exchange.responseHeaders(response(), 'none')).response;
  exchange.end('completed', 1);
  return {
    status: answer.status,
    seen: exchange.request.headers.get('x-seen'),
    errorId: answer.headers.first('x-error-id'),
  };
}

/** Tells in `x-seen` how often this instance was called: memory of an instance, visible from outside. */
export function counting(name = 'count', version = 'v1.0.0'): DefinedPolicy {
  return definePolicy({
    name,
    version,
    processing: { requestHeaders: 'process' },
    hooks: (_params, { tenant }) => {
      let calls = 0;
      return {
        onRequestHeaders: () => ({
          kind: 'request-changes',
          headers: { append: [['x-seen', `${tenant} ${version} ${++calls}`]] },
        }),
      };
    },
  });
}

/** Puts a text of its parameters into `x-seen`. */
export function saying(name = 'say'): DefinedPolicy {
  return definePolicy({
    name,
    processing: { requestHeaders: 'process' },
    hooks: ({ text }) => ({
      onRequestHeaders: () => ({ kind: 'request-changes', headers: { append: [['x-seen', String(text)]] } }),
    }),
  });
}

/** A document with one route for each tenant, `/<tenant>`; `more` are further members. */
export function shops(policies: Record<string, JsonValue[]>, more: JsonObject = {}): JsonObject {
  return {
    revision: 'r1',
    routes: Object.entries(policies).map(([tenant, list]) => ({
      key: `*|/${tenant}|*`,
      tenant,
      policies: list,
    })),
    ...more,
  };
}
