/**
 * The part of the component model's canonical ABI that the world of policies uses: how values lie in a guest's memory. Types
 * are values themselves, each with its size, its alignment, and how it is written and read.
 */

import type { CanonicalMemory } from './canonical-memory.ts';
import { LiftFault } from './guest-port.ts';

export interface WitType<T> {
  readonly size: number;
  readonly align: number;
  /** Writes a value at `at`, where the host has room that it asked for. */
  store(memory: CanonicalMemory, at: number, value: T): void;
  /** Reads what the guest wrote. Throws {@link LiftFault}. */
  load(memory: CanonicalMemory, at: number): T;
}

export type ValueOf<W> = W extends WitType<infer T> ? T : never;

export const u8Bool: WitType<boolean> = {
  size: 1,
  align: 1,
  store: (memory, at, value) => memory.storeByte(at, value ? 1 : 0),
  load: (memory, at) => memory.byte(at) !== 0,
};

export const u16: WitType<number> = {
  size: 2,
  align: 2,
  store: (memory, at, value) => memory.storeHalf(at, value),
  load: (memory, at) => memory.half(at),
};

export const u32: WitType<number> = {
  size: 4,
  align: 4,
  store: (memory, at, value) => memory.storeWord(at, value),
  load: (memory, at) => memory.word(at),
};

export const u64: WitType<bigint> = {
  size: 8,
  align: 8,
  store(memory, at, value) {
    memory.storeWord(at, Number(value & 0xffff_ffffn));
    memory.storeWord(at + 4, Number(value >> 32n));
  },
  load: (memory, at) => BigInt(memory.word(at)) | (BigInt(memory.word(at + 4)) << 32n),
};

export const f64: WitType<number> = {
  size: 8,
  align: 8,
  store: (memory, at, value) => memory.storeDouble(at, value),
  load: (memory, at) => memory.double(at),
};

export const text: WitType<string> = {
  size: 8,
  align: 4,
  store: (memory, at, value) => memory.storeText(at, value),
  load: (memory, at) => memory.text(memory.word(at), memory.word(at + 4)),
};

/** `list<u8>`. Comes out as a copy. */
export const bytes: WitType<Uint8Array> = {
  size: 8,
  align: 4,
  store: (memory, at, value) => memory.storeBytes(at, value),
  load: (memory, at) => memory.copy(memory.word(at), memory.word(at + 4)),
};

/** `list<u8>` as a text with one character a byte. Comes out as bytes. */
export const byteText: WitType<Uint8Array | string> = {
  size: 8,
  align: 4,
  store(memory, at, value) {
    if (typeof value === 'string') memory.storeByteText(at, value);
    else memory.storeBytes(at, value);
  },
  load: bytes.load,
};

export function enumeration<T extends string>(...words: readonly T[]): WitType<T> {
  return {
    size: 1,
    align: 1,
    store: (memory, at, value) => memory.storeByte(at, words.indexOf(value)),
    load: (memory, at) => wordOf(words, memory.byte(at)),
  };
}

/** The word that a number stands for. */
export function wordOf<T extends string>(words: readonly T[], index: number): T {
  const word = words[index];
  if (word === undefined) throw new LiftFault(`${index} stands for none of ${words.join(', ')}`);
  return word;
}

/** Writes a value where the guest wants it. */
export function written<T>(memory: CanonicalMemory, at: number, type: WitType<T>, value: T): void {
  memory.checkArray(at, 1, type.size, type.align);
  type.store(memory, at, value);
}

export function option<T>(type: WitType<T>): WitType<T | undefined> {
  const offset = alignTo(1, type.align);
  return {
    size: alignTo(offset + type.size, type.align),
    align: type.align,
    store(memory, at, value) {
      memory.storeByte(at, value === undefined ? 0 : 1);
      if (value !== undefined) type.store(memory, at + offset, value);
    },
    load(memory, at) {
      const is = memory.byte(at);
      if (is > 1) throw new LiftFault(`an option is neither none nor some, but ${is}`);
      return is === 0 ? undefined : type.load(memory, at + offset);
    },
  };
}

export function list<T>(type: WitType<T>): WitType<readonly T[]> {
  return {
    size: 8,
    align: 4,
    store(memory, at, values) {
      const { length } = values;
      const start = memory.allocate(length * type.size, type.align);
      for (let i = 0; i < length; i++) type.store(memory, start + i * type.size, values[i] as T);
      memory.storeWord(at, start);
      memory.storeWord(at + 4, length);
    },
    load(memory, at) {
      const start = memory.word(at);
      const length = memory.word(at + 4);
      memory.checkArray(start, length, type.size, type.align);
      const values: T[] = [];
      for (let i = 0; i < length; i++) values.push(type.load(memory, start + i * type.size));
      return values;
    },
  };
}

export function pair<A, B>(first: WitType<A>, second: WitType<B>): WitType<readonly [A, B]> {
  const align = Math.max(first.align, second.align);
  const offset = alignTo(first.size, second.align);
  return {
    size: alignTo(offset + second.size, align),
    align,
    store(memory, at, value) {
      first.store(memory, at, value[0]);
      second.store(memory, at + offset, value[1]);
    },
    load: (memory, at) => [first.load(memory, at), second.load(memory, at + offset)],
  };
}

type Fields<T> = { readonly [Member in keyof T]-?: WitType<T[Member]> };

/** Members in the order of the record. */
export function record<T extends object>(fields: Fields<T>): WitType<T> {
  const members: { readonly name: keyof T; readonly type: WitType<T[keyof T]>; readonly offset: number }[] = [];
  let size = 0;
  let align = 1;
  for (const name of Object.keys(fields) as (keyof T)[]) {
    const type = fields[name] as WitType<T[keyof T]>;
    const offset = alignTo(size, type.align);
    members.push({ name, type, offset });
    size = offset + type.size;
    align = Math.max(align, type.align);
  }
  return {
    size: alignTo(size, align),
    align,
    store(memory, at, value) {
      for (const { name, type, offset } of members) type.store(memory, at + offset, value[name]);
    },
    load(memory, at) {
      const value: Partial<T> = {};
      for (const { name, type, offset } of members) value[name] = type.load(memory, at + offset);
      return value as T;
    },
  };
}

/** `{tag, val}`; only read, because the world hands no variant to guests. */
export function variant<T extends { readonly tag: string; readonly val: unknown }>(
  cases: { readonly [Tag in T['tag']]: WitType<Extract<T, { readonly tag: Tag }>['val']> | undefined },
): WitType<T> {
  const tags = Object.keys(cases) as T['tag'][];
  const types = Object.values(cases) as (WitType<unknown> | undefined)[];
  const align = Math.max(1, ...types.map((type) => type?.align ?? 1));
  const offset = align;
  return {
    size: alignTo(offset + Math.max(0, ...types.map((type) => type?.size ?? 0)), align),
    align,
    store: () => {
      throw new LiftFault('variants are not written');
    },
    load(memory, at) {
      const tag = memory.byte(at);
      if (tag >= tags.length) throw new LiftFault(`${tag} stands for none of ${tags.join(', ')}`);
      return { tag: tags[tag], val: types[tag]?.load(memory, at + offset) } as unknown as T;
    },
  };
}

export function alignTo(offset: number, align: number): number {
  return (offset + align - 1) & -align;
}
