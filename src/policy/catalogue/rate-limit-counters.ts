/**
 * The counters of advanced-ratelimit in the key-value store of the host. One step of the store is one compare-and-set or one
 * addition, so no two slots, threads or workers ever spend the same unit.
 *
 * gcra          the time at which the window would be empty again, eight bytes little-endian, milliseconds
 * fixed-window  a number for each window
 */

import { type HostCall, type HostFunctions, type HostResult, isHostFault } from '../guest/host-functions.ts';
import type { Window } from './rate-limit-params.ts';

export const NAMESPACE = 'limits';
/** Others won the race this often: the store is not what it should be. */
const MAX_ATTEMPTS = 64;
/** What is left of binary fractions near the present time; no request is refused for it. */
const GRAIN_MS = 0.01;
const MAX_TTL_MS = 4_294_967_295;

/** What a window says to a cost. */
export interface Verdict {
  readonly isAllowed: boolean;
  /** Whole units left, after the cost when it is allowed. */
  readonly remaining: number;
  /** Until the window is as good as new. */
  readonly resetMs: number;
  /** Until the cost would be allowed; 0 when it is. */
  readonly retryMs: number;
}

/** One window of one key. */
export interface Counter {
  peek(cost: number): Verdict;
  /** Charges if it is allowed. */
  take(cost: number): Verdict;
  /** Charges whatever it says. */
  charge(cost: number): void;
  /** Takes back what `take` charged. */
  giveBack(cost: number): void;
}

export class GcraCounter implements Counter {
  readonly #host: HostFunctions;
  readonly #call: HostCall;
  readonly #key: string;
  readonly #now: number;
  readonly #window: Window;
  readonly #unitMs: number;
  readonly #fullMs: number;

  constructor(host: HostFunctions, call: HostCall, key: string, now: number, window: Window) {
    this.#host = host;
    this.#call = call;
    this.#key = key;
    this.#now = now;
    this.#window = window;
    this.#unitMs = window.durationMs / window.limit;
    this.#fullMs = this.#unitMs * window.burst;
  }

  peek(cost: number): Verdict {
    return this.#verdict(this.#read().emptyAt, cost);
  }

  take(cost: number): Verdict {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { emptyAt, version } = this.#read();
      const verdict = this.#verdict(emptyAt, cost);
      if (!verdict.isAllowed || cost === 0 || this.#write(version, emptyAt + cost * this.#unitMs)) return verdict;
    }
    throw new Error('the counters are too busy');
  }

  charge(cost: number): void {
    this.#move(cost);
  }

  giveBack(cost: number): void {
    this.#move(-cost);
  }

  #move(cost: number): void {
    for (let attempt = 0; attempt < MAX_ATTEMPTS && cost !== 0; attempt++) {
      const { emptyAt, version } = this.#read();
      if (this.#write(version, emptyAt + cost * this.#unitMs)) return;
    }
    if (cost !== 0) throw new Error('the counters are too busy');
  }

  /** Never before the present; nor further than charged windows can be, or a clock set back would lock everybody out. */
  #read(): { readonly emptyAt: number; readonly version: number } {
    const entry = given(this.#host.kvGet(this.#call, NAMESPACE, this.#key));
    if (entry === undefined || entry.value.length !== 8) return { emptyAt: this.#now, version: entry?.version ?? 0 };
    const { buffer, byteOffset } = entry.value;
    const emptyAt = new DataView(buffer, byteOffset).getFloat64(0, true);
    const latest = this.#now + 2 * Math.max(this.#fullMs, this.#window.durationMs);
    return { emptyAt: Math.min(Math.max(emptyAt, this.#now), latest), version: entry.version };
  }

  #write(version: number, emptyAt: number): boolean {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setFloat64(0, emptyAt, true);
    const ttlMs = Math.min(Math.max(Math.ceil(emptyAt - this.#now), 0) + 1, MAX_TTL_MS);
    const result = this.#host.kvCompareAndSet(this.#call, NAMESPACE, this.#key, version, value, ttlMs);
    if (isHostFault(result) && result.fault === 'conflict') return false;
    given(result);
    return true;
  }

  /** A cost of nothing is allowed while anything is left at all. */
  #verdict(emptyAt: number, cost: number): Verdict {
    const used = emptyAt - this.#now;
    const over = used + cost * this.#unitMs - this.#fullMs;
    const isAllowed = over <= GRAIN_MS && (cost > 0 || used < this.#fullMs - GRAIN_MS);
    const after = isAllowed ? used + cost * this.#unitMs : used;
    return {
      isAllowed,
      remaining: Math.max(Math.floor((this.#fullMs - after + GRAIN_MS) / this.#unitMs), 0),
      resetMs: after,
      retryMs: isAllowed ? 0 : Math.max(over, GRAIN_MS),
    };
  }
}

export class FixedWindowCounter implements Counter {
  readonly #host: HostFunctions;
  readonly #call: HostCall;
  readonly #key: string;
  readonly #limit: number;
  readonly #leftMs: number;

  constructor(host: HostFunctions, call: HostCall, key: string, now: number, { limit, durationMs }: Window) {
    const index = Math.floor(now / durationMs);
    this.#host = host;
    this.#call = call;
    this.#key = `${key}@${index}`;
    this.#limit = limit;
    this.#leftMs = (index + 1) * durationMs - now;
  }

  peek(cost: number): Verdict {
    const entry = given(this.#host.kvGet(this.#call, NAMESPACE, this.#key));
    return this.#verdict(entry === undefined ? 0 : Number(new TextDecoder().decode(entry.value)), cost);
  }

  take(cost: number): Verdict {
    if (cost === 0) return this.peek(0);
    const used = this.#add(cost) - cost;
    const verdict = this.#verdict(used, cost);
    if (!verdict.isAllowed) this.#add(-cost);
    return verdict;
  }

  charge(cost: number): void {
    if (cost !== 0) this.#add(cost);
  }

  giveBack(cost: number): void {
    if (cost !== 0) this.#add(-cost);
  }

  #add(cost: number): number {
    const ttlMs = Math.min(Math.ceil(this.#leftMs) + 1, MAX_TTL_MS);
    return given(this.#host.kvIncrement(this.#call, NAMESPACE, this.#key, cost, ttlMs, false));
  }

  #verdict(used: number, cost: number): Verdict {
    const isAllowed = used + cost <= this.#limit && (cost > 0 || used < this.#limit);
    const after = isAllowed ? used + cost : used;
    return {
      isAllowed,
      remaining: Math.max(Math.floor(this.#limit - after), 0),
      resetMs: this.#leftMs,
      retryMs: isAllowed ? 0 : this.#leftMs,
    };
  }
}

function given<T>(result: HostResult<T>): T {
  if (isHostFault(result)) throw new Error(`the counters are not there: ${result.fault}`);
  return result;
}
