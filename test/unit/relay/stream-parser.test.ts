import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ServerSentEvent } from '../../../src/relay/stream-parser.ts';
import { MAX_LINE_BYTES, StreamParser } from '../../../src/relay/stream-parser.ts';

interface Heard {
  readonly events: ServerSentEvent[];
  readonly retries: number[];
}

function parse(chunks: Iterable<Uint8Array>): Heard {
  const heard: Heard = { events: [], retries: [] };
  const parser = new StreamParser({
    onEvent: (event) => heard.events.push(event),
    onRetry: (delayMs) => heard.retries.push(delayMs),
  });
  for (const chunk of chunks) parser.push(chunk);
  return heard;
}

const parseText = (text: string): Heard => parse([Buffer.from(text)]);
const dataOf = (text: string): string[] => parseText(text).events.map(({ data }) => data);

/** What the HTML standard says, on a text that is all there; as far from the parser's own way as can be. */
function reference(text: string): { type: string; data: string; lastId: string }[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
  // What follows the last line end is no line yet.
  lines.pop();
  const events: { type: string; data: string; lastId: string }[] = [];
  let [type, data, lastId] = ['', '', ''];
  for (const line of lines) {
    if (line === '') {
      if (data !== '') events.push({ type: type || 'message', data: data.slice(0, -1), lastId });
      [type, data] = ['', ''];
      continue;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') data += `${value}\n`;
    if (field === 'event') type = value;
    if (field === 'id' && !value.includes('\0')) lastId = value;
  }
  return events;
}

describe('the stream parser (D-39)', () => {
  it('reads the frame of a relay: an empty id, one line of data', () => {
    const frame = 'id: \ndata: {"deleted":{},"added":{"k":{}},"updated":{}}\n\n';
    expect(parseText(frame).events).toEqual([
      { type: 'message', data: '{"deleted":{},"added":{"k":{}},"updated":{}}', lastId: '', isCut: false },
    ]);
  });

  it.each([
    ['LF', 'data: a\n\ndata: b\n\n'],
    ['CR', 'data: a\r\rdata: b\r\r'],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n'],
    ['a mixture', 'data: a\r\n\ndata: b\r\r\n'],
  ])('ends lines at %s', (_, text) => {
    expect(dataOf(text)).toEqual(['a', 'b']);
  });

  it.each([
    ['several data lines are joined', 'data: a\ndata:b\ndata:  c\n\n', ['a\nb\n c']],
    ['data without a colon is an empty line', 'data\n\ndata\ndata\n\n', ['', '\n']],
    ['comments and heartbeats are no events', ': heartbeat\n\n:\n\n', []],
    ['unknown fields are read past', 'color: red\n data: x\nDATA: y\n\n', []],
    ['an event without data is none', 'id: 1\nevent: ping\n\n', []],
    ['an unfinished event is not given out', 'data: a\n\ndata: b\n', ['a']],
    ['a byte order mark is no part of the first line', '\ufeffdata: a\n\n\ufeffdata: b\n\n', ['a']],
  ])('%s', (_, text, data) => {
    expect(dataOf(text)).toEqual(data);
  });

  it('keeps the id until another one comes, and reads one with NUL past', () => {
    const { events } = parseText('id: 7\ndata: a\n\ndata: b\n\nid: 8\0\ndata: c\n\nid\ndata: d\n\n');
    expect(events.map(({ lastId }) => lastId)).toEqual(['7', '7', '7', '']);
  });

  it('tells the name of an event, and forgets it with the event', () => {
    expect(parseText('event: change\ndata: a\n\ndata: b\n\n').events.map(({ type }) => type)).toEqual([
      'change',
      'message',
    ]);
  });

  it('clamps retry to 1 s … 60 s, and takes digits only', () => {
    const text = ['0', '999', '1000', '30000', '60001', '9'.repeat(400), '-1', '1.5', '', 'soon', '  5'];
    expect(parseText(text.map((value) => `retry:${value}\n`).join('')).retries).toEqual([
      1_000, 1_000, 1_000, 30_000, 60_000, 60_000,
    ]);
  });

  it('reads a line of 1 MiB, cuts a longer one, and neither loses the events behind it', () => {
    const longest = `data:${'x'.repeat(MAX_LINE_BYTES - 5)}`;
    const chunks = Buffer.from(`${longest}\n\n${longest}y\n\ndata: next\n\n`);
    const pieces = Array.from({ length: Math.ceil(chunks.length / 65_536) }, (_, i) =>
      chunks.subarray(i * 65_536, (i + 1) * 65_536),
    );
    const { events } = parse(pieces);
    expect(events.map(({ data, isCut }) => [data.length, isCut])).toEqual([
      [MAX_LINE_BYTES - 5, false],
      [MAX_LINE_BYTES - 5, true],
      [4, false],
    ]);
  });

  it('holds 1 MiB of one event at most, however many lines it has', () => {
    const line = Buffer.from(`data: ${'x'.repeat(1_000)}\n`.repeat(1_000));
    const { events } = parse([line, line, line, Buffer.from('data\n'.repeat(300_000)), Buffer.from('\n')]);
    expect(events).toHaveLength(1);
    expect(events[0]?.isCut).toBe(true);
    expect(events[0]?.data.length).toBeLessThanOrEqual(MAX_LINE_BYTES);
  });

  it('copies what it keeps: the memory of a piece may be used again', () => {
    const chunk = Buffer.from('data: a');
    const { events } = parse(
      (function* () {
        yield chunk;
        chunk.fill(0x7a);
        yield Buffer.from('\n\n');
      })(),
    );
    expect(events[0]?.data).toBe('a');
  });
});

describe('any split of the bytes gives the same events (D-39)', () => {
  const token = fc.constantFrom(
    'data',
    'data:',
    'data: ',
    'id: ',
    'event: ',
    ': ',
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    'é',
    '😀',
    'x',
  );
  const streams = fc.array(fc.oneof(token, fc.string({ unit: 'grapheme', maxLength: 4 })), { maxLength: 40 });

  it('as the standard reads the whole text, cut at random places, inside characters too', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(200), { maxLength: 12 }), (tokens, cuts) => {
        const text = tokens.join('');
        const bytes = Buffer.from(text);
        const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        const found = parse(chunks).events.map(({ isCut: _, ...event }) => event);
        expect(found).toEqual(reference(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('and byte by byte', () => {
    const bytes = Buffer.from('\ufeff: ü\r\ndata: 😀\r\ndata: é\r\n\r\nid: 1\rdata\r\r');
    const whole = parse([bytes]).events;
    expect(whole).toHaveLength(2);
    expect(parse(Array.from(bytes, (byte) => Uint8Array.of(byte))).events).toEqual(whole);
  });
});
