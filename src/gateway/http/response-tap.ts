/** Stands between a handler and its response: the head, then the body, pass the chain before they reach the client. */

import type { ServerResponse } from 'node:http';
import type { ResponseStep } from '../../policy/chain/exchange-steps.ts';
import { andThen, type MaybePromise } from '../../policy/chain/maybe-promise.ts';
import { announcesStream, responseHasNoBody } from '../../policy/chain/message-rules.ts';
import { HeaderMap } from '../../policy/model/headers.ts';
import type { ResponseView } from '../../policy/model/views.ts';
import { applyResponse } from '../../policy/reduce/apply.ts';
import { hasNoBody } from '../../policy/reduce/fold.ts';
import { codingOf } from '../coding/content-coding.ts';
import type { DecodingLimits } from '../coding/limits.ts';
import { StreamCoding } from '../coding/stream-coding.ts';
import { bodyForPolicies, mutationForWire, undecodedBody } from '../coding/whole-body.ts';
import type { OpenExchange } from './policy-gate.ts';
import { applyToResponse, type HeadArguments, viewOfResponse } from './response-view.ts';
import { StreamedBody } from './streamed-body.ts';

type Callback = (error?: Error | null) => void;

/** How the body of a response travels. */
type BodyMode = 'none' | 'buffer' | 'stream' | 'pass';

interface Piece {
  readonly data: Buffer;
  readonly done: Callback | undefined;
}

export interface TapOptions extends DecodingLimits {
  /** Largest buffered body, in bytes; a larger response is refused, because its policies cannot see it whole. */
  readonly maxBodyBytes: number;
  readonly streamId: number;
}

