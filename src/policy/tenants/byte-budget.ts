/** A number of bytes that many share: taken or refused at once, never waited for (V-28). */

export class ByteBudget {
  readonly maxBytes: number;
  #used = 0;
  #refused = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get used(): number {
    return this.#used;
  }

  /** How often there was no room. */
  get refused(): number {
    return this.#refused;
  }

  /** Gives the function that returns the bytes; `undefined` when there is no room. */
  take(bytes: number): (() => void) | undefined {
    if (!(bytes >= 0) || this.#used + bytes > this.maxBytes) {
      this.#refused++;
      return undefined;
    }
    this.#used += bytes;
    let isTaken = true;
    return () => {
      if (isTaken) this.#used -= bytes;
      isTaken = false;
    };
  }
}

/** Bytes of bodies that one process buffers. */
export const MAX_BODY_BYTES = 104_857_600;
