/** Decision events to a webhook, signed when there is a secret. */

import { createHmac } from 'node:crypto';
import { jsonString } from '../../internal/json-safe.ts';
import type { DecisionBatch, DecisionSink, SinkAnswer } from '../../policy/decisions/sink.ts';
import { answerOf, type Post } from './post.ts';

export class WebhookSink implements DecisionSink {
  readonly #post: Post;
  readonly #secret: string;

  /** With a secret each body is signed as GitHub signs its webhooks: HMAC with SHA-256 in `X-Hub-Signature-256`. */
  constructor(post: Post, secret = '') {
    this.#post = post;
    this.#secret = secret;
  }

  async send({ id, tenant, events }: DecisionBatch, signal: AbortSignal): Promise<SinkAnswer> {
    const body = Buffer.from(`{"batchId":${jsonString(id)},"tenant":${jsonString(tenant)},"events":[${events}]}`);
    const headers = { 'Content-Type': 'application/json', 'Edict-Batch-Id': id, ...this.#signature(body) };
    return answerOf(await this.#post({ headers, body }, signal));
  }

  #signature(body: Buffer): Record<string, string> {
    if (this.#secret === '') return {};
    return { 'X-Hub-Signature-256': `sha256=${createHmac('sha256', this.#secret).update(body).digest('hex')}` };
  }
}
