/** What an instance was asked lately, for whoever replaces it: whole exchanges, few of them, within fixed memory. */

import type { HeaderMap } from '../model/headers.ts';
import type { ExchangeFacts, HookInput } from '../model/inputs.ts';
import type { ProcessingModes } from '../model/modes.ts';
import { Phase } from '../model/phases.ts';
import type { Body } from '../model/views.ts';

/** One hook that ended well. */
export interface RecordedInput {
  readonly phase: Phase;
  readonly input: HookInput;
  readonly durationMs: number;
}

/** Hooks of one exchange, in their order. */
export interface RecordedExchange {
  readonly exchange: ExchangeFacts;
  readonly inputs: readonly RecordedInput[];
}

/** Bytes that all instances of a process part among them. */
export interface RecordBudget {
  readonly maxBytes: number;
  used: number;
}

export const RECORD_LIMITS = Object.freeze({
  /** Hooks that an instance keeps. */
  inputs: 100,
  /** Of one instance. */
  bytes: 65_536,
  /** Of one body or chunk; an exchange with a larger one is not kept. */
  bodyBytes: 8_192,
  /** Of all instances together. */
  totalBytes: 16_777_216,
});

/** After the first ones, one first hook of so many is kept: what is kept stays recent and costs next to nothing. */
const EVERY = 64;
/** Exchanges that are followed at a time; every hook is compared with these. */
const FOLLOWED = 2;
/** Roughly what a hook's objects take beside their texts. */
const INPUT_BYTES = 512;

interface Group {
  /** While its hooks are waited for. Only these few, because an exchange may keep more alive than can be seen. */
  original: ExchangeFacts | undefined;
  readonly exchange: ExchangeFacts;
  readonly inputs: RecordedInput[];
  bytes: number;
  /** The last body that was copied, and its copy: later hooks see the same one. */
  readonly bodies: Map<Uint8Array, Uint8Array>;
}

/** The oldest exchange goes first. What hooks were given is copied, so that large buffers are not kept for a part of them. */
export class RecentInputs {
  readonly #maxInputs: number;
  readonly #budget: RecordBudget;
  readonly #first: readonly Phase[];
  readonly #followed: (Group | undefined)[] = Array.from({ length: FOLLOWED });
  readonly #groups: Group[] = [];
  #inputs = 0;
  #bytes = 0;
  #until = 1;
  #begun = 0;
  #next = 0;

  constructor(modes: ProcessingModes, maxInputs: number, budget: RecordBudget) {
    this.#maxInputs = maxInputs;
    this.#budget = budget;
    this.#first = firstPhases(modes);
  }

  get exchanges(): readonly RecordedExchange[] {
    return this.#groups;
  }

  /** Whether the hook that is about to be called is to be kept; begins with the first hook of an exchange. */
  wants(phase: Phase, { exchange }: HookInput): boolean {
    for (const group of this.#followed) if (group?.original === exchange) return true;
    if (--this.#until > 0 || !this.#first.includes(phase) || exchange.dryRun !== undefined) return false;
    this.#until = ++this.#begun < this.#maxInputs ? 1 : EVERY;
    this.#next = (this.#next + 1) % FOLLOWED;
    const former = this.#followed[this.#next];
    if (former !== undefined) former.original = undefined;
    this.#followed[this.#next] = {
      original: exchange,
      exchange: { ...exchange },
      inputs: [],
      bytes: 0,
      bodies: new Map(),
    };
    return true;
  }

  keep(phase: Phase, input: HookInput, durationMs: number): void {
    const group = this.#followed.find((one) => one?.original === input.exchange);
    if (group === undefined) return;
    const copy = copyOf(input, group);
    const bytes = copy === undefined ? 0 : INPUT_BYTES + textBytes(copy);
    if (copy === undefined || !this.#makeRoom(group, bytes)) {
      this.#drop(group);
      return;
    }
    if (group.inputs.length === 0) this.#groups.push(group);
    group.inputs.push({ phase, input: copy, durationMs });
    this.#add(group, 1, bytes);
  }

  /** Forgets everything. */
  clear(): void {
    for (const group of [...this.#groups]) this.#drop(group);
  }

  #makeRoom(group: Group, bytes: number): boolean {
    const isFull = (): boolean =>
      this.#inputs >= this.#maxInputs ||
      this.#bytes + bytes > RECORD_LIMITS.bytes ||
      this.#budget.used + bytes > this.#budget.maxBytes;
    while (isFull()) {
      const [oldest] = this.#groups;
      if (oldest === undefined || oldest === group) return false;
      this.#drop(oldest);
    }
    return true;
  }

  #drop(group: Group): void {
    group.original = undefined;
    this.#add(group, -group.inputs.length, -group.bytes);
    const at = this.#groups.indexOf(group);
    if (at >= 0) this.#groups.splice(at, 1);
    group.inputs.length = 0;
    group.bodies.clear();
  }

  #add(group: Group, inputs: number, bytes: number): void {
    group.bytes += bytes;
    this.#inputs += inputs;
    this.#bytes += bytes;
    this.#budget.used += bytes;
  }
}

/** Where an instance hears of an exchange first, unless its position is late. A body that may stream may also come whole. */
function firstPhases(modes: ProcessingModes): readonly Phase[] {
  if (modes.requestHeaders === 'process') return [Phase.requestHeaders];
  if (modes.requestBody !== 'skip') return [Phase.requestBody, Phase.needsMoreRequestData, Phase.requestBodyChunk];
  if (modes.responseHeaders === 'process') return [Phase.responseHeaders];
  return [Phase.responseBody, Phase.needsMoreResponseData, Phase.responseBodyChunk];
}

/** With bodies of its own; `undefined` when one is too large. */
function copyOf(input: HookInput, { exchange, bodies }: Group): HookInput | undefined {
  let isTooLarge = false;
  const bytes = (given: Uint8Array): Uint8Array => {
    let copy = bodies.get(given);
    if (copy === undefined) {
      if (given.byteLength > RECORD_LIMITS.bodyBytes) isTooLarge = true;
      else copy = given.slice();
      if (copy !== undefined && given.byteLength > 0) bodies.set(given, copy);
    }
    return copy ?? given;
  };
  const body = (given: Body): Body => ({ ...given, content: bytes(given.content) });
  const { request, response, chunk, pending } = input;
  const copy: HookInput = {
    ...input,
    exchange,
    request: { ...request, body: body(request.body) },
    ...(response === undefined ? {} : { response: { ...response, body: body(response.body) } }),
    ...(chunk === undefined ? {} : { chunk: { ...chunk, data: bytes(chunk.data) } }),
    ...(pending === undefined ? {} : { pending: { ...pending, fresh: bytes(pending.fresh) } }),
  };
  return isTooLarge ? undefined : copy;
}

/** Headers, path, metadata and bodies; what is copied once is counted again, which errs on the safe side. */
function textBytes({ request, response, chunk, pending, gathered }: HookInput): number {
  const hasMetadata = Object.keys(gathered.metadata).length > 0;
  return (
    (hasMetadata ? JSON.stringify(gathered.metadata).length : 0) +
    request.path.length +
    headerBytes(request.headers) +
    request.body.content.length +
    (response === undefined ? 0 : headerBytes(response.headers) + response.body.content.length) +
    (chunk?.data.length ?? 0) +
    (pending?.fresh.length ?? 0)
  );
}

function headerBytes(headers: HeaderMap): number {
  let bytes = 0;
  for (const [name, values] of headers.entries()) {
    bytes += name.length;
    for (const value of values) bytes += value.length;
  }
  return bytes;
}
