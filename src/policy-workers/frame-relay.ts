/** Puts a frame that was written on the other side into a guest, and takes the guest's answer as it is. */

import type { FrameMemory } from '../policy/frame/frame-writer.ts';
import type { Arena, HookEncoder } from '../policy/frame/input-encoder.ts';
import { InputEncoder } from '../policy/frame/input-encoder.ts';
import type { AnswerDecoder } from '../policy/frame/output-decoder.ts';
import type { Action } from '../policy/model/actions.ts';
import type { InstanceInit } from '../policy/model/instance.ts';
import { BY_MESSAGE, PLACE_BYTES } from './record.ts';
import type { WorkerPort } from './worker-port.ts';

/** Stands for the action that the other side will find in the frame. */
const TAKEN: Action = Object.freeze({ kind: 'forward' });

/** One for all instances of a worker: there is one request at a time. */
export class FrameGiver implements HookEncoder {
  /** The frame of the request. */
  frame: Uint8Array = new Uint8Array(0);
  readonly #initEncoder = new InputEncoder({});

  encode(memory: FrameMemory, arena: Arena): number {
    const { frame } = this;
    const ptr = arena(frame.length);
    if (ptr === 0) return 0;
    memory.bytes.set(frame, ptr);
    return frame.length;
  }

  encodeInit(memory: FrameMemory, arena: Arena, init: InstanceInit): number {
    return this.#initEncoder.encodeInit(memory, arena, init);
  }
}

export class FrameTaker implements AnswerDecoder {
  readonly maxFrameBytes: number;
  /** What the reply is to say of the frame's length. */
  length = 0;
  readonly #port: WorkerPort;

  constructor(port: WorkerPort, maxFrameBytes: number) {
    this.#port = port;
    this.maxFrameBytes = maxFrameBytes;
  }

  decode(frame: Buffer, length: number): Action {
    const { record } = this.#port;
    if (length > PLACE_BYTES) {
      this.#port.post({ kind: 'frame', bytes: Uint8Array.from(frame.subarray(0, length)) });
      this.length = BY_MESSAGE;
    } else {
      frame.copy(record.bytes, record.replyAt, 0, length);
      this.length = length;
    }
    return TAKEN;
  }
}
