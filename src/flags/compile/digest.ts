/** A 64-bit content digest of JSON, as two halves: tells changed flags from unchanged ones between configurations. */

import type { JsonValue } from '../../internal/json.ts';

const f64 = new Float64Array(1);
const u32 = new Uint32Array(f64.buffer);

/**
 * Two independent multiplicative hashes in one walk over the value, without building text. Members of an object are added
 * up, so their order does not matter. For change detection only, not against somebody who wants a collision.
 */
export class Digest {
  low = 0;
  high = 0;

  reset(): void {
    this.low = 0x811c9dc5;
    this.high = 0x9747b28c;
  }

  /** Adds a value; a kind mark keeps `1`, `"1"`, `[1]` and `true` apart. */
  add(value: JsonValue): void {
    switch (typeof value) {
      case 'string':
        this.#mix(0x51);
        this.#text(value);
        return;
      case 'number':
        f64[0] = value;
        this.#mix(0x52);
        this.#mix(u32[0] ?? 0);
        this.#mix(u32[1] ?? 0);
        return;
      case 'boolean':
        this.#mix(value ? 0x54 : 0x53);
        return;
      default:
        // A document of somebody's program may hold `undefined` where JSON has nothing.
        if (value === null || value === undefined) this.#mix(0x55);
        else if (Array.isArray(value)) {
          this.#mix(0x56);
          for (let i = 0; i < value.length; i++) this.add(value[i] as JsonValue);
          this.#mix(value.length);
        } else this.#object(value);
    }
  }

  #object(value: { readonly [name: string]: JsonValue }): void {
    const { low, high } = this;
    let sumLow = 0;
    let sumHigh = 0;
    const names = Object.keys(value);
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      this.reset();
      this.#text(name);
      this.add(value[name] as JsonValue);
      sumLow = (sumLow + this.low) | 0;
      sumHigh = (sumHigh + this.high) | 0;
    }
    this.low = low;
    this.high = high;
    this.#mix(sumLow);
    this.#mix(sumHigh);
  }

  #text(text: string): void {
    let { low, high } = this;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x5bd1e995);
      high ^= high >>> 15;
    }
    this.low = low;
    this.high = high;
    this.#mix(text.length);
  }

  #mix(word: number): void {
    this.low = Math.imul(this.low ^ word, 0x01000193);
    this.low ^= this.low >>> 13;
    this.high = Math.imul(this.high ^ word, 0x5bd1e995);
    this.high ^= this.high >>> 15;
  }
}
