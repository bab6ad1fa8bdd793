/**
 * The memory that the calling thread and one worker share: a ring of one place, since a second request behind one that
 * loops would be lost with it.
 *
 *   words 0-31       state, generation, sequence; request words; reply words
 *   request frame    written by the caller, read by the worker
 *   reply frame      written by the worker, copied by the caller before it is looked at
 *
 *   IDLE ──▶ REQUEST ──▶ REPLY ──▶ REQUEST …          the reply's place is free once the next request is there
 *               │  ▲
 *               ▼  │ HOST_ANSWER
 *            HOST_CALL                                  the worker waits for the host
 *
 * Whoever may write next is who the state names; it is the last thing written, with a wake-up behind it.
 */

import type { FrameMemory } from '../policy/frame/frame-writer.ts';

export const State = { idle: 0, request: 1, hostCall: 2, hostAnswer: 3, reply: 4 } as const;

/** Indices of the 32-bit words at the front. */
export const Word = {
  state: 0,
  /** Of the worker; set once. */
  generation: 1,
  /** Of the request; the reply carries it back. */
  sequence: 2,
  kind: 3,
  instance: 4,
  /** Phase of a hook, number of the reason of an end of stream. */
  phase: 5,
  /** Bytes of the request frame; {@link BY_MESSAGE} when it is too long for its place. */
  length: 6,
  stream: 7,
  /** Messages posted to the worker so far. */
  posted: 8,
  /** Sequence of the request that is to end. Written while the worker is at it, so it is no part of the hand-over. */
  stop: 9,
  replySequence: 16,
  replyKind: 17,
  replyLength: 18,
  replyFlags: 19,
  /** Fuel of the hook. */
  usedFuel: 20,
  /** Linear memory of the store that answered. */
  memoryBytes: 21,
  /** Bits of the modes, after init. */
  modes: 22,
  /** Messages posted by the worker so far. */
  told: 23,
} as const;

/** What is asked of a worker. */
export const Kind = {
  init: 1,
  hook: 2,
  streamEnd: 3,
  destroy: 4,
  forget: 5,
  plan: 6,
  exportState: 7,
  importState: 8,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** How it ended. */
export const Reply = { none: 0, action: 1, yes: 2, no: 3, failure: 4, bytes: 5 } as const;

/** Reply flag: the store is another than before, so instances are to be made again. */
export const STORE_RENEWED = 1;

/** Length of a frame that came by message. */
export const BY_MESSAGE = -1;

const HEAD_BYTES = 128;
/** Bodies of 128 KiB fit beside all else; longer frames travel by message, which costs a copy more. */
export const PLACE_BYTES = 160 * 1024;
const RECORD_BYTES = HEAD_BYTES + 2 * PLACE_BYTES;

export class SharedRecord implements FrameMemory {
  readonly shared: SharedArrayBuffer;
  readonly head: Int32Array;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly buffer: Buffer;

  constructor(shared = new SharedArrayBuffer(RECORD_BYTES)) {
    this.shared = shared;
    this.head = new Int32Array(shared, 0, HEAD_BYTES / 4);
    this.bytes = new Uint8Array(shared);
    this.words = new Uint32Array(shared);
    this.buffer = Buffer.from(shared);
  }

  get requestAt(): number {
    return HEAD_BYTES;
  }

  get replyAt(): number {
    return HEAD_BYTES + PLACE_BYTES;
  }

  /** True when the request at hand is to end; asked by the guest that serves it. */
  get stops(): boolean {
    return Atomics.load(this.head, Word.stop) === this.head[Word.sequence];
  }

  /** Hands the record over: nothing may be written to it after this. */
  signal(state: number): void {
    Atomics.store(this.head, Word.state, state);
    Atomics.notify(this.head, Word.state);
  }

  get state(): number {
    return Atomics.load(this.head, Word.state);
  }
}
