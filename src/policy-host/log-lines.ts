/** Lines that policies log: safe for a terminal, bounded in length and in number. */

import type { HostCall, LogLevel } from '../policy/guest/host-functions.ts';
import { escapeControls } from '../telemetry/logger.ts';
import type { PolicyLogLine } from './ports.ts';

export const MAX_LINE_BYTES = 4_096;
export const LINES_PER_SECOND = 100;
const WINDOW_MS = 1_000;
const CUT = ' [cut]';

/** What makes a terminal or an editor show another text than is there: line separators and marks of direction. */
const DECEIVING = /[\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/g;
const LONE_SURROGATE = /[\ud800-\udfff]/gu;

/** For one policy of one tenant. */
export class LogLines {
  readonly #sink: (line: PolicyLogLine) => void;
  readonly #monotonic: () => number;
  readonly #perSecond: number;
  readonly #owner: { readonly tenant: string; readonly policy: string };
  #windowStart = Number.NEGATIVE_INFINITY;
  #inWindow = 0;
  #dropped = 0;
  #droppedInAll = 0;

  constructor(
    sink: (line: PolicyLogLine) => void,
    monotonic: () => number,
    owner: { readonly tenant: string; readonly policy: string },
    perSecond: number = LINES_PER_SECOND,
  ) {
    this.#sink = sink;
    this.#monotonic = monotonic;
    this.#owner = owner;
    this.#perSecond = perSecond;
  }

  /** Lines that were not written. */
  get dropped(): number {
    return this.#droppedInAll;
  }

  write(call: HostCall, level: LogLevel, message: string): void {
    const now = this.#monotonic();
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#inWindow = 0;
      const dropped = this.#dropped;
      this.#dropped = 0;
      if (dropped > 0) this.#emit(call, 'warn', `${dropped} lines of this policy were dropped: it logs too fast`);
    }
    if (this.#inWindow >= this.#perSecond) {
      this.#dropped++;
      this.#droppedInAll++;
      return;
    }
    this.#inWindow++;
    this.#emit(call, level, safeLine(message));
  }

  #emit({ info, input }: HostCall, level: LogLevel, message: string): void {
    try {
      this.#sink({
        level,
        message,
        ...this.#owner,
        route: info.routeName,
        requestId: input?.exchange.requestId,
      });
    } catch {
      // A broken log has nowhere to report itself to.
    }
  }
}

/** At most {@link MAX_LINE_BYTES} in UTF-8, nothing in it that steers what shows it. */
export function safeLine(message: string): string {
  const shown = escapeControls(message.slice(0, MAX_LINE_BYTES))
    .replace(LONE_SURROGATE, '\ufffd')
    .replace(DECEIVING, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const bytes = Buffer.from(shown, 'utf8');
  if (bytes.length <= MAX_LINE_BYTES) return shown;
  let end = MAX_LINE_BYTES - CUT.length;
  // Never in the middle of a character.
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end) + CUT;
}
