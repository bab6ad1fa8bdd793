/** Stands between a handler and its response: the head, then the body, pass the chain before they reach the client. */

import type { ServerResponse } from 'node:http';
import type { ResponseStep } from '../../policy/chain/exchange-steps.ts';
import { andThen } from '../../policy/chain/maybe-promise.ts';
import { announcesStream, responseHasNoBody } from '../../policy/chain/message-rules.ts';
import type { Body, ResponseView } from '../../policy/model/views.ts';
import type { OpenExchange } from './policy-gate.ts';
import { applyToResponse, type HeadArguments, viewOfResponse } from './response-view.ts';

type Callback = (error?: Error | null) => void;

/** How the body of a response travels. */
type BodyMode = 'none' | 'buffer' | 'stream' | 'pass';

interface Piece {
  readonly data: Buffer;
  readonly done: Callback | undefined;
}

export interface TapOptions {
  /** Largest buffered body, in bytes; a larger response is cut off, because its policies cannot see it whole. */
  readonly maxBodyBytes: number;
  readonly streamId: number;
}

/**
 * Node's own methods of the response are replaced by ones that hold back what a policy still has to decide. INVARIANT: what
 * the handler writes leaves in order, and nothing leaves before the head was decided.
 */
export class ResponseTap {
  readonly #response: ServerResponse;
  readonly #open: OpenExchange;
  readonly #options: TapOptions;
  readonly #write: ServerResponse['write'];
  readonly #end: ServerResponse['end'];
  readonly #writeHead: ServerResponse['writeHead'];
  readonly #held: Piece[] = [];
  #heldBytes = 0;
  /** Of those, the ones that the process has been asked for. */
  #countedBytes = 0;
  #mode: BodyMode | undefined;
  #isEnded = false;
  /** Something asynchronous is deciding; what comes meanwhile waits. */
  #isBusy = false;
  #isDone = false;

