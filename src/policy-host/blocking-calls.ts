/**
 * Calls between threads of which the caller's waits: how a worker that runs a policy asks the thread that owns what the
 * policy asks for, and how any thread asks a worker that owns a connection.
 *
 *   caller   posts {id, name, args}      → port →   server   does it, at once or later
 *            sleeps on the signal        ←───────            posts {id, value}, adds one to the signal, wakes the caller
 *            takes the answer from the port without an event loop
 *
 * Nothing is locked, so a caller that is terminated in mid-call leaves nothing behind; its answer goes to a closed port.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { type HostResult, hostFault } from '../policy/guest/host-functions.ts';

/** The caller's half; can be sent to a worker, with the port in the transfer list. */
export interface CallerEnd {
  readonly port: MessagePort;
  readonly signal: Int32Array<SharedArrayBuffer>;
}

/** The server's half. */
export type ServerEnd = CallerEnd;

export function blockingCallPair(): { readonly caller: CallerEnd; readonly server: ServerEnd } {
  const { port1, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  return { caller: { port: port1, signal }, server: { port: port2, signal } };
}

interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly id: number;
  readonly value: unknown;
}

/** Asks and waits. One call at a time: the thread that waits cannot begin another. */
export class BlockingCaller {
  readonly #end: CallerEnd;
  readonly #clock: { monotonic(): number };
  #id = 0;

  constructor(end: CallerEnd, clock: { monotonic(): number }) {
    this.#end = end;
    this.#clock = clock;
    // The port is emptied by hand; it must not keep the thread alive.
    end.port.unref();
  }

  /**
   * The answer, or `deadline` after `timeoutMs`. What was asked may have happened all the same then; its answer, when it
   * comes, is dropped.
   */
  call<T>(name: string, args: readonly unknown[], timeoutMs: number): HostResult<T> {
    const { port, signal } = this.#end;
    const id = ++this.#id;
    const endsAt = this.#clock.monotonic() + timeoutMs;
    let seen = Atomics.load(signal, 0);
    try {
      port.postMessage({ id, name, args } satisfies Request);
    } catch {
      // Arguments that cannot cross to another thread.
      return hostFault('bad-argument');
    }
    for (;;) {
      for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
        const { id: answered, value } = got.message as Answer;
        if (answered === id) return value as HostResult<T>;
      }
      const left = endsAt - this.#clock.monotonic();
      if (left <= 0) return hostFault('deadline');
      Atomics.wait(signal, 0, seen, left);
      seen = Atomics.load(signal, 0);
    }
  }

  close(): void {
    this.#end.port.close();
  }
}

/** What a server does, by name. */
export type CallHandlers = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Answers the calls of one caller until it is closed. */
export class CallServer {
  readonly #end: ServerEnd;
  readonly #handlers: ReadonlyMap<string, (...args: never[]) => unknown>;

  /** Waiting for calls is no reason for a process to stay, but may be all that a worker is for: then `keepsAlive`. */
  constructor(end: ServerEnd, handlers: CallHandlers, { keepsAlive = false }: { readonly keepsAlive?: boolean } = {}) {
    this.#end = end;
    this.#handlers = new Map(Object.entries(handlers));
    end.port.on('message', (message: Request) => this.#serve(message));
    if (!keepsAlive) end.port.unref();
  }

  /** Answers what is waiting now: for a thread that waits for the caller itself and so cannot reach its event loop. */
  drain(): void {
    for (let got = receiveMessageOnPort(this.#end.port); got !== undefined; ) {
      this.#serve(got.message as Request);
      got = receiveMessageOnPort(this.#end.port);
    }
  }

  close(): void {
    this.#end.port.close();
  }

  #serve({ id, name, args }: Request): void {
    let value: unknown;
    try {
      const handler = this.#handlers.get(name);
      value = handler === undefined ? hostFault('denied') : handler(...(args as never[]));
    } catch {
      value = hostFault('unavailable');
    }
    if (value instanceof Promise) {
      value.then(
        (later) => this.#answer(id, later),
        () => this.#answer(id, hostFault('unavailable')),
      );
    } else this.#answer(id, value);
  }

  #answer(id: number, value: unknown): void {
    const { port, signal } = this.#end;
    try {
      port.postMessage({ id, value } satisfies Answer);
    } catch {
      port.postMessage({ id, value: hostFault('unavailable') } satisfies Answer);
    }
    Atomics.add(signal, 0, 1);
    Atomics.notify(signal, 0);
  }
}
