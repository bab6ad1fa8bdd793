/** One worker as the calling thread sees it: takes one request at a time, asks back, answers, or is lost. */

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { packageFile } from '../internal/package-files.ts';
import { hostFault } from '../policy/guest/host-functions.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { Phase } from '../policy/model/phases.ts';
import { PAUSE_EXPORT } from '../wasm/metering/rewrite.ts';
import { HostService } from './host-service.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.ts';
import { BY_MESSAGE, Kind, PLACE_BYTES, SharedRecord, STORE_RENEWED, State, Word } from './record.ts';
import type { RemoteInstance } from './remote-instance.ts';
import { failed, readReply, type ThreadReply, type ThreadTask } from './thread-task.ts';

const WORKER = packageFile('dist/policy-workers/policy-worker.js');

/** Of the JavaScript around guests; the memory of guests is limited in their modules, this does not count it. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

const NO_ROOM = policyFailure('MEMORY_LIMIT', 'the input is larger than any guest may be');
/** A guest that was told to stop looks every few milliseconds at most, and nobody else does anything meanwhile. */
const SLEEPING_GRACE_MS = 10;
/** Frames longer than this are more than a guest has memory for. */
const MAX_FRAME_BYTES = 16 * 1_048_576;

export class PolicyThread {
  readonly generation: number;
  readonly record: SharedRecord;
  /** Streams whose chunks were seen here; their state is in this worker's memory. */
  readonly streams = new Set<number>();
  /** Called when it can take the next request, and when it is lost. */
  onIdle: () => void = () => undefined;
  onLost: () => void = () => undefined;
  memoryBytes = 0;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #service = new HostService();
  /** Instances the worker knows, and whether they have been made in its present store. */
  readonly #instances = new Map<RemoteInstance, boolean>();
  readonly #frames: Uint8Array[] = [];
  #task: ThreadTask | undefined;
  #sequence = 0;
  #posted = 0;
  #isLost = false;
  #stopping: Promise<void> | undefined;
  /** A caller sleeps until this one answers. */
  #blocks = false;
  /** The host takes its time with an answer. */
  #awaitsHost = false;
  #asked = 0;
  /** Messages of the worker that were looked for. */
  #drained = 0;
  #lastWords = 'it ended';

