/**
 * Writes events as JSON bytes, member by member in the order and with the types the relay expects.
 *
 * Hot path: every evaluation passes here. What an evaluation shares with those before it (flag, variation, value, version,
 * source; the second it happened in) is encoded once and copied; only the user key is encoded each time. Nothing is
 * allocated, because strings that live as long as the ring holds them cost more in garbage collection than in encoding.
 */

import { jsonString, safeJson } from '../internal/json-safe.ts';

/** What both kinds of event say about the user and the moment. */
export interface EventSubject {
  readonly userKey: string;
  readonly isAnonymous: boolean;
  /** Epoch seconds. */
  readonly creationDate: number;
}

/** One evaluation. */
export interface FeatureFacts {
  readonly flagKey: string;
  readonly variation: string;
  readonly value: unknown;
  readonly isDefault: boolean;
  readonly version: string | undefined;
  readonly source: string;
}

/** The end of an event, from its `key` on. */
interface Tail extends FeatureFacts {
  readonly bytes: Uint8Array;
}

/** The variation of evaluations that gave none. */
export const DEFAULT_VARIATION = 'SdkDefault';

/** Above this a relay takes a date for milliseconds, and says so for each event. */
const MAX_EPOCH_SECONDS = 9_999_999_999;

/** Tails remembered for one flag, and for all: a flag has few variations, but callers have many defaults. */
const MAX_TAILS_OF_FLAG = 16;
const MAX_TAILS = 4_096;
/** Longer ones are encoded each time. */
const MAX_TAIL_BYTES = 1_024;

/** Room for an event of the usual size. */
const USUAL_BYTES = 4_096;

/** User keys up to this length are written here, longer ones by the runtime. */
const SHORT_KEY = 96;

/** A clock of the caller's may give anything. */
export function epochSeconds(nowMs: number): number {
  const seconds = Math.floor(nowMs / 1_000);
  return seconds >= 0 ? Math.min(seconds, MAX_EPOCH_SECONDS) : 0;
}

/** The text of a tracking event; `context` and `details` are JSON texts of objects. */
export function trackingEvent(subject: EventSubject, name: string, context: string, details: string): string {
  const { userKey, isAnonymous, creationDate } = subject;
  return (
    `{"kind":"tracking","contextKind":"${contextKind(isAnonymous)}","userKey":${jsonString(userKey)}` +
    `,"creationDate":${creationDate},"key":${jsonString(name)}` +
    `,"evaluationContext":${context},"trackingEventDetails":${details}}`
  );
}

/** Bytes of a text as UTF-8. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}

const USER_HEAD = Buffer.from('{"kind":"feature","contextKind":"user","userKey":');
const ANONYMOUS_HEAD = Buffer.from('{"kind":"feature","contextKind":"anonymousUser","userKey":');

export class EventWriter {
  /** Holds the event written last. */
  bytes: Buffer = Buffer.allocUnsafeSlow(USUAL_BYTES);
  readonly #tails = new Map<string, Tail[]>();
  #tailCount = 0;
  #dateSeconds = Number.NaN;
  #date: Uint8Array = new Uint8Array(0);

  /** Writes a feature event into `bytes` and gives its size; `undefined` when the value cannot be written as JSON. */
  feature(subject: EventSubject, feature: FeatureFacts): number | undefined {
    const tail = this.#tail(feature);
    if (tail === undefined) return undefined;
    const head = subject.isAnonymous === true ? ANONYMOUS_HEAD : USER_HEAD;
    const date = this.#dateOf(subject.creationDate);
    const { userKey } = subject;
    // A unit of a text takes up to six bytes as JSON: a control character is \u0000.
    this.#makeRoom(head.length + 6 * userKey.length + 2 + date.length + tail.length);
    this.bytes.set(head, 0);
    let at = this.#writeKey(userKey, head.length);
    this.bytes.set(date, at);
    at += date.length;
    this.bytes.set(tail, at);
    return at + tail.length;
  }

  /** Forgets what it has encoded. */
  clear(): void {
    this.#tails.clear();
    this.#tailCount = 0;
  }

  /** One huge key must not leave a huge buffer behind. */
  #makeRoom(size: number): void {
    if (size > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(size);
    else if (this.bytes.length > USUAL_BYTES && size <= USUAL_BYTES) this.bytes = Buffer.allocUnsafeSlow(USUAL_BYTES);
  }

  /** Gives the position behind the key. */
  #writeKey(key: string, start: number): number {
    const { bytes } = this;
    const { length } = key;
    if (length > SHORT_KEY) return start + bytes.write(jsonString(key), start);
    let at = start;
    bytes[at++] = QUOTE;
    for (let i = 0; i < length; i++) {
      const code = key.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) {
        return start + bytes.write(jsonString(key), start);
      }
      bytes[at++] = code;
    }
    bytes[at++] = QUOTE;
    return at;
  }

  #dateOf(seconds: number): Uint8Array {
    if (seconds !== this.#dateSeconds) {
      this.#dateSeconds = seconds;
      this.#date = Buffer.from(`,"creationDate":${seconds}`);
    }
    return this.#date;
  }

  #tail(feature: FeatureFacts): Uint8Array | undefined {
    const { flagKey, variation, value, isDefault, version, source } = feature;
    const known = this.#tails.get(flagKey);
    if (known !== undefined) {
      for (const tail of known) {
        const isSame =
          tail.value === value &&
          tail.variation === variation &&
          tail.isDefault === isDefault &&
          tail.version === version &&
          tail.source === source;
        if (isSame) return tail.bytes;
      }
    }
    const text = tailText(feature);
    if (text === undefined) return undefined;
    const bytes = Buffer.from(text);
    const isWorthIt = bytes.length <= MAX_TAIL_BYTES && (known?.length ?? 0) < MAX_TAILS_OF_FLAG;
    if (!isWorthIt || !isDeepFrozen(value, 0)) return bytes;
    if (this.#tailCount >= MAX_TAILS) this.clear();
    this.#tailCount++;
    const tail: Tail = { flagKey, variation, value, isDefault, version, source, bytes };
    const tails = this.#tails.get(flagKey);
    if (tails === undefined) this.#tails.set(flagKey, [tail]);
    else tails.push(tail);
    return bytes;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function contextKind(isAnonymous: boolean): string {
  return isAnonymous === true ? 'anonymousUser' : 'user';
}

function tailText({ flagKey, variation, value, isDefault, version, source }: FeatureFacts): string | undefined {
  const json = safeJson(value);
  if (!('text' in json)) return undefined;
  const versionMember = typeof version === 'string' ? `,"version":${jsonString(version)}` : '';
  return (
    `,"key":${jsonString(flagKey)},"variation":${jsonString(variation || DEFAULT_VARIATION)},"value":${json.text}` +
    `,"default":${isDefault === true}${versionMember},"source":${jsonString(source)}}`
  );
}

/** True only for plain data that cannot change: what has an accessor, or is of another class, may say something else tomorrow. */
function isDeepFrozen(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  // A text was made of it, so it is no deeper than this.
  if (depth > 64 || !Object.isFrozen(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return false;
  return Object.values(Object.getOwnPropertyDescriptors(value)).every(
    (member) => 'value' in member && isDeepFrozen(member.value, depth + 1),
  );
}
