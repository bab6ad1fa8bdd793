/** A gzip body of fixed size on the wire that inflates to a chosen multiple of it. */

import { randomFillSync } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

const WIRE_BYTES = 65_536;
/** Magic, method, flags, time, level and system: what comes before the extra field (RFC 1952). */
const HEADER_BYTES = 10;
const FLAGS_OFFSET = 3;
const HAS_EXTRA_FIELD = 0b100;

/**
 * White space only, so that a client that takes all of it has no configuration either. The rest of the wire size is
 * noise in the extra field of the gzip header, which every inflater skips.
 */
export async function bomb(ratio: number): Promise<Buffer> {
  const compressed = await compress(Buffer.alloc(WIRE_BYTES * ratio, ' '), { level: 9 });
  const noise = randomFillSync(Buffer.alloc(Math.max(0, WIRE_BYTES - compressed.length - 2)));
  const header = Buffer.from(compressed.subarray(0, HEADER_BYTES));
  header[FLAGS_OFFSET] = (header[FLAGS_OFFSET] ?? 0) | HAS_EXTRA_FIELD;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(noise.length);
  return Buffer.concat([header, length, noise, compressed.subarray(HEADER_BYTES)]);
}
