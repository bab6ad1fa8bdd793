/** The port through which sinks speak HTTP, and what a status means to a batch. */

import type { SinkAnswer } from '../../policy/decisions/sink.ts';

export interface PostRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface PostAnswer {
  readonly status: number;
  readonly retryAfterMs?: number;
}

/** One POST to the address the port was made for; rejects when there is no answer. */
export type Post = (request: PostRequest, signal: AbortSignal) => Promise<PostAnswer>;

/** Client errors that time or a person heals. */
const MAY_HEAL: ReadonlySet<number> = new Set([401, 403, 404, 408, 425, 429]);

/** 413 may pass in halves; other client errors never will. */
export function answerOf({ status, retryAfterMs }: PostAnswer): SinkAnswer {
  if (status >= 200 && status < 300) return { kind: 'sent' };
  const message = `status ${status}`;
  if (status === 413) return { kind: 'too-large' };
  if (status >= 400 && status < 500 && !MAY_HEAL.has(status)) return { kind: 'refused', message };
  return { kind: 'failed', message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** A port over `fetch`. Redirects are not followed: the events are for the address that was configured. */
export function fetchPost(url: URL | string, headers: Readonly<Record<string, string>> = {}): Post {
  const address = new URL(url);
  return async (request, signal) => {
    const answer = await fetch(address, {
      method: 'POST',
      headers: { ...headers, ...request.headers },
      body: request.body,
      redirect: 'manual',
      signal,
    });
    await answer.body?.cancel();
    const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
    return { status: answer.status, ...(seconds >= 0 ? { retryAfterMs: seconds * 1_000 } : {}) };
  };
}
