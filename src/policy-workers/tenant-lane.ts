/** The calls of one tenant: a bounded queue, the workers it has leased, and which of them gets which call. */

import type { Clock } from '../options/clock.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import { endRequest } from './end-request.ts';
import type { PolicyThread } from './policy-thread.ts';
import { Kind } from './record.ts';
import type { RemoteInstance } from './remote-instance.ts';
import { failed, type ThreadReply, type ThreadTask } from './thread-task.ts';
import { DEADLINE, WorkerCall, type WorkerCallOptions } from './worker-call.ts';

export interface LaneLimits {
  /** Calls of a tenant in workers at once. */
  readonly concurrent: number;
  /** Calls of a tenant that wait for one. */
  readonly queued: number;
  readonly initMs: number;
  readonly destroyMs: number;
}

/** What a lane needs of the others. */
export interface LanePorts {
  readonly clock: Clock;
  readonly limits: LaneLimits;
  /** A worker for this lane, now; otherwise the lane is remembered and gets one when there is one. */
  want(lane: TenantLane): PolicyThread | undefined;
  /** True when another lane has none, waits, and did not just lose one. */
  othersWait(): boolean;
  /** Ends a lease. The worker has forgotten everything, or is lost. */
  giveBack(thread: PolicyThread): void;
  /** Why there are no workers, when it is not that all are busy. */
  failure(): PolicyFailure | undefined;
}

/** A tenant with more to do keeps its worker so long before others that wait get it: changing hands makes instances anew. */
const HOLD_MS = 10;
/** Whose worker was lost stands behind everybody else for so long: he gets what is free, never what another tenant has. */
const LAST_IN_LINE_MS = 1_000;
/** Work without a caller, for each worker; beyond it ends of streams are dropped, and the guest's memory is not told. */
const MAX_CHORES = 256;

interface Lease {
  readonly thread: PolicyThread;
  readonly chores: ThreadTask[];
  since: number;
  usedAt: number;
}

const CLOSED = policyFailure('CLOSED', 'the tenant or the engine is closing');
const FULL = policyFailure('OVERLOAD', 'as many calls of the tenant wait as may');
const NO_WORKER = policyFailure('OVERLOAD', 'no worker is free, and the chain does not wait');
const COLD = policyFailure('NOT_READY', 'the instance is being made in its worker');
const SLOW_INIT = policyFailure('INIT_FAILED', 'init took longer than it may');

export class TenantLane {
  readonly tenant: string;
  /** Instances that exist; the lane is kept for as long as there is one. */
  instances = 0;
  /** How many calls run and wait; for calls from now on where it changes. */
  limits: Pick<LaneLimits, 'concurrent' | 'queued'>;
  readonly #ports: LanePorts;
  readonly #leases = new Map<PolicyThread, Lease>();
  readonly #streams = new Map<number, PolicyThread>();
  readonly #queue: WorkerCall[] = [];
  #running = 0;
  #lostAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #idle: (() => void)[] = [];

  constructor(tenant: string, ports: LanePorts) {
    this.tenant = tenant;
    this.limits = ports.limits;
    this.#ports = ports;
  }

  /** True when nothing of it is left. */
  get isOver(): boolean {
    return this.instances === 0 && this.#leases.size === 0 && this.#queue.length === 0;
  }

  get leased(): number {
    return this.#leases.size;
  }

  get waits(): boolean {
    return this.#queue.length > 0;
  }

  /** True when others that have workers should hand one over. */
  get claims(): boolean {
    return this.waits && this.#ports.clock.monotonic() - this.#lostAt >= LAST_IN_LINE_MS;
  }

