/** Compiles a whole flag configuration into an image for the guest and tables for the host. Pure: no I/O, no clock. */

import { hasOwn, type JsonObject, type JsonValue } from '../../internal/json.ts';
import {
  ABI_VERSION,
  FLAG_RECORD_BYTES,
  FLAG_WORDS,
  FlagBit,
  FlagColumn,
  HEADER_BYTES,
  MAGIC,
  NO_HASH,
} from '../image/abi.ts';
import { Outcomes } from '../image/outcomes.ts';
import { IMAGE_BASE, Pool } from '../image/pool.ts';
import { Program } from '../image/program.ts';
import { type SlotSource, SlotTable } from '../image/slots.ts';
import { parseFlag } from '../parse-flag.ts';
import { enrichmentName, isConstant, writeConstants } from './constants.ts';
import { Digest } from './digest.ts';
import type { Envelope } from './envelope.ts';
import { emitBroken, emitFlag, UncompilableFlag } from './flag-code.ts';
import { FlagReads } from './flag-reads.ts';

/** A flag that cannot be compiled: it answers PARSE_ERROR with these details, all others serve. */
export interface BrokenFlag {
  readonly key: string;
  readonly details: string;
}

/** A compiled configuration. Plain data, so that it can come from a worker thread. */
export interface CompiledConfiguration {
  /** What the guest loads; the layout is drawn in assembly/flags/abi.ts. */
  readonly image: Uint8Array<ArrayBuffer>;
  readonly flagCount: number;
  /** JSON array of the flag keys in order. */
  readonly keys: string;
  /** Rows of FLAG_WORDS; columns in FlagColumn. */
  readonly flags: Uint32Array<ArrayBuffer>;
  /** Slot and root-name indexes that flag rows point into. */
  readonly lists: Uint32Array<ArrayBuffer>;
  /** Rows of OUTCOME_WORDS. */
  readonly outcomes: Uint32Array<ArrayBuffer>;
  /** JSON texts of the flags (FlagText), end to end. */
  readonly text: string;
  /** How each slot is found; index 0 and constant slots are undefined. */
  readonly slots: readonly (SlotSource | undefined)[];
  /** Names of context-tree roots. */
  readonly rootNames: readonly string[];
  readonly enrichment: JsonObject;
  readonly targetingKeySlot: number;
  readonly broken: readonly BrokenFlag[];
  readonly suspicious: boolean;
}

export interface CompileOptions {
  /** Keep only flags whose key begins so. */
  readonly flagPrefix?: string | undefined;
}

const encoder = new TextEncoder();

/** Compiles an envelope. One broken flag is that flag's error; only limits of the whole configuration throw. */
export function compileConfiguration(envelope: Envelope, options: CompileOptions = {}): CompiledConfiguration {
  const prefix = options.flagPrefix;
  const keys = Object.keys(envelope.flags).sort();
  return new Compilation(prefix ? keys.filter((key) => key.startsWith(prefix)) : keys, envelope).run();
}

class Compilation {
  readonly #keys: readonly string[];
  readonly #envelope: Envelope;
  readonly #pool = new Pool(IMAGE_BASE, 65_536);
  readonly #program = new Program();
  readonly #slots = new SlotTable();
  readonly #outcomes = new Outcomes();
  readonly #reads = new FlagReads();
  readonly #links: number[] = [];
  readonly #broken: BrokenFlag[] = [];
  readonly #flags: Uint32Array<ArrayBuffer>;
  readonly #entries: Uint32Array;
  readonly #lists: number[] = [];
  readonly #rootNames: string[] = [];
  readonly #rootIndex = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #digest = new Digest();
  readonly #isEnriched: boolean;
  #textLength = 0;

  constructor(keys: readonly string[], envelope: Envelope) {
    this.#keys = keys;
    this.#envelope = envelope;
    this.#isEnriched = Object.keys(envelope.enrichment).length > 0;
    this.#flags = new Uint32Array(keys.length * FLAG_WORDS);
    this.#entries = new Uint32Array(keys.length);
  }

