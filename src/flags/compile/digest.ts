/** A 64-bit content digest of text, as two halves: tells changed flags from unchanged ones between configurations. */

/** Two independent multiplicative hashes in one pass; not for untrusted comparison, only for change detection. */
export class Digest {
  low = 0;
  high = 0;

  reset(): void {
    this.low = 0x811c9dc5;
    this.high = 0x9747b28c;
  }

  add(text: string): void {
    let low = this.low;
    let high = this.high;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x5bd1e995);
      high ^= high >>> 15;
    }
    this.low = low >>> 0;
    this.high = high >>> 0;
  }
}
