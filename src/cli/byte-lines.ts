/** The lines of a file or of standard input, however long, unpacked when it is gzip. */

import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UsageError } from './usage-error.ts';

const NEWLINE = 0x0a;
const CHUNK_BYTES = 256 * 1024;

/**
 * Lines as text, without their ends; a last line without an end counts. `-` is standard input. Gzip is known by its first
 * two bytes, not by the name. Rejects with a `UsageError` when the file cannot be read.
 */
export async function* readLines(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // A line may come in many chunks: they are joined once, at its end.
  let pending: Uint8Array[] = [];
  for await (const chunk of readUnpacked(path)) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      const part = chunk.subarray(start, end);
      yield decoder.decode(pending.length === 0 ? part : Buffer.concat([...pending, part]));
      pending = [];
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  if (pending.length > 0) yield decoder.decode(Buffer.concat(pending));
}

async function* readUnpacked(path: string): AsyncGenerator<Buffer> {
  const source: Readable = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    let head: Buffer = Buffer.alloc(0);
    while (head.length < 2) {
      const next = await chunks.next();
      if (next.done === true) break;
      head = Buffer.concat([head, next.value]);
    }
    const isGzip = head[0] === 0x1f && head[1] === 0x8b;
    if (isGzip) yield* gunzip(prepend(head, chunks));
    else yield* prepend(head, chunks);
  } catch (caught) {
    throw new UsageError(`cannot read ${path === '-' ? 'standard input' : path}: ${(caught as Error).message}`);
  } finally {
    source.destroy();
  }
}

async function* prepend(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function gunzip(chunks: AsyncGenerator<Buffer>): AsyncIterable<Buffer> {
  const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
  // The reader of `unpacked` sees every error; the callback is only there because pipeline asks for one.
  pipeline(Readable.from(chunks), unpacked, () => undefined);
  return unpacked;
}