  run(): CompiledConfiguration {
    const { enrichment, suspicious } = this.#envelope;
    const header = this.#pool.reserve(HEADER_BYTES);
    const records = this.#pool.reserve(this.#keys.length * FLAG_RECORD_BYTES);
    const targetingKeySlot = this.#slots.forTargetingKey();
    for (let i = 0; i < this.#keys.length; i++) this.#flag(i);
    const seeds = this.#writeRecords(records);
    const constants = writeConstants(this.#pool, this.#slots, enrichment);
    const code = this.#writeCode();
    const batchOrder = this.#writeBatchOrder(records, code.start, code.words);
    const pool = this.#pool;
    const words = [
      MAGIC,
      ABI_VERSION,
      pool.length,
      this.#keys.length,
      records,
      this.#slots.sources.length,
      code.start,
      code.end,
      this.#outcomes.count,
      seeds.address,
      seeds.count,
      constants.address,
      constants.count,
      batchOrder,
    ];
    for (const [i, word] of words.entries()) pool.setU32(header + i * 4, word);
    return {
      image: pool.toBytes(),
      flagCount: this.#keys.length,
      keys: JSON.stringify(this.#keys),
      flags: this.#flags,
      lists: Uint32Array.from(this.#lists),
      outcomes: this.#outcomes.toWords(),
      text: this.#texts.join(''),
      slots: this.#slots.sources.map((source) => (source && isConstant(source, enrichment) ? undefined : source)),
      rootNames: this.#rootNames,
      enrichment,
      targetingKeySlot,
      broken: this.#broken,
      suspicious,
    };
  }

  #flag(index: number): void {
    const key = this.#keys[index] as string;
    const raw = this.#envelope.flags[key] as JsonValue;
    const at = index * FLAG_WORDS;
    const row = this.#flags;
    this.#reads.clear();
    this.#outcomes.beginFlag(index);
    this.#entries[index] = this.#program.next;
    const parsed = parseFlag(raw);
    let constant: number | undefined;
    let bits = 0;
    if ('error' in parsed) {
      constant = this.#breakFlag(key, parsed.error.details);
      bits = FlagBit.broken;
    } else {
      try {
        constant = emitFlag(parsed.flag, this.#target);
      } catch (caught) {
        if (!(caught instanceof UncompilableFlag)) throw caught;
        this.#reads.clear();
        this.#entries[index] = this.#program.next;
        constant = this.#breakFlag(key, caught.message);
        bits = FlagBit.broken;
      }
      if (parsed.flag.trackEvents === false) bits |= FlagBit.untracked;
    }
    const flag = 'flag' in parsed ? parsed.flag : undefined;
    row[at + FlagColumn.constantOutcome] = constant === undefined ? 0 : constant + 1;
    row[at + FlagColumn.bits] = bits | this.#writeReads(at);
    row[at + FlagColumn.textStart] = this.#textLength;
    const text = this.#outcomes.endFlag(flag?.metadata, flag?.version ?? '');
    this.#texts.push(text);
    this.#textLength += text.length;
    row[at + FlagColumn.textEnd] = this.#textLength;
    this.#writeDigest(at, raw);
  }

  readonly #target = {
    program: this.#program,
    pool: this.#pool,
    slots: this.#slots,
    outcomes: this.#outcomes,
    reads: this.#reads,
    queries: new Map(),
    link: (address: number, instruction: number) => {
      this.#links.push(address, instruction);
    },
  };

  #breakFlag(key: string, details: string): number {
    this.#broken.push({ key, details });
    return emitBroken(details, this.#target);
  }

  /** Lists the slots and tree roots the flag needs from a context; gives its bits. */
  #writeReads(at: number): number {
    const { enrichment } = this.#envelope;
    const reads = this.#reads;
    const row = this.#flags;
    row[at + FlagColumn.slotsStart] = this.#lists.length;
    for (const slot of reads.slots) {
      const source = this.#slots.sources[slot];
      if (source !== undefined && !isConstant(source, enrichment)) this.#lists.push(slot);
    }
    row[at + FlagColumn.slotsCount] = this.#lists.length - (row[at + FlagColumn.slotsStart] ?? 0);
    row[at + FlagColumn.rootsStart] = this.#lists.length;
    for (const name of reads.roots) this.#lists.push(this.#root(name));
    row[at + FlagColumn.rootsCount] = reads.roots.size;
    return (
      (reads.time ? FlagBit.time : 0) |
      (reads.tree ? FlagBit.tree : 0) |
      (reads.allRoots ? FlagBit.allRoots : 0) |
      (reads.hashesTargetingKey ? FlagBit.hashes : 0)
    );
  }

  #root(name: string): number {
    let index = this.#rootIndex.get(name);
    if (index === undefined) {
      index = this.#rootNames.push(name) - 1;
      this.#rootIndex.set(name, index);
    }
    return index;
  }

  /** The flag's own JSON and the enrichment it reads: either changing changes the flag. */
  #writeDigest(at: number, raw: JsonValue): void {
    const { enrichment } = this.#envelope;
    const digest = this.#digest;
    digest.reset();
    digest.add(raw);
    if (this.#reads.allRoots) digest.add(enrichment);
    else if (this.#isEnriched) {
      const names = new Set(this.#reads.roots);
      for (const slot of this.#reads.slots) {
        const name = enrichmentName(this.#slots.sources[slot] as SlotSource);
        if (name !== undefined) names.add(name);
      }
      for (const name of names) {
        if (hasOwn(enrichment, name)) digest.add([name, enrichment[name] ?? null]);
      }
    }
    this.#flags[at + FlagColumn.digestLow] = digest.low >>> 0;
    this.#flags[at + FlagColumn.digestHigh] = digest.high >>> 0;
  }

  /** Flag records, and the hash seeds of flags that hash the targeting key, padded to sixteen for the batch. */
  #writeRecords(records: number): { address: number; count: number } {
    const pool = this.#pool;
    const seeds: number[] = [];
    for (const [index, key] of this.#keys.entries()) {
      const hashes = (this.#flags[index * FLAG_WORDS + FlagColumn.bits] ?? 0) & FlagBit.hashes;
      const seed = hashKey(key);
      const record = records + index * FLAG_RECORD_BYTES;
      pool.setU32(record, this.#entries[index] ?? 0);
      pool.setU32(record + 4, seed);
      pool.setU32(record + 8, hashes ? seeds.push(seed) - 1 : NO_HASH);
    }
    while (seeds.length % 16 !== 0) seeds.push(0);
    const address = pool.reserve(seeds.length * 4, 16);
    for (const [i, seed] of seeds.entries()) pool.setU32(address + i * 4, seed);
    for (let i = 0; i < this.#keys.length; i++)
      this.#links.push(records + i * FLAG_RECORD_BYTES, this.#entries[i] ?? 0);
    return { address, count: seeds.length };
  }

  /** Flags by their first instruction: in a batch, equal conditions are then answered once, and operations come in runs. */
  #writeBatchOrder(records: number, codeStart: number, code: Uint32Array): number {
    const pool = this.#pool;
    const { length } = this.#keys;
    const order = new Uint32Array(length);
    const first = new Uint32Array(length);
    for (let flag = 0; flag < length; flag++) {
      order[flag] = flag;
      first[flag] = (pool.getU32(records + flag * FLAG_RECORD_BYTES) - codeStart) >>> 2;
    }
    order.sort((x, y) => {
      const a = first[x] as number;
      const b = first[y] as number;
      return (
        ((code[a] as number) & 0xff) - ((code[b] as number) & 0xff) ||
        (code[a] as number) - (code[b] as number) ||
        (code[a + 1] as number) - (code[b + 1] as number) ||
        (code[a + 2] as number) - (code[b + 2] as number)
      );
    });
    const address = pool.reserve(length * 4);
    for (let i = 0; i < length; i++) pool.setU32(address + i * 4, order[i] as number);
    return address;
  }

  #writeCode(): { start: number; end: number; words: Uint32Array } {
    const pool = this.#pool;
    const links = this.#links;
    const start = pool.reserve(0, 16);
    const { words, addressOf } = this.#program.link(start, everyOther(links));
    pool.reserve(words.length * 4);
    for (let i = 0; i < words.length; i++) pool.setU32(start + i * 4, words[i] as number);
    for (let i = 0; i < links.length; i += 2) pool.setU32(links[i] as number, addressOf(links[i + 1] as number));
    return { start, end: start + words.length * 4, words };
  }
}

/** The instructions of (address, instruction) pairs. */
function* everyOther(links: readonly number[]): Generator<number> {
  for (let i = 1; i < links.length; i += 2) yield links[i] as number;
}

/** FNV-1a of the flag key: the state from which the guest goes on with the bucketing value (spec/flags.md §5.2). */
function hashKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    if (unit > 0x7f) return hashBytes(encoder.encode(key));
    hash = Math.imul(hash ^ unit, 0x01000193);
  }
  return hash >>> 0;
}

function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
