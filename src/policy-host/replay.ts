/** What a hook got from its host, recorded with the decision, and a host that gives it again offline. */

import { NOBODY } from '../policy/guest/host-binding.ts';
import {
  type FlagKind,
  type HostCall,
  type HostFault,
  type HostFunctions,
  type HostResult,
  hostFault,
  isHostFault,
  type KvEntry,
  type LogLevel,
  type PendingBytes,
} from '../policy/guest/host-functions.ts';
import type { HookInput, PolicyInfo } from '../policy/model/inputs.ts';
import type { Outcome } from '../policy/model/instance.ts';
import { MetadataDrafts } from './metadata-drafts.ts';

/** Functions whose answers a hook depends on; the rest either tells nothing or follows from the input. */
type Answering = Exclude<
  keyof HostFunctions,
  'log' | 'counterAdd' | 'histogramRecord' | 'metaGet' | 'metaSet' | 'metaDelete'
>;

/** One answer as JSON: bytes in base64, and nothing where the answer was "not there". */
export interface HostEvent {
  readonly function: Answering;
  readonly value?: string | number | boolean;
  readonly bytes?: string;
  readonly version?: number;
  readonly fault?: HostFault['fault'];
  /** The answer did not come at once: the hook was resumed with it. */
  readonly isLate?: true;
}

/** Events of one hook beyond this are not kept, and its replay says so; host calls are bounded, so few hooks come near. */
const MAX_EVENTS = 1_024;

/** Passes every call on and remembers the answers by hook. */
export class RecordingHost implements HostFunctions {
  readonly #inner: HostFunctions;
  readonly #events = new WeakMap<HookInput | PolicyInfo, HostEvent[]>();

  constructor(inner: HostFunctions) {
    this.#inner = inner;
  }

  /** What the hook of this input got, in the order in which it asked. A request that has not ended yet is missing its answer. */
  take(input: HookInput): readonly HostEvent[] {
    const events = this.#events.get(input) ?? [];
    this.#events.delete(input);
    return events;
  }

  /** What an instance got while it was made. */
  takeMade(info: PolicyInfo): readonly HostEvent[] {
    const events = this.#events.get(info) ?? [];
    this.#events.delete(info);
    return events;
  }

  log(call: HostCall, level: LogLevel, message: string): void {
    this.#inner.log(call, level, message);
  }
  nowMs(call: HostCall): number {
    return this.#note(call, 'nowMs', this.#inner.nowMs(call)) as number;
  }
  monotonicMs(call: HostCall): number {
    return this.#note(call, 'monotonicMs', this.#inner.monotonicMs(call)) as number;
  }
  random(call: HostCall, bytes: number): HostResult<Uint8Array> {
    return this.#note(call, 'random', this.#inner.random(call, bytes));
  }
  flag(
    call: HostCall,
    key: string,
    kind: FlagKind,
    defaultJson: string,
    contextJson: string | undefined,
  ): HostResult<string> {
    return this.#note(call, 'flag', this.#inner.flag(call, key, kind, defaultJson, contextJson));
  }
  metaGet(call: HostCall, key: string): HostResult<string | undefined> {
    return this.#inner.metaGet(call, key);
  }
  metaSet(call: HostCall, key: string, valueJson: string): HostResult<true> {
    return this.#inner.metaSet(call, key, valueJson);
  }
  metaDelete(call: HostCall, key: string): HostResult<boolean> {
    return this.#inner.metaDelete(call, key);
  }
  kvGet(call: HostCall, namespace: string, key: string): HostResult<KvEntry | undefined> {
    return this.#note(call, 'kvGet', this.#inner.kvGet(call, namespace, key));
  }
  kvSet(call: HostCall, namespace: string, key: string, value: Uint8Array, ttlMs: number): HostResult<number> {
    return this.#note(call, 'kvSet', this.#inner.kvSet(call, namespace, key, value, ttlMs));
  }
  kvDelete(call: HostCall, namespace: string, key: string): HostResult<boolean> {
    return this.#note(call, 'kvDelete', this.#inner.kvDelete(call, namespace, key));
  }
  kvIncrement(
    call: HostCall,
    namespace: string,
    key: string,
    delta: number,
    ttlMs: number,
    refreshTtl: boolean,
  ): HostResult<number> {
    return this.#note(call, 'kvIncrement', this.#inner.kvIncrement(call, namespace, key, delta, ttlMs, refreshTtl));
  }
  kvCompareAndSet(
    call: HostCall,
    namespace: string,
    key: string,
    expectedVersion: number,
    value: Uint8Array,
    ttlMs: number,
  ): HostResult<number> {
    const given = this.#inner.kvCompareAndSet(call, namespace, key, expectedVersion, value, ttlMs);
    return this.#note(call, 'kvCompareAndSet', given);
  }
  hash(call: HostCall, algorithm: string, data: Uint8Array): HostResult<Uint8Array> {
    return this.#note(call, 'hash', this.#inner.hash(call, algorithm, data));
  }
  hmac(call: HostCall, algorithm: string, keyRef: string, data: Uint8Array): HostResult<Uint8Array> {
    return this.#note(call, 'hmac', this.#inner.hmac(call, algorithm, keyRef, data));
  }
  sign(call: HostCall, algorithm: string, keyRef: string, data: Uint8Array): HostResult<Uint8Array> {
    return this.#note(call, 'sign', this.#inner.sign(call, algorithm, keyRef, data));
  }
  verify(call: HostCall, algorithm: string, key: string, signature: Uint8Array, data: Uint8Array): HostResult<boolean> {
    return this.#note(call, 'verify', this.#inner.verify(call, algorithm, key, signature, data));
  }
  equal(call: HostCall, left: Uint8Array, right: Uint8Array): boolean {
    return this.#note(call, 'equal', this.#inner.equal(call, left, right)) as boolean;
  }
  httpStart(call: HostCall, request: Uint8Array): HostResult<PendingBytes> {
    const started = this.#inner.httpStart(call, request);
    if (isHostFault(started)) return this.#note(call, 'httpStart', started);
    const events = this.#of(call);
    const at = events?.length ?? 0;
    // Its place is that of the start; what it will be is known later.
    events?.push({ function: 'httpStart', fault: 'unavailable', isLate: true });
    return started.then((result) => {
      if (events !== undefined) events[at] = { ...eventOf('httpStart', result), isLate: true };
      return result;
    });
  }
  counterAdd(call: HostCall, series: number, value: number): void {
    this.#inner.counterAdd(call, series, value);
  }
  histogramRecord(call: HostCall, series: number, value: number): void {
    this.#inner.histogramRecord(call, series, value);
  }
  resourceGet(call: HostCall, kind: string, id: string): HostResult<Uint8Array | undefined> {
    return this.#note(call, 'resourceGet', this.#inner.resourceGet(call, kind, id));
  }

