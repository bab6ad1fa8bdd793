/** Flags that keep breaking the guest: strikes, and for those with three of them a rest without evaluation (D-51). */

import type { EdictErrorCode } from '../errors.ts';
import { type Clock, startTimer, type TimerHandle } from '../options/clock.ts';
import type { SafeLogger } from '../telemetry/logger.ts';
import type { QuarantineFacts } from './evaluator-facts.ts';
import type { Resolution } from './resolution.ts';
import type { Snapshot } from './snapshot.ts';

/** This many faults within the window, and the flag rests. */
const STRIKES = 3;
const STRIKE_WINDOW_MS = 60_000;
const REST_MS = 300_000;
/** Flags whose strikes are remembered; the one struck longest ago is forgotten first. */
const MAX_STRUCK = 1_000;
/** Flags that diagnostics name. */
const MAX_LISTED = 20;

export type Fault = Extract<EdictErrorCode, 'TRAP' | 'EVALUATION_DEADLINE'>;

export interface QuarantinePorts {
  readonly clock: Clock;
  readonly logger: SafeLogger;
  /** The answer of a flag that is not evaluated, without a default in it. */
  answer(flagKey: string, message: string): Resolution;
}

interface Struck {
  readonly digest: string;
  /** Monotonic, oldest first; fewer than STRIKES. */
  readonly atMs: readonly number[];
}

/** A flag at rest. */
export interface Quarantined {
  readonly digest: string;
  readonly untilMs: number;
  readonly code: Fault;
  readonly text: string;
  readonly until: string | null;
  readonly answer: Resolution;
}

/**
 * A flag that traps costs a store each time, and one that runs over its limits costs the event loop milliseconds. With three
 * faults in a minute it is not evaluated any more, until its definition changes or five minutes have passed.
 *
 * A flag at rest is pinned in the snapshot to one answer, so evaluations of other flags pay nothing for the check.
 */
export class Quarantine {
  readonly #ports: QuarantinePorts;
  readonly #struck = new Map<string, Struck>();
  readonly #resting = new Map<string, Quarantined>();
  #snapshot: Snapshot | undefined;
  #timer: TimerHandle | undefined;
  #total = 0;

  constructor(ports: QuarantinePorts) {
    this.#ports = ports;
  }

  get isEmpty(): boolean {
    return this.#resting.size === 0;
  }

  find(flagKey: string): Quarantined | undefined {
    return this.#resting.get(flagKey);
  }

  /** From now on evaluations see this snapshot; flags rest on in it when they are the same. `undefined`: forget everything. */
  use(snapshot: Snapshot | undefined): void {
    this.#snapshot = snapshot;
    if (snapshot === undefined) {
      this.#struck.clear();
      this.#resting.clear();
      this.#plan();
      return;
    }
    for (const [flagKey, { digest, answer }] of this.#resting) {
      if (snapshot.digest(flagKey) === digest) snapshot.pin(flagKey, answer);
      else this.#release(flagKey, 'its definition changed');
    }
    this.#plan();
  }

  /** The flag trapped or ran over its limits once more. */
  strike(flagKey: string, code: Fault): void {
    const digest = this.#snapshot?.digest(flagKey);
    if (digest === undefined || this.#resting.has(flagKey)) return;
    const now = this.#ports.clock.monotonic();
    const before = this.#struck.get(flagKey);
    const recent = before?.digest === digest ? before.atMs.filter((at) => now - at < STRIKE_WINDOW_MS) : [];
    this.#struck.delete(flagKey);
    if (recent.length + 1 >= STRIKES) {
      this.#rest(flagKey, digest, code, now);
      return;
    }
    this.#struck.set(flagKey, { digest, atMs: [...recent, now] });
    const [oldest] = this.#struck.keys();
    if (this.#struck.size > MAX_STRUCK && oldest !== undefined) this.#struck.delete(oldest);
  }

  describe(): QuarantineFacts {
    const flags = [...this.#resting].slice(0, MAX_LISTED);
    return {
      active: this.#resting.size,
      total: this.#total,
      flags: flags.map(([flagKey, { code, until }]) => ({ flagKey, code, until })),
    };
  }

  #rest(flagKey: string, digest: string, code: Fault, now: number): void {
    const { clock, logger, answer: answerOf } = this.#ports;
    const until = isoTime(clock.now() + REST_MS);
    const faults = `${STRIKES} times in ${STRIKE_WINDOW_MS / 1_000} s it trapped or ran over its limits`;
    const end = until ?? `${REST_MS / 60_000} minutes have passed`;
    const text = `flag "${flagKey}" is quarantined until ${end} or until its definition changes: ${faults}`;
    const answer = Object.freeze(answerOf(flagKey, `${code}: ${text}`));
    this.#resting.set(flagKey, { digest, untilMs: now + REST_MS, code, text, until, answer });
    this.#total++;
    this.#snapshot?.pin(flagKey, answer);
    logger.warn(`${text}, the last time with ${code}`);
    this.#plan();
  }

  #release(flagKey: string, reason: string): void {
    this.#resting.delete(flagKey);
    this.#snapshot?.pin(flagKey, undefined);
    this.#ports.logger.info(`flag "${flagKey}" left quarantine: ${reason}`);
  }

  /** One timer, for the flag whose rest ends first. All rest equally long, so that is the first one. */
  #plan(): void {
    const { clock } = this.#ports;
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    const [first] = this.#resting.values();
    if (first === undefined) return;
    this.#timer = startTimer(clock, () => this.#expire(), first.untilMs - clock.monotonic());
  }

  #expire(): void {
    const now = this.#ports.clock.monotonic();
    for (const [flagKey, { untilMs }] of this.#resting) if (untilMs <= now) this.#release(flagKey, 'its time is over');
    this.#plan();
  }
}

/** A caller's clock may give anything. */
function isoTime(epochMs: number): string | null {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
