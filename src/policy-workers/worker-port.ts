/** The worker's end: waits for requests without an event loop, asks the host and sleeps, tells it and goes on. */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { AskMessage, FromWorker, TellMessage, ToWorker } from './messages.ts';
import { type SharedRecord, State, Word } from './record.ts';

export class WorkerPort {
  readonly record: SharedRecord;
  readonly #port: MessagePort;
  /** Messages taken so far. */
  #taken = 0;
  #told = 0;

  constructor(record: SharedRecord, port: MessagePort) {
    this.record = record;
    this.#port = port;
  }

  /** Sleeps until there is a request. */
  nextRequest(): void {
    const { record } = this;
    for (let state = record.state; state !== State.request; state = record.state) {
      Atomics.wait(record.head, Word.state, state);
    }
  }

  /** Everything posted since; a message is there before the word that counts it. */
  *messages(): Generator<ToWorker> {
    const posted = this.record.head[Word.posted] as number;
    while (this.#taken < posted) yield this.#take();
  }

  /** Sleeps until the host has answered. */
  ask(name: AskMessage['name'], args: readonly unknown[]): unknown {
    const { record } = this;
    this.post({ kind: 'ask', name, args });
    record.signal(State.hostCall);
    while (record.state === State.hostCall) Atomics.wait(record.head, Word.state, State.hostCall);
    const message = this.#take();
    return message.kind === 'answer' ? message.value : undefined;
  }

  tell(name: TellMessage['name'], args: readonly unknown[]): void {
    this.post({ kind: 'tell', instance: this.record.head[Word.instance] as number, name, args });
  }

  post(message: FromWorker): void {
    this.#port.postMessage(message);
    this.record.head[Word.told] = ++this.#told;
  }

  #take(): ToWorker {
    const received = receiveMessageOnPort(this.#port);
    if (received === undefined) throw new Error('a message was announced that is not there');
    this.#taken++;
    return received.message as ToWorker;
  }
}
