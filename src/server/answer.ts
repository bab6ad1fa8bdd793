/** What a route gives back: a status, headers and a body that knows its validator and its compressed forms. */

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { canonicalJson } from '../internal/canonical-json.ts';

const compressGzip = promisify(gzip);
const compressBrotli = promisify(brotliCompress);

/** Below this a compressed body is hardly smaller than the plain one. */
const MIN_COMPRESSED_BYTES = 1_024;

export type Encoding = 'br' | 'gzip';

/** The bytes of a response. Validator and compressed forms are made once, on first use, and kept with the bytes. */
export class Body {
  readonly bytes: Buffer;
  readonly contentType: string;
  #validator: string | undefined;
  readonly #encoded = new Map<Encoding, Promise<Buffer>>();

  constructor(content: string | Uint8Array, contentType: string) {
    this.bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content);
    this.contentType = contentType;
  }

  /** A JSON body: canonical text and the line feed every JSON body of a relay ends with. */
  static json(value: unknown): Body {
    return Body.jsonText(canonicalJson(value));
  }

  /** A JSON body whose canonical text exists already. */
  static jsonText(text: string): Body {
    return new Body(`${text}\n`, 'application/json');
  }

  /** The strong validator: length and SHA-1 of the plain bytes, so that replicas and restarts agree. */
  get validator(): string {
    this.#validator ??= `"${this.bytes.length}-${createHash('sha1').update(this.bytes).digest('hex')}"`;
    return this.#validator;
  }

  encoded(encoding: Encoding): Promise<Buffer> {
    let pending = this.#encoded.get(encoding);
    if (pending === undefined) {
      pending =
        encoding === 'gzip'
          ? compressGzip(this.bytes)
          : // Quality 4 costs about what gzip does; the default (11) would hold a core for seconds on a large set.
            compressBrotli(this.bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
      this.#encoded.set(encoding, pending);
    }
    return pending;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
}

/** An answer that stays open: the route writes to the response itself, after the common headers are set. */
export interface StreamAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: (response: ServerResponse) => void;
}

/** The shape of framework and authentication errors. */
export function messageAnswer(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: Body.json({ message }) };
}

export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, body: Body.json(value) };
}

/**
 * A 200 with its validator, or a 304 when the request names it. `If-None-Match` is one opaque text, compared with the
 * strong form and with its weakened form (an intermediary may have weakened it); lists and `*` are not understood.
 */
export function conditionalAnswer(
  request: IncomingHttpHeaders,
  body: Body,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const validator = body.validator;
  const known = request['if-none-match'];
  const common = { ...headers, ETag: validator };
  if (known === validator || known === `W/${validator}`) return { status: 304, headers: common };
  return { status: 200, headers: common, body };
}

/** The coding to answer with: br before gzip, and only when the client names it without `q=0`. */
export function chooseEncoding(acceptEncoding: string | undefined, body: Body): Encoding | undefined {
  if (acceptEncoding === undefined || body.bytes.length < MIN_COMPRESSED_BYTES) return undefined;
  // Modules are asked for in ranges, which count the bytes as they are.
  if (body.contentType === 'application/wasm') return undefined;
  const accepted = new Set<string>();
  for (const item of acceptEncoding.split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) accepted.add(coding);
  }
  if (accepted.has('br')) return 'br';
  return accepted.has('gzip') ? 'gzip' : undefined;
}
