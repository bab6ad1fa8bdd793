/** The worker thread: takes one request after another, for as long as it lives. It never returns to an event loop. */

import { parentPort, workerData } from 'node:worker_threads';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { Outcome } from '../policy/model/instance.ts';
import type { Phase } from '../policy/model/phases.ts';
import type { FrameMessage, WorkerSetup } from './messages.ts';
import { BY_MESSAGE, Kind, PLACE_BYTES, Reply, SharedRecord, STORE_RENEWED, State, Word } from './record.ts';
import { WorkerPort } from './worker-port.ts';
import { WorkerStores } from './worker-stores.ts';

/** A failure crosses as its code, a line break, and its message. */
const MAX_MESSAGE_CHARACTERS = 4_096;

const { shared, port: messages } = workerData as WorkerSetup;
const record = new SharedRecord(shared);
const { head } = record;
if (parentPort === null) throw new Error('this module is the body of a worker thread');
const port = new WorkerPort(record, messages);
const stores = new WorkerStores(port);
const frames: FrameMessage[] = [];

parentPort.postMessage('ready');
for (;;) {
  port.nextRequest();
  serve();
}

function serve(): void {
  const instance = head[Word.instance] as number;
  head[Word.replyKind] = Reply.none;
  head[Word.replyLength] = 0;
  let outcome: Outcome | undefined;
  try {
    takeMessages();
    const before = stores.look(instance).stores;
    outcome = perform(instance);
    const { stores: after, usedFuel, memoryBytes } = stores.look(instance);
    head[Word.replyFlags] = after === before ? 0 : STORE_RENEWED;
    head[Word.usedFuel] = usedFuel;
    head[Word.memoryBytes] = memoryBytes;
  } catch (caught) {
    // Nothing of a guest gets out of the stores, so this is a mistake of ours; the caller must hear of it all the same.
    head[Word.replyFlags] = STORE_RENEWED;
    outcome = policyFailure('INTERNAL', `the worker failed: ${String(caught)}`);
  }
  frames.length = 0;
  if (outcome !== undefined) write(outcome, instance);
  head[Word.replySequence] = head[Word.sequence] as number;
  record.signal(State.reply);
}

function takeMessages(): void {
  for (const message of port.messages()) {
    if (message.kind === 'module') stores.addModule(message);
    else if (message.kind === 'instance') stores.addInstance(message);
    else if (message.kind === 'frame') frames.push(message);
  }
}

function perform(instance: number): Outcome | undefined {
  switch (head[Word.kind]) {
    case Kind.hook:
      stores.giver.frame = requestBytes();
      return stores.hook(instance, head[Word.phase] as Phase);
    case Kind.init: {
      const modes = stores.init(instance);
      if (isPolicyFailure(modes)) return modes;
      head[Word.modes] = modes;
      return undefined;
    }
    case Kind.plan: {
      const plan = stores.plan(instance);
      if (plan === undefined || isPolicyFailure(plan)) return plan;
      return writeBytes(Buffer.from(JSON.stringify(plan)));
    }
    case Kind.exportState: {
      const state = stores.exportState(instance);
      return state instanceof Uint8Array ? writeBytes(state) : state;
    }
    case Kind.importState: {
      const taken = stores.importState(instance, requestBytes());
      return isPolicyFailure(taken) ? taken : { kind: 'decision', needsMore: taken };
    }
    case Kind.streamEnd:
      stores.streamEnd(instance, head[Word.stream] as number, head[Word.phase] as number);
      return undefined;
    case Kind.destroy:
      stores.destroy(instance);
      return undefined;
    default:
      stores.forget();
      return undefined;
  }
}

function requestBytes(): Uint8Array {
  const length = head[Word.length] as number;
  if (length !== BY_MESSAGE) return record.bytes.subarray(record.requestAt, record.requestAt + length);
  return frames.at(-1)?.bytes ?? new Uint8Array(0);
}

function write(outcome: Outcome, instance: number): void {
  switch (outcome.kind) {
    case 'none':
      return;
    case 'action':
      head[Word.replyKind] = Reply.action;
      head[Word.replyLength] = stores.look(instance).answerLength;
      return;
    case 'decision':
      head[Word.replyKind] = outcome.needsMore ? Reply.yes : Reply.no;
      return;
    case 'failure':
      writeFailure(outcome);
  }
}

/** An answer that is no frame. */
function writeBytes(bytes: Uint8Array): undefined {
  const fits = bytes.length <= PLACE_BYTES;
  if (fits) record.bytes.set(bytes, record.replyAt);
  else port.post({ kind: 'frame', bytes });
  head[Word.replyKind] = Reply.bytes;
  head[Word.replyLength] = fits ? bytes.length : BY_MESSAGE;
  return undefined;
}

function writeFailure({ code, message }: PolicyFailure): void {
  head[Word.replyKind] = Reply.failure;
  const text = `${code}\n${message.slice(0, MAX_MESSAGE_CHARACTERS)}`;
  head[Word.replyLength] = record.buffer.write(text, record.replyAt, 'utf8');
}