  /** Starts a worker and waits until it takes requests. Rejects when it does not. */
  static async start(generation: number): Promise<PolicyThread> {
    const thread = new PolicyThread(generation);
    await new Promise<void>((resolve, reject) => {
      thread.#worker.once('message', () => resolve());
      thread.onLost = () => reject(new Error(thread.#lastWords));
    });
    thread.onLost = () => undefined;
    return thread;
  }

  private constructor(generation: number) {
    this.generation = generation;
    this.record = new SharedRecord();
    this.record.head[Word.generation] = generation;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const setup: WorkerSetup = { shared: this.record.shared, generation, port: port2 };
    this.#worker = new Worker(WORKER, {
      workerData: setup,
      transferList: [port2],
      // Nothing of the process is inherited: no environment, no arguments, no preloaded modules.
      env: {},
      argv: [],
      execArgv: [],
      resourceLimits: RESOURCE_LIMITS,
      name: `edict policies ${generation}`,
    });
    // Whoever waits for an answer holds the process, with the timer of its deadline; a worker that waits does not.
    this.#worker.unref();
    this.#worker.on('error', (caught: unknown) => {
      this.#lastWords = caught instanceof Error ? caught.message : String(caught);
    });
    this.#worker.on('exit', () => this.lose(policyFailure('TRAP', `the worker is gone: ${this.#lastWords}`)));
  }

  /** What generic-pool asks: it is never to be used again. */
  get isPoisoned(): boolean {
    return this.#isLost;
  }

  get isBusy(): boolean {
    return this.#task !== undefined;
  }

  /** True when hooks of the instance can be called without making it first. */
  isReady(instance: RemoteInstance): boolean {
    return this.#instances.get(instance) === true;
  }

  knows(instance: RemoteInstance): boolean {
    return this.#instances.has(instance);
  }

  /** Hands a request over; `done` hears of it, now or later. */
  perform(task: ThreadTask): void {
    if (this.#begin(task)) this.#listen(State.request);
  }

  /**
   * The same, and sleeps until it is answered or `timeoutMs` have passed; then the guest is told to stop, and the worker is
   * lost with the failure given when that does not help.
   */
  performNow(task: ThreadTask, timeoutMs: number, late: PolicyFailure): void {
    if (!this.#begin(task)) return;
    let endsAt = performance.now() + timeoutMs;
    let isTold = false;
    this.#blocks = true;
    for (let seen: number | undefined = State.request; seen !== undefined; seen = this.#advance()) {
      const left = endsAt - performance.now();
      if (left <= 0 && this.record.state === seen) {
        if (isTold || this.tellToStop() === undefined) {
          this.lose(late);
          break;
        }
        isTold = true;
        endsAt = performance.now() + SLEEPING_GRACE_MS;
        continue;
      }
      Atomics.wait(this.record.head, Word.state, seen, Math.max(left, 0));
    }
    this.#blocks = false;
  }

  /**
   * Looks at the request at hand though nobody was woken yet: its answer was there and has been given (`answered`), the
   * worker waits for the host (`asks`), or it is at work.
   */
  poll(): 'answered' | 'asks' | 'works' {
    const { state } = this.record;
    if (this.#task === undefined) return 'answered';
    if (state === State.hostCall) return 'asks';
    if (state !== State.reply) return 'works';
    this.#finish(this.#task);
    return 'answered';
  }

  /**
   * Tells the guest at work to stop, which it notices between two slices of its fuel; the number of the request. `undefined`
   * when its module does not look, or there is none.
   */
  tellToStop(): number | undefined {
    const { module } = this.#task?.instance ?? {};
    if (module?.guest.facts.exports.get(PAUSE_EXPORT) !== 'table') return undefined;
    Atomics.store(this.record.head, Word.stop, this.#sequence);
    return this.#sequence;
  }

  /** True when the worker is still at this request, and has no answer. */
  isAt(sequence: number): boolean {
    return this.#task !== undefined && this.#sequence === sequence && this.poll() !== 'answered';
  }

  /** Answers what the worker waits for with a refusal, so that it comes to an end. */
  refuseHost(): void {
    const task = this.#task;
    if (task === undefined || !this.#awaitsHost) return;
    this.#listen(this.#answerHost(hostFault('deadline')));
  }

  /** Gives it up: the request at hand is answered with the failure, the thread is stopped in the background. */
  lose(failure: PolicyFailure): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const task = this.#task;
    if (task !== undefined) this.#drain(task);
    this.#task = undefined;
    this.#instances.clear();
    this.streams.clear();
    // Whoever listens for an answer is let go; an asynchronous wait that nobody ends is never collected.
    Atomics.notify(this.record.head, Word.state);
    void this.stop();
    task?.done(failed(failure));
    this.onLost();
  }

  /** Ends the thread; resolves when it has ended. */
  stop(): Promise<void> {
    this.#isLost = true;
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#port.close();
    await this.#worker.terminate();
  }

  /** False when it was answered without the worker. */
  #begin(task: ThreadTask): boolean {
    const { head } = this.record;
    this.#task = task;
    this.#tellAbout(task);
    head[Word.kind] = task.kind;
    head[Word.instance] = task.instance?.id ?? 0;
    head[Word.phase] = task.phase;
    head[Word.stream] = task.streamId;
    head[Word.length] = 0;
    if (task.state !== undefined) this.#writeState(task.state);
    if (task.kind === Kind.hook && !this.#write(task)) {
      this.#task = undefined;
      task.done(failed(NO_ROOM));
      this.onIdle();
      return false;
    }
    this.#sequence = (this.#sequence + 1) | 0;
    head[Word.sequence] = this.#sequence;
    this.record.signal(State.request);
    return true;
  }

  /** What the worker must know before the request. */
  #tellAbout({ kind, instance }: ThreadTask): void {
    if (instance === undefined) {
      this.#instances.clear();
      this.streams.clear();
      this.memoryBytes = 0;
      return;
    }
    if (kind === Kind.destroy) this.#instances.delete(instance);
    if (kind === Kind.destroy || this.#instances.has(instance)) return;
    const { module } = instance;
    if (![...this.#instances.keys()].some((known) => known.module === module)) {
      const { guest, granted, limits } = module;
      this.#post({ kind: 'module', module: module.id, guest, granted, limits });
    }
    this.#post({ kind: 'instance', instance: instance.id, module: module.id, init: instance.init });
    this.#instances.set(instance, false);
  }

  #write({ instance, phase, input }: ThreadTask): boolean {
    if (instance === undefined || input === undefined) return false;
    const { record } = this;
    let apart: Uint8Array | undefined;
    const space = {
      bytes: record.bytes,
      words: record.words,
      buffer: record.buffer,
    };
    const length = instance.encoder.encode(
      space,
      (size) => {
        if (size <= PLACE_BYTES) return record.requestAt;
        if (size > MAX_FRAME_BYTES) return 0;
        // Its first word stays unused: a place at 0 would mean that there is none.
        const own = new ArrayBuffer(8 + ((size + 7) & ~7));
        apart = space.bytes = new Uint8Array(own);
        space.words = new Uint32Array(own);
        space.buffer = Buffer.from(own);
        return 8;
      },
      phase as Phase,
      input,
    );
    if (length === 0) return false;
    record.head[Word.length] = apart === undefined ? length : BY_MESSAGE;
    if (apart !== undefined) this.#post({ kind: 'frame', bytes: apart.slice(8, 8 + length) });
    return true;
  }

  /** Of any size: the guest says whether it has room. */
  #writeState(state: Uint8Array): void {
    const { head, bytes, requestAt } = this.record;
    const fits = state.length <= PLACE_BYTES;
    head[Word.length] = fits ? state.length : BY_MESSAGE;
    if (fits) bytes.set(state, requestAt);
    else this.#post({ kind: 'frame', bytes: Uint8Array.from(state) });
  }

  #post(message: ToWorker): void {
    this.#port.postMessage(message);
    this.record.head[Word.posted] = ++this.#posted;
  }

  #listen(seen: number): void {
    for (let state: number | undefined = seen; state !== undefined; ) {
      const waiting = Atomics.waitAsync(this.record.head, Word.state, state);
      if (waiting.async) {
        void waiting.value.then(this.#woken);
        return;
      }
      state = this.#advance();
    }
  }

  readonly #woken = (): void => {
    if (this.#isLost) return;
    const state = this.#advance();
    if (state !== undefined) this.#listen(state);
  };

  /** Does what is to be done in this state; gives the state to wait in, or nothing when others go on. */
  #advance(): number | undefined {
    const task = this.#task;
    if (this.#isLost || task === undefined) return undefined;
    const { state } = this.record;
    if (state === State.hostCall) return this.#serveHost(task);
    if (state !== State.reply) return state;
    this.#finish(task);
    return undefined;
  }

  #serveHost(task: ThreadTask): number | undefined {
    const ask = this.#drain(task);
    const { instance } = task;
    if (ask === undefined || instance === undefined) return this.#answerHost(hostFault('unavailable'));
    const asking = { call: callOf(task, instance), host: instance.module.host };
    const answer = this.#service.ask(asking, ask);
    if (!(answer instanceof Promise)) return this.#answerHost(answer);
    // Nothing asynchronous ends while this thread sleeps.
    if (this.#blocks) return this.#answerHost(hostFault('unavailable'));
    const asked = ++this.#asked;
    this.#awaitsHost = true;
    void answer.then((value) => {
      // The answer may come when the question was refused meanwhile, or the worker is lost.
      if (this.#isLost || this.#asked !== asked || !this.#awaitsHost) return;
      this.#listen(this.#answerHost(value));
    });
    return undefined;
  }

  #answerHost(value: unknown): number {
    this.#awaitsHost = false;
    this.#port.postMessage({ kind: 'answer', value } satisfies ToWorker);
    this.#posted++;
    this.record.signal(State.hostAnswer);
    return State.hostAnswer;
  }

  /** Takes what the worker posted: passes on what it tells, keeps frames, gives what it asks. */
  #drain(task: ThreadTask): Extract<FromWorker, { kind: 'ask' }> | undefined {
    for (let got = receiveMessageOnPort(this.#port); got !== undefined; got = receiveMessageOnPort(this.#port)) {
      const message = got.message as FromWorker;
      if (message.kind === 'ask') return message;
      if (message.kind === 'frame') this.#frames.push(message.bytes);
      else if (task.instance !== undefined) {
        this.#service.tell({ call: callOf(task, task.instance), host: task.instance.module.host }, message);
      }
    }
    return undefined;
  }

  #finish(task: ThreadTask): void {
    const { head } = this.record;
    if (head[Word.told] !== this.#drained) {
      this.#drained = head[Word.told] as number;
      this.#drain(task);
    }
    this.#service.reset();
    this.#task = undefined;
    const reply =
      head[Word.replySequence] === this.#sequence
        ? readReply(this.record, this.#frames)
        : failed(policyFailure('INTERNAL', 'the worker answered another request'));
    this.#frames.length = 0;
    this.#note(task, reply);
    task.done(reply);
    this.onIdle();
  }

  /** What the reply says about instances being there. */
  #note({ kind, instance }: ThreadTask, { failure }: ThreadReply): void {
    if (instance === undefined) return;
    this.memoryBytes = this.record.head[Word.memoryBytes] as number;
    if (this.record.head[Word.replyFlags] === STORE_RENEWED) {
      for (const known of this.#instances.keys()) {
        if (known.module === instance.module) this.#instances.set(known, false);
      }
    } else if (kind === Kind.init && failure === undefined) this.#instances.set(instance, true);
  }
}

function callOf({ kind, phase, input }: ThreadTask, { init }: RemoteInstance) {
  return { info: init.info, phase: kind === Kind.hook ? (phase as Phase) : undefined, input };
}
