/** Host and guest agree on the numbers of a frame: the guest's own source is read as text. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as tags from '../../../../src/policy/frame/tags.ts';

const source = readFileSync(new URL('../../../../assembly/policy/tags.ts', import.meta.url), 'utf8');
const guest = new Map(
  Array.from(source.matchAll(/^export const (\w+): \w+ = (-?[\w]+);/gm), ([, name = '', value = '']) => [
    name,
    Number(value.replaceAll('_', '')),
  ]),
);

/** `requestBodyFlags` → `REQUEST_BODY_FLAGS`, `not-found` → `NOT_FOUND`. */
function shout(name: string): string {
  return name
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll('-', '_')
    .toUpperCase();
}

function named(prefix: string, table: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(table).map(([name, value]) => [`${prefix}${shout(name)}`, value]);
}

describe('the guest’s tags.ts', () => {
  it.each([
    ['input fields', 'IN_', tags.Input],
    ['output fields', 'OUT_', tags.Output],
    ['host data fields', 'DATA_', tags.HostData],
    ['body flags', 'BODY_', tags.BodyFlag],
    ['body parts', 'PART_', tags.BodyPart],
    ['kinds of frames', 'KIND_', tags.FrameKind],
    ['codes of the host', 'HOST_', tags.HostCode],
  ])('has the %s of the host, neither more nor less', (_, prefix, table) => {
    const mine = [...guest].filter(([name]) => name.startsWith(prefix)).sort();
    expect(mine).toEqual(named(prefix, table).sort());
    expect(mine.length).toBeGreaterThan(1);
  });

  it('has the codes of a guest and the numbers of the head', () => {
    const { pending, ...errors } = tags.GuestCode;
    for (const [name, value] of named('ERROR_', errors)) expect(guest.get(name), name).toBe(value);
    expect(guest.get('PENDING')).toBe(pending);
    const { MAGIC, FRAME_VERSION, HEAD_BYTES, FIELD_BYTES, CRITICAL, CHUNK_END_OF_STREAM } = tags;
    const head = { MAGIC, FRAME_VERSION, HEAD_BYTES, FIELD_BYTES, CRITICAL, CHUNK_END_OF_STREAM };
    for (const [name, value] of Object.entries(head)) expect(guest.get(name), name).toBe(value);
  });

  it('gives every tag one meaning', () => {
    const all = [...Object.values(tags.Input), ...Object.values(tags.Output), ...Object.values(tags.HostData)];
    expect(new Set(all).size).toBe(all.length);
  });
});
