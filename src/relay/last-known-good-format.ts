/**
 * The layout of the persisted file: two lines of text, then the document as the relay sent it.
 *
 * ```
 * edict-last-known-good 1 <SHA-256 of the next line, hex>
 * {"owner":…,"savedAt":…,"digest":…,"bytes":…,"validator":…}      digest: SHA-256 of the document
 * {"flags":{…}}
 * ```
 *
 * The first checksum covers the facts, the facts cover the document: a write need not hash a large document again, because its
 * digest is known since it was received.
 */

import { createHash } from 'node:crypto';

import { isJsonObject, type JsonObject } from '../internal/json.ts';
import type { ConfigurationMeta } from './feed-events.ts';
import { storableValidator } from './validator.ts';

/** What a persisted file holds. */
export interface SavedConfiguration {
  /** The configuration document, byte for byte as it was received. */
  readonly body: Uint8Array;
  readonly meta: ConfigurationMeta;
  /** Wall clock, in epoch milliseconds. */
  readonly savedAtMs: number;
}

/** `refused`: why the bytes are no configuration that this reader may use, and what to do about it. */
export type DecodedFile =
  | { readonly kind: 'saved'; readonly saved: SavedConfiguration }
  | { readonly kind: 'refused'; readonly reason: string };

const MAGIC = 'edict-last-known-good';
const VERSION = '1';
const LINE_FEED = 0x0a;

/** Both lines together stay under this; a validator is bounded by 4,096 characters. */
export const MAX_HEAD_BYTES = 16_384;

/** Bytes hashed between two turns of the event loop. */
const HASH_SLICE_BYTES = 1_048_576;

const WILL_BE_REPLACED = 'the next configuration of the relay replaces it';

/** The two lines of text; the document follows them. */
export function encodeHead({ body, meta, savedAtMs }: SavedConfiguration, owner: string): Uint8Array {
  const facts = JSON.stringify({ owner, savedAt: savedAtMs, bytes: body.length, ...meta });
  return Buffer.from(`${MAGIC} ${VERSION} ${sha256(facts)}\n${facts}\n`);
}

/** Reads a whole file. Nothing in it is believed before its checksum was. */
export async function decodeFile(file: Uint8Array, owner: string): Promise<DecodedFile> {
  if (file.length === 0) return refused(`it is empty; ${WILL_BE_REPLACED}`);
  const head = readHead(file);
  if (head === 'foreign') return refused(`it has another format; ${WILL_BE_REPLACED}`);
  const facts = head === 'damaged' ? undefined : readFacts(head.facts);
  if (head === 'damaged' || facts === undefined) return refused(`it is damaged; ${WILL_BE_REPLACED}`);
  if (facts.owner !== owner) {
    return refused(
      'it was written for another endpoint, key or filter; after a change of these that is expected once, otherwise give ' +
        'each provider a persistPath of its own',
    );
  }
  const body = file.subarray(head.length);
  if (body.length !== facts.bytes || (await digestOf(body)) !== facts.meta.digest) {
    return refused(`it is damaged: its checksum does not match; ${WILL_BE_REPLACED}`);
  }
  return { kind: 'saved', saved: { body, meta: facts.meta, savedAtMs: facts.savedAtMs } };
}

function refused(reason: string): DecodedFile {
  return { kind: 'refused', reason };
}

function readHead(file: Uint8Array): { readonly facts: string; readonly length: number } | 'foreign' | 'damaged' {
  const start = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, MAX_HEAD_BYTES));
  const first = start.indexOf(LINE_FEED);
  const [magic, version, checksum] = start.toString('latin1', 0, Math.max(first, 0)).split(' ');
  if (magic !== MAGIC || version !== VERSION) return 'foreign';
  const second = start.indexOf(LINE_FEED, first + 1);
  if (second === -1) return 'damaged';
  const facts = start.toString('utf8', first + 1, second);
  return sha256(facts) === checksum ? { facts, length: second + 1 } : 'damaged';
}

/** The checksum keeps accidents out, not people: every fact is looked at as if a stranger had written it. */
function readFacts(line: string) {
  let facts: unknown;
  try {
    facts = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isJsonObject(facts)) return undefined;
  const { owner, savedAt, bytes, digest } = facts;
  if (typeof owner !== 'string' || typeof digest !== 'string') return undefined;
  if (!Number.isSafeInteger(savedAt) || !Number.isSafeInteger(bytes)) return undefined;
  return { owner, bytes, savedAtMs: savedAt as number, meta: readMeta(facts, digest) };
}

function readMeta(facts: JsonObject, digest: string): ConfigurationMeta {
  const validator = typeof facts.validator === 'string' ? storableValidator(facts.validator) : undefined;
  const lastModified = shown(facts.lastModified);
  const relayVersion = shown(facts.relayVersion);
  return {
    digest,
    ...(validator === undefined ? {} : { validator }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(relayVersion === undefined ? {} : { relayVersion }),
  };
}

/** Texts that diagnostics show: as short and printable as when they were received. */
function shown(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x20-\x7e]{1,128}$/.test(value) ? value : undefined;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** In slices, so that a document of 64 MiB never stops the event loop for long. */
async function digestOf(body: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < body.length; at += HASH_SLICE_BYTES) {
    if (at > 0) await new Promise(setImmediate);
    hash.update(body.subarray(at, at + HASH_SLICE_BYTES));
  }
  return hash.digest('hex');
}
