/** A request to a worker and its reply, as the calling thread has them. */

import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import { BY_MESSAGE, type Kind, PLACE_BYTES, Reply, type SharedRecord, Word } from './record.ts';
import type { RemoteInstance } from './remote-instance.ts';

/** One request. */
export interface ThreadTask {
  readonly kind: Kind;
  /** None when the worker is to forget everything. */
  readonly instance: RemoteInstance | undefined;
  /** Of a hook; of an end of stream the number of its reason. */
  readonly phase: number;
  readonly streamId: number;
  /** Of a hook. */
  readonly input: HookInput | undefined;
  /** The state that an instance is offered. */
  readonly state?: Uint8Array | undefined;
  /** Called once: with what the worker answered, or with why there is no answer. Hears first, then others get the worker. */
  done(reply: ThreadReply): void;
}

/** What came back; `frame` is a copy. */
export interface ThreadReply {
  readonly kind: (typeof Reply)[keyof typeof Reply];
  readonly frame: Buffer;
  readonly length: number;
  readonly failure: PolicyFailure | undefined;
  readonly modes: number;
  readonly usedFuel: number;
}

const NO_FRAME = Buffer.alloc(0);

/** Replies are read before the next one is there, so all workers use one buffer. */
const scratch = Buffer.allocUnsafeSlow(PLACE_BYTES);

export function failed(failure: PolicyFailure, usedFuel = 0): ThreadReply {
  return { kind: Reply.failure, frame: NO_FRAME, length: 0, failure, modes: 0, usedFuel };
}

/** The reply in a record; `frames` are those that came by message. */
export function readReply({ head, buffer, replyAt }: SharedRecord, frames: readonly Uint8Array[]): ThreadReply {
  const kind = head[Word.replyKind] as ThreadReply['kind'];
  const usedFuel = head[Word.usedFuel] as number;
  const modes = head[Word.modes] as number;
  const said = head[Word.replyLength] as number;
  if (kind === Reply.failure) {
    const text = buffer.toString('utf8', replyAt, replyAt + said);
    const end = text.indexOf('\n');
    return failed(policyFailure(text.slice(0, end) as PolicyFailure['code'], text.slice(end + 1)), usedFuel);
  }
  if (kind !== Reply.action && kind !== Reply.bytes)
    return { kind, frame: NO_FRAME, length: 0, failure: undefined, modes, usedFuel };
  if (said === BY_MESSAGE) {
    const bytes = frames.at(-1) ?? NO_FRAME;
    const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return { kind, frame, length: frame.length, failure: undefined, modes, usedFuel };
  }
  buffer.copy(scratch, 0, replyAt, replyAt + said);
  return { kind, frame: scratch, length: said, failure: undefined, modes, usedFuel };
}