  constructor(response: ServerResponse, open: OpenExchange, options: TapOptions) {
    this.#response = response;
    this.#open = open;
    this.#options = options;
    this.#write = response.write.bind(response) as ServerResponse['write'];
    this.#end = response.end.bind(response) as ServerResponse['end'];
    this.#writeHead = response.writeHead.bind(response) as ServerResponse['writeHead'];
    response.writeHead = ((...head: HeadArguments) => {
      this.#head(head);
      return response;
    }) as ServerResponse['writeHead'];
    response.flushHeaders = () => this.#head();
    response.write = ((chunk: unknown, encoding?: unknown, done?: unknown) =>
      this.#take(chunk, encoding, done)) as ServerResponse['write'];
    response.end = ((chunk?: unknown, encoding?: unknown, done?: unknown) => {
      this.#finish(chunk, encoding, done);
      return response;
    }) as ServerResponse['end'];
  }

  /** Answers in place of the handler, past the chain: what a policy or the engine decided. */
  answer(view: ResponseView): void {
    this.#isDone = true;
    applyToResponse(this.#response, view);
    this.#writeHead(view.status);
    this.#end(view.body.content.length === 0 ? undefined : Buffer.from(view.body.content));
  }

  #take(chunk: unknown, encoding: unknown, done: unknown): boolean {
    const callback = [encoding, done].find((value) => typeof value === 'function') as Callback | undefined;
    this.#hold(bufferOf(chunk, encoding), callback);
    if (this.#mode === undefined) this.#head();
    this.#pump();
    // Held bytes are the handler's signal to slow down, as a full socket is.
    return this.#heldBytes < this.#response.writableHighWaterMark && !this.#response.writableNeedDrain;
  }

  #finish(chunk: unknown, encoding: unknown, done: unknown): void {
    if (this.#isEnded) return;
    const callback = [chunk, encoding, done].find((value) => typeof value === 'function') as Callback | undefined;
    if (callback !== undefined) this.#response.once('finish', () => callback());
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      this.#hold(bufferOf(chunk, encoding), undefined);
    }
    this.#isEnded = true;
    if (this.#mode === undefined) this.#head();
    this.#pump();
  }

  #hold(data: Buffer, done: Callback | undefined): void {
    this.#held.push({ data, done });
    this.#heldBytes += data.length;
  }

  #head(head: HeadArguments = []): void {
    if (this.#mode !== undefined) return;
    const { exchange } = this.#open;
    const view = viewOfResponse(this.#response, head);
    this.#mode = this.#modeOf(view);
    this.#isBusy = true;
    const step = exchange.responseHeaders(view, this.#mode === 'pass' ? 'none' : this.#mode);
    void andThen(step, (decided) => this.#headDecided(decided));
  }

  #modeOf(view: ResponseView): BodyMode {
    const { chain, exchange } = this.#open;
    if (responseHasNoBody(view, exchange.request.method)) return 'none';
    if (!chain.needsResponseBody) return 'pass';
    const streams = chain.streamsResponse && announcesStream(view.headers, exchange.request.headers);
    return streams ? 'stream' : 'buffer';
  }

  #headDecided({ response, isReplaced }: ResponseStep): void {
    this.#isBusy = false;
    if (isReplaced) {
      this.#drop();
      this.answer(response);
      return;
    }
    applyToResponse(this.#response, response);
    // A streamed body may change length under way.
    if (this.#mode === 'stream') this.#response.removeHeader('content-length');
    if (this.#mode !== 'buffer') this.#writeHead(response.status);
    this.#pump();
  }

  /** Lets go of whatever may go now. */
  #pump(): void {
    if (this.#isBusy || this.#isDone || this.#mode === undefined) return;
    if (this.#mode === 'buffer') this.#pumpBuffer();
    else if (this.#mode === 'stream') this.#pumpStream();
    else {
      for (const { data, done } of this.#takeHeld()) this.#write(data, done);
      if (this.#isEnded) this.#close();
    }
  }

  #pumpBuffer(): void {
    if (this.#heldBytes > this.#options.maxBodyBytes) {
      this.#refuse(500, 'the response body is over its limit');
      return;
    }
    const fresh = this.#heldBytes - this.#countedBytes;
    this.#countedBytes = this.#heldBytes;
    if (fresh > 0 && this.#open.bodies?.hold(fresh) === false) {
      this.#refuse(503, 'OVERLOAD: no room for the response body');
      return;
    }
    if (!this.#isEnded) return;
    const pieces = this.#takeHeld();
    const content = Buffer.concat(pieces.map(({ data }) => data));
    const body: Body = { content, present: true, endOfStream: true, truncated: false };
    this.#isBusy = true;
    void andThen(this.#open.exchange.responseBody(body), ({ response }) => {
      for (const { done } of pieces) done?.();
      const { content: given } = response.body;
      const headers = response.headers.has('content-length')
        ? response.headers
        : response.headers.with('content-length', [String(given.length)]).with('transfer-encoding', []);
      this.answer({ ...response, headers });
    });
  }

  #refuse(status: number, description: string): void {
    this.#drop();
    this.#isBusy = true;
    void andThen(this.#open.exchange.refuse(status, description), (view) => this.answer(view));
  }

  #pumpStream(): void {
    const piece = this.#held.shift();
    const endsHere = piece === undefined && this.#isEnded;
    if (piece === undefined && !endsHere) return;
    const data = piece?.data ?? Buffer.alloc(0);
    this.#heldBytes -= data.length;
    this.#isBusy = true;
    const chunk = { data, endOfStream: endsHere, streamId: this.#options.streamId };
    void andThen(this.#open.exchange.responseChunk(chunk), (step) => {
      this.#isBusy = false;
      if (step.data.length > 0) this.#write(Buffer.from(step.data), piece?.done);
      else piece?.done?.();
      if (!step.ends) {
        this.#pump();
        return;
      }
      this.#drop();
      this.#close();
    });
  }

  #close(): void {
    this.#isDone = true;
    this.#end();
  }

  #takeHeld(): Piece[] {
    this.#heldBytes = 0;
    return this.#held.splice(0);
  }

  /** What the handler wrote goes nowhere, and it is told that it was written. */
  #drop(): void {
    for (const { done } of this.#takeHeld()) done?.();
  }
}

function bufferOf(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8');
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as Uint8Array);
}
