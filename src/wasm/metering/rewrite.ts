/**
 * Writes limits into a module before it is compiled: fuel into its code, a maximum into its memory and tables.
 *
 * Fuel is one mutable i32, appended to the globals (so that no index shifts) and exported as {@link FUEL_EXPORT}. The
 * host sets it before each call and reads it after. Charges are taken where {@link BodyMeter} puts them, always before
 * what they pay for, and the code traps as soon as fuel is below zero. Hence the rule for what a call ended with:
 *
 *     threw, fuel < 0    → fuel ran out, whatever was thrown: nothing else can make it negative
 *     threw, fuel >= 0   → a trap of the guest's own, a stack overflow, or a throw of the host
 *     returned           → used = budget - fuel, the same for the same input in every run
 *
 * A pausing module calls a function of its host instead, when fuel is below zero, through the one entry of a table that is
 * appended and exported as {@link PAUSE_EXPORT}. Whoever puts a function there hands fuel out in slices, and may end the call
 * between two of them. An entry nobody filled traps, and then the rule is the same as above.
 */

import type { ParsedModule } from '../binary/model.ts';
import { ByteReader } from '../binary/reader.ts';
import { moduleRefused } from '../binary/refusal.ts';
import { rankOf, SECTION, type Section } from '../binary/sections.ts';
import type { Limits } from '../binary/types.ts';
import { ByteWriter, leb, signedLeb } from '../binary/writer.ts';
import { pauseBody } from './charges.ts';
import { BodyMeter } from './meter-body.ts';

export const FUEL_EXPORT = '__edict_fuel';
export const PAUSE_EXPORT = '__edict_pause';

/** Changes whenever the same module and options give other bytes, so that what was compiled before is not taken for it. */
export const METERING_VERSION = 1;

export interface MeteringOptions {
  /** Pages of 64 KiB; a higher or missing maximum becomes this one. Default 256. */
  readonly maxPages?: number;
  /** The same for the entries of each table. Default 65,536. */
  readonly maxTableEntries?: number;
  /** What the module may use before the host sets its fuel, so by a start function. Default 0. */
  readonly startFuel?: number;
  /** False sets the maxima and leaves the code alone. Default true. */
  readonly fuel?: boolean;
  /** Lets the host end a call that has fuel left: for a caller on another thread. Needs fuel. Default false. */
  readonly pauses?: boolean;
  /** Default 16 MiB. */
  readonly maxBytes?: number;
}

export interface MeteredModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Places in the code where fuel is charged. */
  readonly checks: number;
}

const I32 = 0x7f;
const MUTABLE = 1;
const TABLE_EXPORT = 1;
const GLOBAL_EXPORT = 3;
const I32_CONST = 0x41;
const END = 0x0b;
/** A function without parameters and results. */
const NULLARY = [0x60, 0, 0];
/** A table of functions with one entry, for ever. */
const ONE_ENTRY = [0x70, 1, 1, 1];

/** Sections in which something is appended, in their order. */
const FUELLED: readonly number[] = [SECTION.GLOBAL, SECTION.EXPORT];
const PAUSING: readonly number[] = [
  ...[SECTION.TYPE, SECTION.FUNCTION, SECTION.TABLE, SECTION.GLOBAL, SECTION.EXPORT, SECTION.CODE],
];

/** Part of the key under which a compiled module is kept, beside the sha256 of its bytes. */
export function meteringKey(options: MeteringOptions = {}): string {
  const { maxPages, maxTableEntries, startFuel, fuel, pauses } = withDefaults(options);
  const code = fuel ? (pauses ? 'pausing' : 'on') : 'off';
  return `v${METERING_VERSION} pages ${maxPages} entries ${maxTableEntries} start ${startFuel} fuel ${code}`;
}

function withDefaults(options: MeteringOptions): Required<MeteringOptions> {
  const { maxPages = 256, maxTableEntries = 65_536, startFuel = 0, fuel = true } = options;
  const pauses = fuel && options.pauses === true;
  return { maxPages, maxTableEntries, startFuel, fuel, pauses, maxBytes: options.maxBytes ?? 16 * 1024 * 1024 };
}

/**
 * The module with its limits; custom sections, names of functions among them, stay. What was no valid module does not
 * become one. Throws `MODULE_REJECTED` for code that uses threads, exception handling, GC types or unknown operations,
 * for minima above the maxima, and for a module that has an export of such a name already.
 */
export function meterModule(module: ParsedModule, options: MeteringOptions = {}): MeteredModule {
  return new Rewriter(module, withDefaults(options)).run();
}

/** True when a call that threw did so because its fuel was used up; `fuel` is the global's value after the throw. */
export function isOutOfFuel(fuel: number): boolean {
  return fuel < 0;
}

class Rewriter {
  readonly #module: ParsedModule;
  readonly #options: Required<MeteringOptions>;
  readonly #out: ByteWriter;
  /** The content of the section at hand. */
  readonly #content: ByteWriter;
  #checks = 0;

  constructor(module: ParsedModule, options: Required<MeteringOptions>) {
    this.#module = module;
    this.#options = options;
    const capacity = Math.ceil(module.bytes.length * 1.25) + 256;
    this.#out = new ByteWriter(capacity, options.maxBytes);
    this.#content = new ByteWriter(capacity, options.maxBytes);
  }