  #note<T extends HostResult<Recordable>>(call: HostCall, name: Answering, value: T): T {
    this.#of(call)?.push(eventOf(name, value));
    return value;
  }

  /** Calls without an input come from a guest that is being made, or told that something ends. */
  #of({ input, info }: HostCall): HostEvent[] | undefined {
    const owner = input ?? info;
    if (owner === NOBODY) return undefined;
    let events = this.#events.get(owner);
    if (events === undefined) {
      events = [];
      this.#events.set(owner, events);
    }
    return events.length < MAX_EVENTS ? events : undefined;
  }
}

type Recordable = string | number | boolean | Uint8Array | KvEntry | undefined;

function eventOf(name: Answering, value: HostResult<Recordable>): HostEvent {
  if (isHostFault(value)) return { function: name, fault: value.fault };
  if (value instanceof Uint8Array) return { function: name, bytes: base64(value) };
  if (typeof value === 'object') return { function: name, bytes: base64(value.value), version: value.version };
  return value === undefined ? { function: name } : { function: name, value };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** Gives the answers of a record in their order; nothing outside is asked, nothing is written. */
export class ReplayHost implements HostFunctions {
  /** The first call that the record does not have: the replayed hook is not the one that was recorded. */
  divergence: string | undefined;
  readonly #made: readonly HostEvent[];
  readonly #drafts: MetadataDrafts;
  #events: readonly HostEvent[];
  #next = 0;
  #nextMade = 0;

  /** `made` is what the instance got while it was made. */
  constructor(
    events: readonly HostEvent[],
    metadata: { readonly reads?: readonly string[]; readonly writes?: readonly string[] } = {},
    made: readonly HostEvent[] = [],
  ) {
    this.#events = events;
    this.#made = made;
    this.#drafts = new MetadataDrafts(metadata.reads ?? [], metadata.writes ?? []);
  }

  /** True when the hook asked for everything it once got, and for nothing else. */
  get isComplete(): boolean {
    return this.divergence === undefined && this.#next === this.#events.length;
  }

  /** The next hook of the same instance. */
  begin(events: readonly HostEvent[]): void {
    this.#events = events;
    this.#next = 0;
    this.divergence = undefined;
  }

  /** What the hook answered, with what it did through functions. */
  settle(input: HookInput, outcome: Outcome): Outcome {
    return this.#drafts.settle(input, outcome);
  }

  /** What the hook wrote to the metadata, as the host that was recorded would have taken it. */
  takeMetadata(input: HookInput): ReturnType<MetadataDrafts['take']> {
    return this.#drafts.take(input);
  }

  log(): void {}
  nowMs(call: HostCall): number {
    return this.#number(call, 'nowMs');
  }
  monotonicMs(call: HostCall): number {
    return this.#number(call, 'monotonicMs');
  }
  random(call: HostCall): HostResult<Uint8Array> {
    return this.#bytes(call, 'random');
  }
  flag(call: HostCall): HostResult<string> {
    return this.#value(call, 'flag') as HostResult<string>;
  }
  metaGet({ input }: HostCall, key: string): HostResult<string | undefined> {
    return input === undefined ? hostFault('denied') : this.#drafts.get(input, key);
  }
  metaSet({ input }: HostCall, key: string, valueJson: string): HostResult<true> {
    return input === undefined ? hostFault('denied') : this.#drafts.set(input, key, valueJson);
  }
  metaDelete({ input }: HostCall, key: string): HostResult<boolean> {
    return input === undefined ? hostFault('denied') : this.#drafts.delete(input, key);
  }
  kvGet(call: HostCall): HostResult<KvEntry | undefined> {
    const event = this.#take(call, 'kvGet');
    if (event.fault !== undefined) return hostFault(event.fault);
    return event.version === undefined ? undefined : { value: bytesOf(event), version: event.version };
  }
  kvSet(call: HostCall): HostResult<number> {
    return this.#value(call, 'kvSet') as HostResult<number>;
  }
  kvDelete(call: HostCall): HostResult<boolean> {
    return this.#value(call, 'kvDelete') as HostResult<boolean>;
  }
  kvIncrement(call: HostCall): HostResult<number> {
    return this.#value(call, 'kvIncrement') as HostResult<number>;
  }
  kvCompareAndSet(call: HostCall): HostResult<number> {
    return this.#value(call, 'kvCompareAndSet') as HostResult<number>;
  }
  hash(call: HostCall): HostResult<Uint8Array> {
    return this.#bytes(call, 'hash');
  }
  hmac(call: HostCall): HostResult<Uint8Array> {
    return this.#bytes(call, 'hmac');
  }
  sign(call: HostCall): HostResult<Uint8Array> {
    return this.#bytes(call, 'sign');
  }
  verify(call: HostCall): HostResult<boolean> {
    return this.#value(call, 'verify') as HostResult<boolean>;
  }
  equal(call: HostCall): boolean {
    return this.#value(call, 'equal') === true;
  }
  /** The answer that came once is there at once. */
  httpStart(call: HostCall): HostResult<PendingBytes> {
    const event = this.#take(call, 'httpStart');
    const result = event.fault === undefined ? bytesOf(event) : hostFault(event.fault);
    return event.isLate === true || !isHostFault(result) ? Promise.resolve(result) : result;
  }
  counterAdd(): void {}
  histogramRecord(): void {}
  resourceGet(call: HostCall): HostResult<Uint8Array | undefined> {
    const event = this.#take(call, 'resourceGet');
    if (event.fault !== undefined) return hostFault(event.fault);
    return event.bytes === undefined ? undefined : bytesOf(event);
  }

  #number(call: HostCall, name: Answering): number {
    const value = this.#value(call, name);
    return typeof value === 'number' ? value : Number.NaN;
  }

  #bytes(call: HostCall, name: Answering): HostResult<Uint8Array> {
    const event = this.#take(call, name);
    return event.fault === undefined ? bytesOf(event) : hostFault(event.fault);
  }

  #value(call: HostCall, name: Answering): HostResult<string | number | boolean | undefined> {
    const { fault, value } = this.#take(call, name);
    return fault === undefined ? value : hostFault(fault);
  }

  #take({ input }: HostCall, name: Answering): HostEvent {
    if (input === undefined) return this.#takeMade(name);
    const event = this.#events[this.#next];
    if (event?.function === name && this.divergence === undefined) {
      this.#next++;
      return event;
    }
    this.divergence ??= `call ${this.#next + 1} is ${name}, the record has ${event?.function ?? 'no further call'}`;
    return { function: name, fault: 'unavailable' };
  }

  /** Every store in which the instance is made asks the same again. */
  #takeMade(name: Answering): HostEvent {
    const event = this.#made[this.#nextMade % Math.max(this.#made.length, 1)];
    this.#nextMade++;
    return event?.function === name ? event : { function: name, fault: 'unavailable' };
  }
}

function bytesOf({ bytes = '' }: HostEvent): Uint8Array {
  return new Uint8Array(Buffer.from(bytes, 'base64'));
}
