/** Reads a body through its limits: bytes on the wire, bytes after inflating, and the ratio of the two. */

import { createHash } from 'node:crypto';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';

import { EdictError } from '../errors.ts';

export interface BodyLimits {
  readonly maxWireBytes: number;
  readonly maxInflatedBytes: number;
}

export interface Body {
  /** After inflating. */
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes` in lower-case hex; computed piece by piece, so that a large body never blocks for long. */
  readonly digest: string;
}

export const EMPTY_BODY: Body = { bytes: new Uint8Array(0), digest: createHash('sha256').digest('hex') };

/**
 * A body may inflate to this many times its wire size. The ratio is looked at only past `maxWireBytes` inflated bytes:
 * up to there an uncompressed answer could have been as large, so a compressed one does no more harm, and a
 * configuration of ten thousand flags that differ in their names only does compress 200:1 with brotli.
 */
export const MAX_INFLATE_RATIO = 100;

/** Pieces an inflater gives out; larger ones mean fewer turns of the event loop for the same body. */
const INFLATE_CHUNK_BYTES = 65_536;

/**
 * Reads `chunks` to the end. `onChunk` is called for each piece as it arrives from the wire.
 *
 * @throws EdictError BODY_TOO_LARGE past a limit, INVALID_BODY for content codings that are nested, unknown or broken;
 * whatever `chunks` throws passes unchanged.
 */
export async function readBody(
  chunks: AsyncIterable<Uint8Array>,
  codings: readonly string[],
  limits: BodyLimits,
  onChunk: () => void,
): Promise<Body> {
  let wireBytes = 0;
  let inflatedBytes = 0;
  const pieces: Uint8Array[] = [];
  const hash = createHash('sha256');

  async function* fromWire(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      onChunk();
      wireBytes += chunk.length;
      if (wireBytes > limits.maxWireBytes) throw tooLarge('wire', 'maxWireBytes', limits.maxWireBytes);
      yield chunk;
    }
  }
  async function keep(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of source) {
      inflatedBytes += piece.length;
      if (inflatedBytes > limits.maxInflatedBytes) {
        throw tooLarge('inflated', 'maxInflatedBytes', limits.maxInflatedBytes);
      }
      if (inflatedBytes > limits.maxWireBytes && inflatedBytes > wireBytes * MAX_INFLATE_RATIO) throw tooDense();
      hash.update(piece);
      pieces.push(piece);
    }
  }

  const inflater = createInflater(codings);
  if (inflater === undefined) {
    await keep(fromWire());
  } else {
    try {
      await pipeline(fromWire, inflater, keep);
    } catch (caught) {
      throw isZlibError(caught) ? brokenCoding(codings, caught) : caught;
    }
  }
  return { bytes: Buffer.concat(pieces, inflatedBytes), digest: hash.digest('hex') };
}

function createInflater(codings: readonly string[]): Transform | undefined {
  const [coding, second] = codings;
  if (coding === undefined) return undefined;
  if (second !== undefined) {
    throw new EdictError('INVALID_BODY', 'the answer has more than one content coding, which is never read');
  }
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip({ chunkSize: INFLATE_CHUNK_BYTES });
    case 'br':
      return zlib.createBrotliDecompress({ chunkSize: INFLATE_CHUNK_BYTES });
    default:
      throw new EdictError('INVALID_BODY', 'the answer has a content coding other than gzip and br');
  }
}

/** zlib's errors carry an `errno` and a code such as Z_DATA_ERROR or ERR__ERROR_FORMAT_PADDING_1 (brotli). */
function isZlibError(caught: unknown): boolean {
  if (!(caught instanceof Error) || caught instanceof EdictError) return false;
  const { code } = caught as NodeJS.ErrnoException;
  return (
    code !== undefined && (code.startsWith('Z_') || code.startsWith('ERR__ERROR_') || code.startsWith('ERR_BROTLI'))
  );
}

function brokenCoding(codings: readonly string[], cause: unknown): EdictError {
  return new EdictError('INVALID_BODY', `the ${codings[0]} coding of the answer is broken or cut`, { cause });
}

/** The text for a body past a limit; also used before reading, when Content-Length already says so. */
export function tooLarge(what: 'wire' | 'inflated', option: keyof BodyLimits, limit: number): EdictError {
  return new EdictError(
    'BODY_TOO_LARGE',
    `the answer passes ${limit} ${what} bytes; raise ${option}, or ask for fewer flags (flagList, flagPrefix)`,
  );
}

function tooDense(): EdictError {
  return new EdictError(
    'BODY_TOO_LARGE',
    `the answer inflates to more than ${MAX_INFLATE_RATIO} times its wire size and is larger than maxWireBytes; ` +
      'if it is genuine, raise maxWireBytes',
  );
}
