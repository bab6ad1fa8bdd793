/** Decision events to a service that takes Open Policy Agent's decision logs: gzip, one array a request. */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { JsonObject } from '../../internal/json.ts';
import type { DecisionBatch, DecisionSink, SinkAnswer } from '../../policy/decisions/sink.ts';
import { opaEvent } from './opa-event.ts';
import { answerOf, type Post } from './post.ts';

/** OPA itself sends 32,768 bytes at most unless it is told otherwise; services take a mebibyte. */
export const MAX_UPLOAD_BYTES = 1_048_576;

const compress = promisify(gzip);

export class OpaDecisionSink implements DecisionSink {
  readonly #post: Post;
  readonly #maxBytes: number;

  /** The port leads to `<service>/logs` or a partition of it. `maxBytes` is after compression. */
  constructor(post: Post, maxBytes: number = MAX_UPLOAD_BYTES) {
    this.#post = post;
    this.#maxBytes = maxBytes;
  }

  async send({ id, events }: DecisionBatch, signal: AbortSignal): Promise<SinkAnswer> {
    const list = (JSON.parse(`[${events}]`) as JsonObject[]).map(opaEvent);
    const body = await compress(JSON.stringify(list));
    if (body.length > this.#maxBytes) return { kind: 'too-large' };
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip', 'Edict-Batch-Id': id };
    return answerOf(await this.#post({ headers, body }, signal));
  }
}
