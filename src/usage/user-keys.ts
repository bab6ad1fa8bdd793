/** Who an event is about: the key that is sent, and whether this user is in the sample. */

import { createHmac } from 'node:crypto';

import type { ResolvedOptions } from '../options/resolve.ts';

/** The user key of events without a targeting key. */
export const NO_USER = 'undefined-targetingKey';

/** An HMAC costs as much as twenty evaluations: those of the users seen last are kept. */
const MAX_HASHES = 4_096;

export class UserKeys {
  readonly #secret: string | undefined;
  readonly #sampleRate: number;
  readonly #hashes = new Map<string, string>();

  constructor({ userKeySecret, eventSampleRate }: Pick<ResolvedOptions, 'userKeySecret' | 'eventSampleRate'>) {
    this.#secret = userKeySecret;
    this.#sampleRate = eventSampleRate;
  }

  /** The key as it is sent: the sentinel for none, a hash when there is a secret. */
  shown(targetingKey: unknown): string {
    return typeof targetingKey === 'string' && targetingKey !== '' ? this.hidden(targetingKey) : NO_USER;
  }

  /** HMAC-SHA256(secret, key) in hex; the key itself without a secret, or when it is empty. */
  hidden(key: string): string {
    if (this.#secret === undefined || key === '') return key;
    const known = this.#hashes.get(key);
    if (known !== undefined) return known;
    const hash = createHmac('sha256', this.#secret).update(key, 'utf8').digest('hex');
    if (this.#hashes.size >= MAX_HASHES) {
      for (const oldest of this.#hashes.keys()) {
        this.#hashes.delete(oldest);
        break;
      }
    }
    this.#hashes.set(key, hash);
    return hash;
  }

  /**
   * Whether this user's feature events are sent. Decided by the key as the caller knows it, so that services with another
   * secret, or none, sample the same users; users without a key are one user.
   */
  isSampled(targetingKey: unknown): boolean {
    if (this.#sampleRate === 1) return true;
    const key = typeof targetingKey === 'string' && targetingKey !== '' ? targetingKey : NO_USER;
    return fnv1a(key) / 2 ** 32 < this.#sampleRate;
  }

  /** Forgets the keys it has seen. */
  clear(): void {
    this.#hashes.clear();
  }
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(384);

/** 32-bit FNV-1a over the UTF-8 bytes. */
export function fnv1a(text: string): number {
  // Three bytes are the most one UTF-16 unit can need.
  const bytes = text.length * 3 <= scratch.length ? scratch : new Uint8Array(text.length * 3);
  const { written } = encoder.encodeInto(text, bytes);
  let hash = 0x811c9dc5;
  for (let i = 0; i < written; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash >>> 0;
}
