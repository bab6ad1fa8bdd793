/**
 * The entries of a space by when they expire: a binary heap. Entries that were replaced or deleted stay in it as ghosts until
 * their time comes or half of it is ghosts, so no operation has to look for one.
 *
 *   places   [0] the earliest; the children of [i] are [2i + 1] and [2i + 2], never earlier than their parent
 */

/** What is in the heap; a ghost is one that `isGone`. */
export interface Expiring {
  readonly expiresAt: number;
  readonly isGone: boolean;
}

const MIN_SWEEP = 64;

export class ExpiryQueue<T extends Expiring> {
  #heap: T[] = [];
  #ghosts = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(entry: T): void {
    this.#heap.push(entry);
    this.#up(this.#heap.length - 1);
  }

  /** One of them is gone now. */
  noteGone(): void {
    if (++this.#ghosts < MIN_SWEEP || this.#ghosts * 2 < this.#heap.length) return;
    this.#heap = this.#heap.filter((entry) => !entry.isGone);
    this.#ghosts = 0;
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#down(i);
  }

  /** Takes out the earliest that is due; ghosts are taken out on the way. */
  takeDue(now: number): T | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || (first.expiresAt > now && !first.isGone)) return undefined;
      const last = this.#heap.pop() as T;
      if (this.#heap.length > 0) {
        this.#heap[0] = last;
        this.#down(0);
      }
      if (!first.isGone) return first;
      this.#ghosts--;
    }
  }

  #up(at: number): void {
    const heap = this.#heap;
    for (let i = at; i > 0; ) {
      const parent = (i - 1) >> 1;
      if ((heap[parent] as T).expiresAt <= (heap[i] as T).expiresAt) return;
      [heap[parent], heap[i]] = [heap[i] as T, heap[parent] as T];
      i = parent;
    }
  }

  #down(at: number): void {
    const heap = this.#heap;
    for (let i = at; ; ) {
      const left = 2 * i + 1;
      const right = left + 1;
      let least = i;
      if (left < heap.length && (heap[left] as T).expiresAt < (heap[least] as T).expiresAt) least = left;
      if (right < heap.length && (heap[right] as T).expiresAt < (heap[least] as T).expiresAt) least = right;
      if (least === i) return;
      [heap[least], heap[i]] = [heap[i] as T, heap[least] as T];
      i = least;
    }
  }
}
