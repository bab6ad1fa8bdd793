/** Reads server-sent events from bytes, whatever pieces they come in (relay-and-provider §2.5, HTML standard §9.2.6). */

/** One event. The trigger needs no more than that it came; the rest is for diagnosis and tests. */
export interface ServerSentEvent {
  /** `message` unless the event names itself. */
  readonly type: string;
  readonly data: string;
  /** The id seen last, also when it came with an earlier event; empty until there is one. */
  readonly lastId: string;
  /** The event was larger than this parser keeps: `data` is the beginning of it. */
  readonly isCut: boolean;
}

export interface StreamParserPorts {
  onEvent(event: ServerSentEvent): void;
  /** The server wishes a delay before a reconnect, in milliseconds, already clamped. */
  onRetry(delayMs: number): void;
}

/** Of a line, and of the data of one event, no more than this is kept; what is longer is read past. */
export const MAX_LINE_BYTES = 1_048_576;

/** Grown when a line does not fit, and given back after a large one. */
const FIRST_LINE_BYTES = 1_024;

const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\ufeff';

/**
 * Lines are cut on the level of bytes and decoded when they are whole, so no border between two pieces, inside a character or
 * between CR and LF, changes what is read. An event that the stream ends in the middle of is not given out.
 */
export class StreamParser {
  readonly #ports: StreamParserPorts;
  /** The line so far, in its first `#lineBytes` bytes. */
  #line = Buffer.allocUnsafe(FIRST_LINE_BYTES);
  #lineBytes = 0;
  #isLineCut = false;
  /** The byte before was a CR, so a LF now belongs to the same line end. */
  #afterReturn = false;
  #isFirstLine = true;

  #type = '';
  #data: string[] = [];
  #dataBytes = 0;
  #isDataCut = false;
  #lastId = '';

  constructor(ports: StreamParserPorts) {
    this.#ports = ports;
  }

  /** Takes the next piece; its events are told before it returns. The piece is not kept beyond its line. */
  push(chunk: Uint8Array): void {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      const isSecondHalf = this.#afterReturn && byte === LINE_FEED;
      this.#afterReturn = byte === CARRIAGE_RETURN;
      if (isSecondHalf) {
        from = at + 1;
      } else if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
        this.#keep(chunk.subarray(from, at));
        this.#endLine();
        from = at + 1;
      }
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(part: Uint8Array): void {
    const room = MAX_LINE_BYTES - this.#lineBytes;
    if (part.length > room) this.#isLineCut = true;
    const kept = part.length > room ? part.subarray(0, room) : part;
    const needed = this.#lineBytes + kept.length;
    if (needed > this.#line.length) {
      const larger = Buffer.allocUnsafe(Math.min(MAX_LINE_BYTES, Math.max(needed, this.#line.length * 2)));
      larger.set(this.#line.subarray(0, this.#lineBytes));
      this.#line = larger;
    }
    this.#line.set(kept, this.#lineBytes);
    this.#lineBytes = needed;
  }

  #endLine(): void {
    const bytes = this.#lineBytes;
    const isCut = this.#isLineCut;
    let line = this.#line.toString('utf8', 0, bytes);
    if (this.#line.length > FIRST_LINE_BYTES) this.#line = Buffer.allocUnsafe(FIRST_LINE_BYTES);
    this.#lineBytes = 0;
    this.#isLineCut = false;
    if (this.#isFirstLine && line.startsWith(BYTE_ORDER_MARK)) line = line.slice(1);
    this.#isFirstLine = false;
    if (line === '') this.#endEvent();
    else this.#take(line, bytes, isCut);
  }

  #take(line: string, bytes: number, isCut: boolean): void {
    const colon = line.indexOf(':');
    // A comment; heartbeats look like this.
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const rest = colon === -1 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    switch (field) {
      case 'data':
        this.#takeData(value, bytes, isCut);
        break;
      case 'event':
        this.#type = value;
        break;
      case 'id':
        if (!value.includes('\0')) this.#lastId = value;
        break;
      case 'retry':
        if (/^\d+$/.test(value)) {
          this.#ports.onRetry(Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, Number(value))));
        }
        break;
      default:
        break;
    }
  }

  #takeData(value: string, bytes: number, isCut: boolean): void {
    this.#isDataCut ||= isCut;
    // A line costs its bytes and a place in the list, or empty lines without end would fill the memory.
    if (this.#dataBytes + bytes > MAX_LINE_BYTES) {
      this.#isDataCut = true;
      return;
    }
    this.#dataBytes += bytes;
    this.#data.push(value);
  }

  #endEvent(): void {
    const [type, data, isCut] = [this.#type, this.#data, this.#isDataCut];
    this.#type = '';
    this.#data = [];
    this.#dataBytes = 0;
    this.#isDataCut = false;
    if (data.length === 0) return;
    this.#ports.onEvent({ type: type === '' ? 'message' : type, data: data.join('\n'), lastId: this.#lastId, isCut });
  }
}
