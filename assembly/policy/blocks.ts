/** Pair and name blocks while they are built: entries and bytes apart, because the count is known last. */

import { Region } from './arena';

/**
 * In the entries offsets count from the beginning of the bytes; where these will begin is known when the block is written.
 */
export class Block {
  private entries: Region = new Region(256);
  private contents: Region = new Region(1024);
  private entryBytes: u32;

  /** `words` is 4 for pairs and 2 for names. */
  constructor(words: u32) {
    this.entryBytes = words * 4;
  }

  clear(): void {
    this.entries.clear();
    this.contents.clear();
  }

  get isEmpty(): bool {
    return this.entries.used == 0;
  }

  /** A header: bytes, and a name in lower case. False when a character is more than a byte. */
  header(name: string, value: string): bool {
    return this.name(name) && this.latin1(value);
  }

  /** A header whose value lies elsewhere. */
  headerBytes(name: string, value: usize, length: u32): bool {
    const fine = this.name(name);
    this.entries.u32(this.contents.used);
    this.entries.u32(length);
    this.contents.bytes(value, length);
    return fine;
  }

  name(name: string): bool {
    this.entries.u32(this.contents.used);
    this.entries.u32(<u32>name.length);
    return this.contents.latin1Lower(name);
  }

  /** Any text, as UTF-8. */
  text(text: string): void {
    const start = this.contents.used;
    this.entries.u32(start);
    this.contents.utf8(text);
    this.entries.u32(this.contents.used - start);
  }

  /** Bytes the block takes. */
  get length(): u32 {
    return 4 + this.entries.used + this.contents.used;
  }

  write(to: Region): void {
    const count = this.entries.used / this.entryBytes;
    const offset = 4 + this.entries.used;
    to.u32(count);
    for (let at = this.entries.start, end = at + this.entries.used; at < end; at += 8) {
      to.u32(load<u32>(at) + offset);
      to.u32(load<u32>(at, 4));
    }
    to.bytes(this.contents.start, this.contents.used);
  }

  private latin1(text: string): bool {
    this.entries.u32(this.contents.used);
    this.entries.u32(<u32>text.length);
    return this.contents.latin1(text);
  }
}
