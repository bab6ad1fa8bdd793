/**
 * The counters of advanced-ratelimit in the key-value store of the host: gcra as the time at which a window would be empty again
 * (eight bytes), fixed windows as one number each. The native policy keeps them in the same form under the same keys.
 */

import { failHost, hostError, kv } from '../../policy';
import { HOST_CONFLICT, HOST_NOT_FOUND } from '../../policy/tags';

const NAMESPACE = 'limits';
const MAX_ATTEMPTS: i32 = 64;
const GRAIN_MS: f64 = 0.01;
const MAX_TTL_MS: f64 = 4_294_967_295;

/** One window of a quota. */
export class Window {
  constructor(
    readonly limit: f64,
    readonly durationMs: f64,
    readonly burst: f64,
  ) {}
}

/** One window of one key, and what it said last. */
export class Counter {
  isAllowed: bool = false;
  remaining: f64 = 0;
  resetMs: f64 = 0;
  retryMs: f64 = 0;
  private place: string;
  private unitMs: f64;
  private fullMs: f64;
  private leftMs: f64 = 0;

  constructor(
    key: string,
    private now: f64,
    readonly window: Window,
    private fixed: bool,
    readonly cost: f64,
    readonly quota: i32,
  ) {
    this.place = key;
    this.unitMs = window.durationMs / window.limit;
    this.fullMs = this.unitMs * window.burst;
    if (fixed) {
      const index = Math.floor(now / window.durationMs);
      this.place = key + '@' + (<i64>index).toString();
      this.leftMs = (index + 1) * window.durationMs - now;
    }
  }

  peek(): void {
    if (this.fixed) this.judgeCount(this.count());
    else this.judge(this.read());
  }

  /** Charges if it is allowed. */
  take(): void {
    if (this.cost == 0) return this.peek();
    if (this.fixed) {
      this.judgeCount(this.add(this.cost) - this.cost);
      if (!this.isAllowed) this.add(-this.cost);
      return;
    }
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const emptyAt = this.read();
      this.judge(emptyAt);
      if (!this.isAllowed || this.write(emptyAt + this.cost * this.unitMs)) return;
    }
    failHost('the counters are too busy');
  }

  /** Charges (or gives back) whatever the window says. */
  charge(cost: f64): void {
    if (cost == 0) return;
    if (this.fixed) {
      this.add(cost);
      return;
    }
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (this.write(this.read() + cost * this.unitMs)) return;
    }
    failHost('the counters are too busy');
  }

  private read(): f64 {
    const value = kv.get(NAMESPACE, this.place);
    if (value == null) {
      if (hostError() != HOST_NOT_FOUND && hostError() != 0) failHost('the counters are not there');
      return this.now;
    }
    if (value.byteLength != 8) return this.now;
    const latest = this.now + 2 * Math.max(this.fullMs, this.window.durationMs);
    return Math.min(Math.max(load<f64>(value.dataStart), this.now), latest);
  }

  /** On the version that was read last; false when another one is there, or the store refuses. */
  private write(emptyAt: f64): bool {
    const value = new Uint8Array(8);
    store<f64>(value.dataStart, emptyAt);
    const ttlMs = Math.min(Math.max(Math.ceil(emptyAt - this.now), 0) + 1, MAX_TTL_MS);
    if (!isNaN(kv.compareAndSet(NAMESPACE, this.place, kv.version, value, <u32>ttlMs))) return true;
    if (hostError() != HOST_CONFLICT) failHost('the counters are not there');
    return false;
  }

  private judge(emptyAt: f64): void {
    const used = emptyAt - this.now;
    const over = used + this.cost * this.unitMs - this.fullMs;
    this.isAllowed = over <= GRAIN_MS && (this.cost > 0 || used < this.fullMs - GRAIN_MS);
    const after = this.isAllowed ? used + this.cost * this.unitMs : used;
    this.remaining = Math.max(Math.floor((this.fullMs - after + GRAIN_MS) / this.unitMs), 0);
    this.resetMs = after;
    this.retryMs = this.isAllowed ? 0 : Math.max(over, GRAIN_MS);
  }

  private count(): f64 {
    const text = kv.getText(NAMESPACE, this.place);
    if (text != null) return F64.parseFloat(text);
    if (hostError() != HOST_NOT_FOUND && hostError() != 0) failHost('the counters are not there');
    return 0;
  }

  private add(cost: f64): f64 {
    const ttlMs = Math.min(Math.ceil(this.leftMs) + 1, MAX_TTL_MS);
    const sum = kv.increment(NAMESPACE, this.place, cost, <u32>ttlMs);
    if (isNaN(sum)) failHost('the counters are not there');
    return sum;
  }

  private judgeCount(used: f64): void {
    this.isAllowed = used + this.cost <= this.window.limit && (this.cost > 0 || used < this.window.limit);
    const after = this.isAllowed ? used + this.cost : used;
    this.remaining = Math.max(Math.floor(this.window.limit - after), 0);
    this.resetMs = this.leftMs;
    this.retryMs = this.isAllowed ? 0 : this.leftMs;
  }
}
