/** The option `decisions` of an engine: where decision events go, and what of them. */

import { randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { EdictError } from '../errors.ts';
import type { JsonObject } from '../internal/json.ts';
import type { Clock } from '../options/clock.ts';
import { DecisionLog } from '../policy/decisions/decision-log.ts';
import type { Mask } from '../policy/decisions/masks.ts';
import type { DecisionSink } from '../policy/decisions/sink.ts';
import type { DecisionLimits } from '../policy/decisions/tenant-decisions.ts';
import type { Redactor } from '../policy/params/redactor.ts';
import { JsonLinesSink, type LineWriter } from '../policy-host/decisions/json-lines-sink.ts';
import { OpaDecisionSink } from '../policy-host/decisions/opa-sink.ts';
import { fetchPost } from '../policy-host/decisions/post.ts';
import { WebhookSink } from '../policy-host/decisions/webhook-sink.ts';
import { publish } from '../telemetry/channels.ts';

/** Exactly one of `jsonLines`, `webhook` and `opa`. */
export interface DecisionsOptions {
  /** A file that lines are appended to, or a writable such as `process.stdout`. */
  readonly jsonLines?: string | LineWriter;
  readonly webhook?: {
    readonly url: string | URL;
    readonly headers?: Readonly<Record<string, string>>;
    /** Signs bodies, as `X-Hub-Signature-256`. */
    readonly secret?: string;
  };
  /** A service that takes the decision logs of Open Policy Agent: its address with `/logs`. */
  readonly opa?: { readonly url: string | URL; readonly headers?: Readonly<Record<string, string>> };
  /** In place of the default masks, which erase credentials and the query. */
  readonly masks?: readonly Mask[];
  /** Tell what the policies saw: request and response without bodies. Default false. */
  readonly inputs?: boolean;
  /** Of each tenant. Default 1000 events and 1 MiB that may wait, 1 MiB and 1000 events an upload. */
  readonly limits?: Partial<DecisionLimits>;
  /** Time between uploads, in milliseconds. Default 5000. */
  readonly flushIntervalMs?: number;
}

export interface DecisionsPorts {
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly warn: (line: string) => void;
}

/** Throws `INVALID_OPTION`. */
export function decisionLogOf(options: DecisionsOptions, { clock, redactor, warn }: DecisionsPorts): DecisionLog {
  const { masks, limits, flushIntervalMs } = options;
  for (const [name, value] of Object.entries({ ...limits, flushIntervalMs })) {
    if (value !== undefined && !(Number.isFinite(value) && value >= 1)) {
      throw new EdictError('INVALID_OPTION', `decisions: ${name} must be a number from 1`);
    }
  }
  const log = DecisionLog.create(
    {
      clock,
      random: Math.random,
      newId: () => randomUUID(),
      warn,
      dropped: (tenant, reason, count) => publish('edict:policy:drop', { tenant, reason, count }),
      redact: (event) => redactor.redactJson(event) as JsonObject,
      ...(masks === undefined ? {} : { masks }),
      ...(limits === undefined ? {} : { limits }),
      ...(flushIntervalMs === undefined ? {} : { uploads: { flushIntervalMs } }),
    },
    sinkOf(options),
  );
  if (log instanceof DecisionLog) return log;
  throw new EdictError('INVALID_OPTION', `decisions: ${log.problems.join('; ')}`);
}

function sinkOf({ jsonLines, webhook, opa }: DecisionsOptions): DecisionSink {
  if ([jsonLines, webhook, opa].filter((one) => one !== undefined).length !== 1) {
    throw new EdictError('INVALID_OPTION', 'decisions go to exactly one of jsonLines, webhook and opa');
  }
  try {
    if (webhook !== undefined) return new WebhookSink(fetchPost(webhook.url, webhook.headers), webhook.secret);
    if (opa !== undefined) return new OpaDecisionSink(fetchPost(opa.url, opa.headers));
  } catch (caught) {
    throw new EdictError('INVALID_OPTION', `decisions: ${(caught as Error).message}`);
  }
  return new JsonLinesSink(typeof jsonLines === 'string' ? appending(jsonLines) : (jsonLines as LineWriter));
}

/** Opened for each batch: a file that was moved away by whoever rotates logs is made anew. */
function appending(path: string): LineWriter {
  return {
    write: (text, done) => {
      appendFile(path, text, { mode: 0o600 }).then(() => done(), done);
    },
  };
}