  submit(options: WorkerCallOptions): WorkerCall | undefined {
    if (this.#isClosed) {
      options.answer(CLOSED);
      return undefined;
    }
    const pin = options.streamId === 0 ? undefined : this.#streams.get(options.streamId);
    const thread = this.#free(options.instance, pin);
    if (thread === undefined && this.#queue.length >= this.limits.queued) {
      options.answer(FULL);
      return undefined;
    }
    const call = new WorkerCall(options, this.#ports.clock, (one) => this.#leave(one));
    call.pin = pin;
    if (thread !== undefined) this.#start(call, thread);
    else {
      this.#queue.push(call);
      if (pin === undefined && this.#running < this.limits.concurrent) this.#goOnElsewhere();
    }
    return call;
  }

  /** For chains that do not wait: sleeps until the worker has answered. */
  callNow(options: WorkerCallOptions): void {
    if (this.#isClosed) {
      options.answer(CLOSED);
      return;
    }
    const pin = options.streamId === 0 ? undefined : this.#streams.get(options.streamId);
    const { instance, timeoutMs } = options;
    let thread = this.#free(instance, pin);
    if (thread === undefined && this.#running < this.limits.concurrent) {
      thread = this.#ports.want(this);
      if (thread !== undefined) this.#lease(thread);
    }
    if (thread === undefined) {
      options.answer(NO_WORKER);
      return;
    }
    if (thread.isReady(instance)) {
      this.#running++;
      const done = (reply: ThreadReply) => {
        this.#running--;
        options.answer(reply.failure ?? reply);
      };
      thread.performNow({ ...taskOf(options), done }, timeoutMs, DEADLINE);
      return;
    }
    // Making it may take longer than a hook may, and whoever sleeps meanwhile would sleep as long.
    this.#chore(thread, { ...taskOf(options), kind: Kind.init, done: () => undefined });
    options.answer(COLD);
  }

  /** Chunks of the stream are over: the guests that saw them hear of it. */
  streamEnd(instance: RemoteInstance, streamId: number, reason: number): void {
    this.#streams.delete(streamId);
    for (const { thread } of this.#leases.values()) {
      thread.streams.delete(streamId);
      if (!thread.isReady(instance)) continue;
      this.#chore(thread, choreOf(Kind.streamEnd, instance, { phase: reason, streamId }));
    }
  }

  /** What a successor may take over; of the first worker whose instance has something. The frame is good until this returns. */
  async exportState<T>(instance: RemoteInstance, read: (reply: ThreadReply) => T | undefined): Promise<T | undefined> {
    for (const { thread } of [...this.#leases.values()]) {
      if (!thread.isReady(instance)) continue;
      const given = await new Promise<T | undefined>((resolve) => {
        const done = (reply: ThreadReply) => resolve(read(reply));
        this.#chore(thread, choreOf(Kind.exportState, instance, { done }));
      });
      if (given !== undefined) return given;
    }
    return undefined;
  }

  /** Ends the instance in every worker that has it; resolves when it is gone. */
  async destroy(instance: RemoteInstance): Promise<void> {
    for (const call of [...this.#queue]) {
      if (call.options.instance !== instance) continue;
      this.#leave(call);
      call.end(CLOSED);
    }
    const gone = [...this.#leases.values()]
      .filter(({ thread }) => thread.knows(instance))
      .map(
        ({ thread }) =>
          new Promise<void>((resolve) => {
            this.#chore(thread, choreOf(Kind.destroy, instance, { done: () => resolve() }));
          }),
      );
    await Promise.all(gone);
  }

  /** A worker for it, because it wanted one. */
  receive(thread: PolicyThread): void {
    this.#lease(thread);
    this.#goOn(thread);
  }

  /** A worker that is idle and without streams, of which others have more need; the one that rested longest. */
  idleSince(): { readonly thread: PolicyThread; readonly usedAt: number } | undefined {
    let longest: Lease | undefined;
    for (const lease of this.#leases.values()) {
      if (lease.thread.isBusy || lease.chores.length > 0) continue;
      if (lease.thread.streams.size > 0 && this.instances > 0) continue;
      if (longest === undefined || lease.usedAt < longest.usedAt) longest = lease;
    }
    return longest;
  }

  /** Has the worker forget everything, then gives it back. */
  release(thread: PolicyThread): void {
    const lease = this.#leases.get(thread);
    if (lease === undefined || thread.isBusy) return;
    this.#leases.delete(thread);
    for (const [stream, home] of this.#streams) if (home === thread) this.#streams.delete(stream);
    thread.onIdle = () => this.#ports.giveBack(thread);
    thread.onLost = () => this.#ports.giveBack(thread);
    this.#perform(thread, choreOf(Kind.forget, undefined, {}));
  }

  /** Answers what waits; resolves when nothing runs any more. */
  close(): Promise<void> {
    this.#isClosed = true;
    for (const call of this.#queue.splice(0)) call.end(CLOSED);
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  describe(): { readonly workers: number; readonly running: number; readonly queued: number; readonly bytes: number } {
    let bytes = 0;
    for (const thread of this.#leases.keys()) bytes += thread.memoryBytes;
    return { workers: this.#leases.size, running: this.#running, queued: this.#queue.length, bytes };
  }

  /** An idle worker that may take the call now: the one its stream lives in, one that has the instance, any. */
  #free(instance: RemoteInstance, pin: PolicyThread | undefined): PolicyThread | undefined {
    if (this.#running >= this.limits.concurrent) return undefined;
    if (pin !== undefined && this.#leases.has(pin)) return pin.isBusy ? undefined : pin;
    let free: PolicyThread | undefined;
    for (const thread of this.#leases.keys()) {
      if (thread.isBusy) continue;
      if (thread.isReady(instance)) return thread;
      free ??= thread;
    }
    return free;
  }

  #lease(thread: PolicyThread): void {
    const now = this.#ports.clock.monotonic();
    this.#leases.set(thread, { thread, chores: [], since: now, usedAt: now });
    thread.onIdle = () => this.#goOn(thread);
    thread.onLost = () => this.#lost(thread);
  }

  #start(call: WorkerCall, thread: PolicyThread): void {
    this.#running++;
    const { options } = call;
    const lease = this.#leases.get(thread);
    if (lease !== undefined) lease.usedAt = this.#ports.clock.monotonic();
    if (options.streamId !== 0) {
      this.#streams.set(options.streamId, thread);
      thread.streams.add(options.streamId);
    }
    const isMade = options.kind !== Kind.init && thread.isReady(options.instance);
    if (isMade || options.kind === Kind.plan) {
      this.#run(call, thread);
      return;
    }
    call.begin('making', thread);
    const { initMs } = this.#ports.limits;
    const timer = this.#ports.clock.setTimeout(() => endRequest(thread, this.#ports.clock, SLOW_INIT), initMs);
    const done = (reply: ThreadReply) => {
      this.#ports.clock.clearTimeout(timer);
      if (options.kind === Kind.init || reply.failure !== undefined || call.isAnswered) this.#end(call, reply);
      else this.#run(call, thread);
    };
    thread.perform({ ...taskOf(options), kind: Kind.init, done });
  }

  #run(call: WorkerCall, thread: PolicyThread): void {
    call.begin('running', thread);
    thread.perform({ ...taskOf(call.options), done: (reply) => this.#end(call, reply) });
  }

  #end(call: WorkerCall, reply: ThreadReply): void {
    this.#running--;
    call.end(reply.failure ?? reply);
    if (this.#running > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** What an idle worker does next. */
  #goOn(thread: PolicyThread): void {
    const lease = this.#leases.get(thread);
    if (lease === undefined || thread.isBusy || thread.isPoisoned) return;
    const chore = lease.chores.shift();
    if (chore !== undefined) {
      this.#perform(thread, chore);
      return;
    }
    const mayLeave = thread.streams.size === 0 && this.#ports.othersWait();
    if (mayLeave && (!this.waits || this.#ports.clock.monotonic() - lease.since >= HOLD_MS)) {
      this.release(thread);
      if (this.waits && this.#leases.size === 0) this.#goOnElsewhere();
      return;
    }
    const call = this.#running < this.limits.concurrent ? this.#next(thread) : undefined;
    if (call !== undefined) this.#start(call, thread);
    else if (this.instances === 0) this.release(thread);
  }

  #next(thread: PolicyThread): WorkerCall | undefined {
    const at = this.#queue.findIndex(({ pin }) => pin === undefined || pin === thread);
    return at < 0 ? undefined : this.#queue.splice(at, 1)[0];
  }

  #goOnElsewhere(): void {
    const thread = this.#ports.want(this);
    if (thread !== undefined) this.receive(thread);
  }

  #lost(thread: PolicyThread): void {
    const lease = this.#leases.get(thread);
    this.#lostAt = this.#ports.clock.monotonic();
    this.#leases.delete(thread);
    for (const [stream, home] of this.#streams) if (home === thread) this.#streams.delete(stream);
    for (const call of this.#queue) if (call.pin === thread) call.pin = undefined;
    for (const { done } of lease?.chores ?? []) done(GONE);
    this.#ports.giveBack(thread);
    if (this.waits) this.#goOnElsewhere();
  }

  #chore(thread: PolicyThread, task: ThreadTask): void {
    const lease = this.#leases.get(thread);
    if (lease === undefined || (task.kind === Kind.streamEnd && lease.chores.length >= MAX_CHORES)) {
      task.done(GONE);
      return;
    }
    lease.chores.push(task);
    this.#goOn(thread);
  }

  /** Nobody waits for the answer, but the worker must become free again. */
  #perform(thread: PolicyThread, task: ThreadTask): void {
    const { clock, limits } = this.#ports;
    const timer = clock.setTimeout(() => endRequest(thread, clock, DEADLINE), limits.destroyMs);
    thread.perform({
      ...task,
      done: (reply) => {
        clock.clearTimeout(timer);
        task.done(reply);
      },
    });
  }

  #leave(call: WorkerCall): PolicyFailure | undefined {
    const at = this.#queue.indexOf(call);
    if (at >= 0) this.#queue.splice(at, 1);
    return this.#ports.failure();
  }
}

/** To work that ends with its worker. */
const GONE: ThreadReply = failed(policyFailure('CLOSED', 'the worker is gone'));

function taskOf({ kind, instance, phase, input, streamId, state }: WorkerCallOptions): Omit<ThreadTask, 'done'> {
  return { kind, instance, phase, input, streamId, state };
}

function choreOf(
  kind: Kind,
  instance: RemoteInstance | undefined,
  { phase = 0, streamId = 0, done = () => undefined }: Partial<Pick<ThreadTask, 'phase' | 'streamId' | 'done'>>,
): ThreadTask {
  return { kind, instance, phase, streamId, input: undefined, done };
}
