/** The content codings of bodies: which one a message has, and Node's streams for it. */

import zlib from 'node:zlib';
import type { HeaderMap } from '../../policy/model/headers.ts';

/** Codings that can be undone and done again. `zstd` where this Node has it. */
export type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** One of Node's compressing or decompressing streams. */
export type CodingStream = zlib.Gzip;

type Whole = (content: Uint8Array, options: object, done: (error: Error | null, result: unknown) => void) => void;

/** What Node has for one coding. */
export interface CodingTools {
  readonly encodeWhole: Whole;
  readonly decodeWhole: Whole;
  readonly encoder: () => CodingStream;
  readonly decoder: () => CodingStream;
  /** What brings out everything that was written so far, without ending the member. */
  readonly flush: number;
}

/** Types of Node 20 know nothing of zstd. */
const { zstdCompress, zstdDecompress, createZstdCompress, createZstdDecompress, constants } = zlib as unknown as {
  readonly zstdCompress?: Whole;
  readonly zstdDecompress?: Whole;
  readonly createZstdCompress?: () => CodingStream;
  readonly createZstdDecompress?: () => CodingStream;
  readonly constants: Readonly<Record<string, number>>;
};

/** A fast level: a text grows by a few hundredths against the default of 11, which costs a hundred times as much. */
const BROTLI = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };

const TOOLS: Readonly<Partial<Record<Coding, CodingTools>>> = {
  gzip: {
    encodeWhole: zlib.gzip as unknown as Whole,
    decodeWhole: zlib.gunzip as unknown as Whole,
    encoder: () => zlib.createGzip(),
    decoder: () => zlib.createGunzip() as unknown as CodingStream,
    flush: zlib.constants.Z_SYNC_FLUSH,
  },
  deflate: {
    encodeWhole: zlib.deflate as unknown as Whole,
    decodeWhole: zlib.inflate as unknown as Whole,
    encoder: () => zlib.createDeflate() as unknown as CodingStream,
    decoder: () => zlib.createInflate() as unknown as CodingStream,
    flush: zlib.constants.Z_SYNC_FLUSH,
  },
  br: {
    encodeWhole: (content, options, done) => zlib.brotliCompress(content, { ...BROTLI, ...options }, done),
    decodeWhole: zlib.brotliDecompress as unknown as Whole,
    encoder: () => zlib.createBrotliCompress(BROTLI) as unknown as CodingStream,
    decoder: () => zlib.createBrotliDecompress() as unknown as CodingStream,
    flush: zlib.constants.BROTLI_OPERATION_FLUSH,
  },
  ...(zstdCompress === undefined ||
  zstdDecompress === undefined ||
  createZstdCompress === undefined ||
  createZstdDecompress === undefined
    ? {}
    : {
        zstd: {
          encodeWhole: zstdCompress,
          decodeWhole: zstdDecompress,
          encoder: createZstdCompress,
          decoder: createZstdDecompress,
          flush: constants.ZSTD_e_flush as number,
        },
      }),
};

/** The coding of a body by its headers; several on top of each other are `unknown`, as is one that Node has no stream for. */
export function codingOf(headers: HeaderMap): Coding | 'identity' | 'unknown' {
  const given = headers.joined('content-encoding');
  if (given === undefined) return 'identity';
  const names = given
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const [name, ...more] = names;
  if (name === undefined) return 'identity';
  const coding = name === 'x-gzip' ? 'gzip' : name;
  return more.length === 0 && Object.hasOwn(TOOLS, coding) ? (coding as Coding) : 'unknown';
}

export function toolsOf(coding: Coding): CodingTools {
  return TOOLS[coding] as CodingTools;
}
