/** One call on its way through a worker: waits, has its instance made, runs; answered once, whatever happens later. */

import type { Clock, TimerHandle } from '../options/clock.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import { endRequest } from './end-request.ts';
import type { PolicyThread } from './policy-thread.ts';
import type { Kind } from './record.ts';
import type { RemoteInstance } from './remote-instance.ts';
import type { ThreadReply } from './thread-task.ts';

/** How long a guest whose question to the host was refused at the deadline may take to come to an end. */
const LAST_WORDS_MS = 5;

export const DEADLINE = policyFailure('DEADLINE_EXCEEDED', 'the hook took longer than it may');
const SLOW_HOST = policyFailure('DEADLINE_EXCEEDED', 'the host took longer than the hook may');
const STILL_MADE = policyFailure('DEADLINE_EXCEEDED', 'the instance was not made in time');
const NO_TURN = policyFailure('OVERLOAD', 'no worker became free within the time of the call');
const CANCELLED = policyFailure('CANCELLED', 'the exchange was given up');

export interface WorkerCallOptions {
  readonly kind: typeof Kind.hook | typeof Kind.init | typeof Kind.plan | typeof Kind.importState;
  readonly instance: RemoteInstance;
  readonly phase: number;
  readonly input: HookInput | undefined;
  readonly state?: Uint8Array | undefined;
  /** Of the body whose chunks the hook sees; 0 when it sees none. */
  readonly streamId: number;
  readonly timeoutMs: number;
  /** Called once. The reply's frame is good until this returns. */
  answer(reply: ThreadReply | PolicyFailure): void;
}

export class WorkerCall {
  readonly options: WorkerCallOptions;
  /** The worker it must run in, because the state of its stream is there. */
  pin: PolicyThread | undefined;
  state: 'queued' | 'making' | 'running' | 'over' = 'queued';
  readonly #clock: Clock;
  readonly #leave: (call: WorkerCall) => PolicyFailure | undefined;
  #thread: PolicyThread | undefined;
  #timer: TimerHandle;
  #isAnswered = false;

  /** `leave` takes it out of the queue, and says why it had to wait when there is more to say than that it had. */
  constructor(options: WorkerCallOptions, clock: Clock, leave: (call: WorkerCall) => PolicyFailure | undefined) {
    this.options = options;
    this.#clock = clock;
    this.#leave = leave;
    // Not unreferenced: somebody awaits the answer, and at the deadline there is one.
    this.#timer = clock.setTimeout(() => this.#expire(), options.timeoutMs);
  }

  /** Nobody waits for it any more. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  begin(state: 'making' | 'running', thread: PolicyThread): void {
    this.state = state;
    this.#thread = thread;
  }

  /** The worker is done with it. */
  end(reply: ThreadReply | PolicyFailure): void {
    this.state = 'over';
    this.#clock.clearTimeout(this.#timer);
    this.answer(reply);
  }

  /** The first answer counts. */
  answer(reply: ThreadReply | PolicyFailure): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.options.answer(reply);
  }

  /** The exchange was given up. A hook that runs goes on until its deadline; what it says is dropped. */
  cancel(): void {
    if (this.state === 'queued') {
      this.#leave(this);
      this.end(CANCELLED);
    } else this.answer(CANCELLED);
  }

  #expire(): void {
    switch (this.state) {
      case 'queued':
        this.end(this.#leave(this) ?? NO_TURN);
        return;
      case 'making':
        // Making it has its own time, else an instance that needs longer than a hook could never be made.
        this.answer(STILL_MADE);
        return;
      case 'running':
        this.#stop();
    }
  }

  #stop(): void {
    const thread = this.#thread;
    switch (thread?.poll()) {
      case 'works':
        this.answer(DEADLINE);
        endRequest(thread, this.#clock, DEADLINE);
        return;
      case 'asks':
        this.answer(SLOW_HOST);
        this.#timer = this.#clock.setTimeout(() => {
          if (thread.poll() !== 'answered') endRequest(thread, this.#clock, DEADLINE);
        }, LAST_WORDS_MS);
        thread.refuseHost();
    }
  }
}
