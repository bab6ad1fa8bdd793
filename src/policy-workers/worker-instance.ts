/** A policy instance whose guests live in workers: tier T2 behind the interface of all policies. */

import type { Clock } from '../options/clock.ts';
import { sourceOf } from '../policy/frame/body-source.ts';
import { noteFuel } from '../policy/guest/guest-instance.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import { NONE, type Outcome, type PolicyInstance } from '../policy/model/instance.ts';
import type { ProcessingModes } from '../policy/model/modes.ts';
import { END_REASONS, type EndReason, type Phase } from '../policy/model/phases.ts';
import { Kind, Reply } from './record.ts';
import type { RemoteInstance } from './remote-instance.ts';
import type { TenantLane } from './tenant-lane.ts';
import type { ThreadReply } from './thread-task.ts';
import type { WorkerCallOptions } from './worker-call.ts';

const DESTROYED = policyFailure('CLOSED', 'the instance was destroyed');
const OUT_OF_TIME = policyFailure('DEADLINE_EXCEEDED', 'the time of the exchange was over before the hook began');
const YES: Outcome = Object.freeze({ kind: 'decision', needsMore: true });
const NO: Outcome = Object.freeze({ kind: 'decision', needsMore: false });

export interface WorkerInstanceOptions {
  readonly lane: TenantLane;
  readonly remote: RemoteInstance;
  readonly modes: ProcessingModes;
  readonly clock: Clock;
  /** Wall time of one hook; the time left to the exchange counts too. */
  readonly deadlineMs: number;
  readonly initMs: number;
  /** Sleep until the answer is there instead of giving a promise: this stops the event loop, so for chains that ask for it. */
  readonly sleeps: boolean;
  /** Hears once that the instance is gone. */
  readonly released: () => void;
}

export class WorkerInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #options: WorkerInstanceOptions;
  #isDestroyed = false;

  constructor(options: WorkerInstanceOptions) {
    this.modes = options.modes;
    this.#options = options;
  }

  /** `signal` gives the call up: `CANCELLED` at once, and what the guest says later is dropped (P-33). */
  call(phase: Phase, input: HookInput, signal?: AbortSignal): Outcome | Promise<Outcome> {
    if (this.#isDestroyed) return DESTROYED;
    const { lane, clock, deadlineMs, sleeps } = this.#options;
    const timeoutMs = Math.min(deadlineMs, input.exchange.deadline - clock.now());
    if (!(timeoutMs > 0)) return OUT_OF_TIME;
    if (sleeps) {
      let outcome: Outcome | undefined;
      lane.callNow(this.#call(phase, input, timeoutMs, (given) => (outcome = given)));
      return outcome ?? OUT_OF_TIME;
    }
    return new Promise((resolve) => {
      const call = lane.submit(this.#call(phase, input, timeoutMs, resolve));
      if (signal === undefined || call === undefined) return;
      if (signal.aborted) call.cancel();
      else signal.addEventListener('abort', () => call.cancel(), { once: true });
    });
  }

  streamEnd(streamId: number, reason: EndReason): void {
    if (!this.#isDestroyed) this.#options.lane.streamEnd(this.#options.remote, streamId, END_REASONS.indexOf(reason));
  }

  /** What a successor may take over; of the first worker whose instance has something. */
  async exportState(): Promise<Uint8Array | undefined | PolicyFailure> {
    if (this.#isDestroyed) return DESTROYED;
    return this.#options.lane.exportState(this.#options.remote, ({ kind, frame, length, failure }) =>
      kind === Reply.bytes ? Uint8Array.from(frame.subarray(0, length)) : failure,
    );
  }

  /** Offers the state of a predecessor, to one worker: the others make the instance without. False when it is refused. */
  async importState(state: Uint8Array): Promise<boolean | PolicyFailure> {
    if (this.#isDestroyed) return DESTROYED;
    const { lane, remote, initMs } = this.#options;
    return new Promise((resolve) => {
      const answer = (reply: ThreadReply | PolicyFailure) =>
        resolve(isPolicyFailure(reply) ? reply : reply.kind === Reply.yes);
      const about = { kind: Kind.importState, instance: remote, phase: 0, input: undefined, streamId: 0 };
      lane.submit({ ...about, state, timeoutMs: initMs * 2, answer });
    });
  }

  async destroy(): Promise<void> {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    await this.#options.lane.destroy(this.#options.remote);
    this.#options.released();
  }

  #call(phase: Phase, input: HookInput, timeoutMs: number, give: (outcome: Outcome) => void): WorkerCallOptions {
    return {
      kind: Kind.hook,
      instance: this.#options.remote,
      phase,
      input,
      streamId: input.chunk?.streamId ?? input.pending?.streamId ?? 0,
      timeoutMs,
      answer: (reply) => give(isPolicyFailure(reply) ? reply : this.#outcome(reply, phase, input)),
    };
  }

  #outcome(reply: ThreadReply, phase: Phase, input: HookInput): Outcome | PolicyFailure {
    noteFuel(input, reply.usedFuel);
    switch (reply.kind) {
      case Reply.none:
        return NONE;
      case Reply.yes:
        return YES;
      case Reply.no:
        return NO;
      default: {
        const action = this.#options.remote.decoder.decode(reply.frame, reply.length, phase, sourceOf(phase, input));
        return action.kind === 'failure' ? action : { kind: 'action', action };
      }
    }
  }
}