const PARTIAL_CONTENT = 206;

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
  readonly #destroy: ServerResponse['destroy'];
  readonly #held: Piece[] = [];
  #heldBytes = 0;
  /** Of those, the ones that the process has been asked for. */
  #countedBytes = 0;
  /** What `writeHead` was given; Node sends it with the first piece of the body as well. */
  #given: HeadArguments | undefined;
  #mode: BodyMode | undefined;
  /** The handler's headers, before any policy. */
  #received = HeaderMap.empty;
  #stream: StreamedBody | undefined;
  #isEnded = false;
  /** Something asynchronous is deciding; what comes meanwhile waits. */
  #isBusy = false;
  /** The answer is settled: what the handler still writes goes nowhere. */
  #isDone = false;
  /** The handler was told to wait. */
  #owesDrain = false;
  #isAbandoned = false;

  constructor(response: ServerResponse, open: OpenExchange, options: TapOptions) {
    this.#response = response;
    this.#open = open;
    this.#options = options;
    this.#write = response.write.bind(response) as ServerResponse['write'];
    this.#end = response.end.bind(response) as ServerResponse['end'];
    this.#writeHead = response.writeHead.bind(response) as ServerResponse['writeHead'];
    this.#destroy = response.destroy.bind(response) as ServerResponse['destroy'];
    response.writeHead = ((...head: HeadArguments) => {
      if (this.#mode !== undefined || this.#given !== undefined) return response;
      this.#given = head;
      response.statusCode = head[0] ?? response.statusCode;
      return response;
    }) as ServerResponse['writeHead'];
    response.flushHeaders = () => this.#head(true);
    response.write = ((chunk: unknown, encoding?: unknown, done?: unknown) =>
      this.#take(chunk, encoding, done)) as ServerResponse['write'];
    response.end = ((chunk?: unknown, encoding?: unknown, done?: unknown) => {
      this.#finish(chunk, encoding, done);
      return response;
    }) as ServerResponse['end'];
    response.destroy = ((error?: Error) => {
      this.#isAbandoned = true;
      return this.#destroy(error);
    }) as ServerResponse['destroy'];
    response.once('close', () => this.#closed());
  }

  /** The handler cut its own response off. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Answers in place of the handler, past the chain: what a policy or the engine decided. */
  answer(view: ResponseView): void {
    this.#isDone = true;
    this.#drop();
    applyToResponse(this.#response, view);
    this.#writeHead(view.status);
    this.#end(view.body.content.length === 0 ? undefined : bufferOf(view.body.content));
  }

  #take(chunk: unknown, encoding: unknown, done: unknown): boolean {
    const callback = [encoding, done].find((value) => typeof value === 'function') as Callback | undefined;
    this.#hold(bufferOf(chunk, encoding), callback);
    if (this.#mode === undefined) this.#head(true);
    this.#pump();
    // A body that policies want whole is bounded by its limit; a handler that waited for it to leave would wait for ever.
    if (this.#mode === 'buffer' || this.#isDone) return true;
    // Held bytes are the handler's signal to slow down, as a full socket is.
    const mayGoOn = this.#heldBytes < this.#response.writableHighWaterMark && !this.#response.writableNeedDrain;
    this.#owesDrain ||= !mayGoOn;
    return mayGoOn;
  }

  #finish(chunk: unknown, encoding: unknown, done: unknown): void {
    if (this.#isEnded) return;
    const callback = [chunk, encoding, done].find((value) => typeof value === 'function') as Callback | undefined;
    if (callback !== undefined) this.#response.once('finish', () => callback());
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      this.#hold(bufferOf(chunk, encoding), undefined);
    }
    this.#isEnded = true;
    if (this.#mode === undefined) this.#head(false);
    this.#pump();
  }

  #hold(data: Buffer, done: Callback | undefined): void {
    if (this.#isDone) {
      done?.();
      return;
    }
    this.#held.push({ data, done });
    this.#heldBytes += data.length;
  }

  /** `isOpen`: the handler has not said yet that this is all. */
  #head(isOpen: boolean): void {
    if (this.#mode !== undefined || this.#isDone) return;
    const view = viewOfResponse(this.#response, this.#given);
    this.#received = view.headers;
    this.#mode = this.#modeOf(view, isOpen);
    this.#isBusy = true;
    const step = this.#open.exchange.responseHeaders(view, this.#mode === 'pass' ? 'none' : this.#mode);
    void andThen(step, (decided) => this.#headDecided(decided));
  }

  #modeOf(view: ResponseView, isOpen: boolean): BodyMode {
    const { chain, exchange } = this.#open;
    if (responseHasNoBody(view, exchange.request.method)) return 'none';
    if (!chain.needsResponseBody) return 'pass';
    // Node sends a body of unknown length in chunks.
    const isChunked = isOpen && !view.headers.has('content-length');
    const streams = exchange.streamsResponse && (isChunked || announcesStream(view.headers, exchange.request.headers));
    return streams ? 'stream' : 'buffer';
  }

  #headDecided(step: ResponseStep): void {
    const { response, isReplaced } = step;
    if (isReplaced) {
      this.answer(response);
      return;
    }
    if (this.#mode === 'none' && step.mutation.body !== undefined && !hasNoBody(response.status)) {
      // A policy gave a body where there was none.
      void andThen(this.#forWire(step, Buffer.alloc(0)), (view) => this.answer(view));
      return;
    }
    this.#isBusy = false;
    applyToResponse(this.#response, response);
    if (this.#mode === 'stream') this.#stream = this.#streamOf();
    if (this.#mode !== 'buffer') this.#writeHead(response.status);
    this.#pump();
  }

  #streamOf(): StreamedBody {
    const coding = codingOf(this.#received);
    const isKnown = coding !== 'identity' && coding !== 'unknown';
    return new StreamedBody({
      exchange: this.#open.exchange,
      streamId: this.#options.streamId,
      coding: isKnown ? new StreamCoding(coding, this.#options) : undefined,
      isEncoded: coding === 'unknown',
      sink: {
        write: (data) => this.#write(bufferOf(data)),
        end: () => this.#close(),
        abort: () => this.#destroy(),
      },
    });
  }

  /** Lets go of whatever may go now. */
  #pump(): void {
    if (this.#isBusy || this.#isDone || this.#mode === undefined) return;
    if (this.#mode === 'buffer') this.#pumpBuffer();
    else if (this.#stream !== undefined) this.#pumpStream(this.#stream);
    else {
      for (const { data, done } of this.#takeHeld()) this.#write(data, done);
      if (this.#isEnded) this.#close();
      this.#payDrain();
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
    if (!this.#isEnded) {
      // Taken, as far as the handler needs to know.
      for (const [index, { data, done }] of this.#held.entries()) {
        if (done === undefined) continue;
        this.#held[index] = { data, done: undefined };
        process.nextTick(done);
      }
      return;
    }
    const pieces = this.#takeHeld();
    const raw = Buffer.concat(pieces.map(({ data }) => data));
    this.#isBusy = true;
    void andThen(bodyForPolicies(raw, this.#received, this.#options), (decoded) => {
      // A part of a coded body is none; anything else that cannot be decoded is not what the handler says.
      const isPart = decoded === 'undecodable' && this.#response.statusCode === PARTIAL_CONTENT;
      const body = isPart ? undecodedBody(raw) : decoded;
      if (typeof body === 'string') return this.#refuse(500, `the response body is ${body}`);
      const { exchange } = this.#open;
      return andThen(exchange.responseBody(body), (step) =>
        andThen(this.#forWire(step, raw), (view) => this.answer(view)),
      );
    });
  }

  /** The response as it leaves: a body that no policy changed in the bytes of the handler. */
  #forWire(step: ResponseStep, raw: Buffer): MaybePromise<ResponseView> {
    const { response, mutation, isReplaced } = step;
    if (isReplaced) return withLength(response);
    if (mutation.body === undefined) return withLength({ ...response, body: { ...response.body, content: raw } });
    if (codingOf(this.#received) === 'identity') return withLength(response);
    return mutationForWire(mutation, this.#received, response.headers).then((wire) =>
      withLength(applyResponse(response, wire)),
    );
  }

  /** A failure of the engine while nothing has left yet. */
  #refuse(status: number, description: string): MaybePromise<void> {
    this.#isBusy = true;
    this.#isDone = true;
    this.#drop();
    return andThen(this.#open.exchange.refuse(status, description), (view) => this.answer(view));
  }

  #pumpStream(stream: StreamedBody): void {
    const piece = this.#held.shift();
    const endsHere = this.#isEnded && this.#held.length === 0;
    if (piece === undefined && !endsHere) {
      this.#payDrain();
      return;
    }
    const data = piece?.data ?? Buffer.alloc(0);
    this.#heldBytes -= data.length;
    this.#isBusy = true;
    void andThen(stream.take(data, endsHere), () => {
      this.#isBusy = false;
      this.#afterDrain(piece?.done);
      if (!stream.isOver) {
        this.#pump();
        return;
      }
      this.#isDone = true;
      this.#drop();
    });
  }

  /** A handler that writes when it is called back is slowed down by a reader that is slow. */
  #afterDrain(done: Callback | undefined): void {
    if (done === undefined) return;
    if (this.#response.writableNeedDrain) this.#response.once('drain', () => done());
    else done();
  }

  /** Where the socket made nobody wait, Node tells nobody to go on. */
  #payDrain(): void {
    if (!this.#owesDrain || this.#held.length > 0) return;
    this.#owesDrain = false;
    if (this.#response.writableNeedDrain || this.#isEnded) return;
    process.nextTick(() => this.#response.emit('drain'));
  }

  #closed(): void {
    this.#isDone = true;
    this.#stream?.close();
    this.#drop();
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
    if (!this.#isEnded) this.#payDrain();
  }
}

/** A body that is whole has a length. */
function withLength(view: ResponseView): ResponseView {
  if (view.headers.has('content-length') || hasNoBody(view.status)) return view;
  const length = String(view.body.content.length);
  return { ...view, headers: view.headers.with('content-length', [length]).with('transfer-encoding', []) };
}

function bufferOf(chunk: unknown, encoding?: unknown): Buffer {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8');
  if (Buffer.isBuffer(chunk)) return chunk;
  const { buffer, byteOffset, byteLength } = chunk as Uint8Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}
