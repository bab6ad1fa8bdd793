/** Keys kept as digests, so that asking for one takes the same time whatever the keys are. */

import { createHash, timingSafeEqual } from 'node:crypto';

/** A fixed set of keys. */
export class KeyRing {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  get isEmpty(): boolean {
    return this.#digests.length === 0;
  }

  /** Compares digests (equal length, whatever the key's) with every key, so that time says nothing about any of them. */
  holds(key: string): boolean {
    const given = digest(key);
    let known = false;
    for (const candidate of this.#digests) {
      if (timingSafeEqual(candidate, given)) known = true;
    }
    return known;
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}