  run(): MeteredModule {
    const { bytes, sections, exports } = this.#module;
    const { fuel, pauses } = this.#options;
    if (fuel) {
      const taken = [FUEL_EXPORT, PAUSE_EXPORT].find((name) => exports.has(name));
      if (taken !== undefined) throw moduleRefused(`it exports ${taken} itself`);
    }
    this.#out.copy(bytes, 0, 8);
    // The sections that may have to be made.
    const needed = pauses ? PAUSING : fuel ? FUELLED : [];
    const due = needed.filter((id) => !sections.some((one) => one.id === id));
    for (const section of sections) {
      if (section.id !== SECTION.CUSTOM)
        while (due.length > 0 && due[0]! < rankOf(section.id)) this.#section(due.shift()!, undefined);
      this.#section(section.id, section);
    }
    for (const id of due) this.#section(id, undefined);
    return { bytes: this.#out.view().slice(), checks: this.#checks };
  }

  #section(id: number, section: Section | undefined): void {
    const content = this.#content;
    content.clear();
    if (!this.#rewrite(id, section)) {
      this.#out.copy(this.#module.bytes, section!.head, section!.end);
      return;
    }
    // Hints for single instructions name their offsets, which have moved.
    if (id === SECTION.CUSTOM) return;
    this.#out.u8(id);
    this.#out.varU32(content.length);
    this.#out.copy(content.view());
  }

  /** Writes what becomes of the section; false when it stays as it is. */
  #rewrite(id: number, section: Section | undefined): boolean {
    const { fuel, pauses, startFuel } = this.#options;
    const { types, globals } = this.#module;
    switch (id) {
      case SECTION.TABLE:
        this.#copyWithLimits(section, pauses ? [ONE_ENTRY] : []);
        return true;
      case SECTION.MEMORY:
      case SECTION.IMPORT:
        this.#copyWithLimits(section, []);
        return true;
      case SECTION.TYPE:
        if (pauses) this.#append(section, [NULLARY]);
        return pauses;
      case SECTION.FUNCTION:
        if (pauses) this.#append(section, [leb(types.length)]);
        return pauses;
      case SECTION.GLOBAL:
        if (fuel) this.#append(section, [[I32, MUTABLE, I32_CONST, ...signedLeb(startFuel), END]]);
        return fuel;
      case SECTION.EXPORT: {
        const entries = [exported(FUEL_EXPORT, GLOBAL_EXPORT, globals.length)];
        if (pauses) entries.push(exported(PAUSE_EXPORT, TABLE_EXPORT, this.#module.tables.length));
        if (fuel) this.#append(section, entries);
        return fuel;
      }
      case SECTION.CODE:
        if (fuel) this.#meterCode();
        return fuel;
      default:
        return fuel && section!.name.startsWith('metadata.code.');
    }
  }

  /** Writes the count of what there is and what is appended; where the entries begin that there are. */
  #count(section: Section | undefined, more: number): number {
    const reader = section && new ByteReader(this.#module.bytes, section.start, section.end);
    this.#content.varU32((reader?.varU32() ?? 0) + more);
    return reader?.position ?? 0;
  }

  /** Copies a section, replacing the limits of memories and tables that stand in it. */
  #copyWithLimits(section: Section | undefined, entries: readonly (readonly number[])[]): void {
    const { memory, tables, bytes } = this.#module;
    let from = entries.length === 0 ? section!.start : this.#count(section, entries.length);
    const limited = [...tables, ...(memory === undefined ? [] : [memory])].sort((a, b) => a.start - b.start);
    for (const limits of section === undefined ? [] : limited) {
      if (limits.start < section!.start || limits.end > section!.end) continue;
      this.#content.copy(bytes, from, limits.start);
      if (limits === memory) this.#writeLimits(limits, this.#options.maxPages, 'memory');
      else this.#writeLimits(limits, this.#options.maxTableEntries, 'table');
      from = limits.end;
    }
    if (section !== undefined) this.#content.copy(bytes, from, section.end);
    for (const entry of entries) this.#content.copy(Uint8Array.from(entry));
  }

  #writeLimits({ minimum, maximum, shared }: Limits, limit: number, what: 'memory' | 'table'): void {
    if (shared) throw moduleRefused('it uses threads: its memory is shared');
    if (minimum > limit) throw moduleRefused(`its ${what} starts with ${minimum}, more than ${limit}`);
    this.#content.u8(1);
    this.#content.varU32(minimum);
    // A maximum below the minimum stays what it is: an error that the engine reports.
    this.#content.varU32(Math.min(maximum ?? limit, limit));
  }

  /** All entries there are, and those behind them. */
  #append(section: Section | undefined, entries: readonly (readonly number[])[]): void {
    const from = this.#count(section, entries.length);
    if (section !== undefined) this.#content.copy(this.#module.bytes, from, section.end);
    for (const entry of entries) this.#content.copy(Uint8Array.from(entry));
  }

  #meterCode(): void {
    const { bodies, globals, functions, types, tables } = this.#module;
    const { pauses } = this.#options;
    const fuel = globals.length;
    const meter = new BodyMeter(this.#module, { fuel, pause: pauses ? functions.length : undefined });
    this.#content.varU32(bodies.length + (pauses ? 1 : 0));
    for (let position = 0; position < bodies.length; position++) meter.write(position, this.#content);
    if (pauses) this.#content.copy(Uint8Array.from(pauseBody(fuel, types.length, tables.length)));
    this.#checks = meter.checks;
  }
}

function exported(name: string, kind: number, index: number): number[] {
  const text = new TextEncoder().encode(name);
  return [...leb(text.length), ...text, kind, ...leb(index)];
}
