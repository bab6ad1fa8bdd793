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
 */

import type { ParsedModule } from '../binary/model.ts';
import { ByteReader } from '../binary/reader.ts';
import { moduleRefused } from '../binary/refusal.ts';
import { rankOf, SECTION, type Section } from '../binary/sections.ts';
import type { Limits } from '../binary/types.ts';
import { ByteWriter, signedLeb } from '../binary/writer.ts';
import { BodyMeter } from './meter-body.ts';

export const FUEL_EXPORT = '__edict_fuel';

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
const GLOBAL_EXPORT = 3;
const I32_CONST = 0x41;
const END = 0x0b;

/** Part of the key under which a compiled module is kept, beside the sha256 of its bytes. */
export function meteringKey(options: MeteringOptions = {}): string {
  const { maxPages, maxTableEntries, startFuel, fuel } = withDefaults(options);
  return `v${METERING_VERSION} pages ${maxPages} entries ${maxTableEntries} start ${startFuel} fuel ${fuel ? 'on' : 'off'}`;
}

function withDefaults(options: MeteringOptions): Required<MeteringOptions> {
  const { maxPages = 256, maxTableEntries = 65_536, startFuel = 0, fuel = true } = options;
  return { maxPages, maxTableEntries, startFuel, fuel, maxBytes: options.maxBytes ?? 16 * 1024 * 1024 };
}

/**
 * The module with its limits; custom sections, names of functions among them, stay. What was no valid module does not
 * become one. Throws `MODULE_REJECTED` for code that uses threads, exception handling, GC types or unknown operations,
 * for minima above the maxima, and for a module that has an export of the fuel's name already.
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
    const { fuel } = this.#options;
    if (fuel && exports.has(FUEL_EXPORT)) throw moduleRefused(`it exports ${FUEL_EXPORT} itself`);
    this.#out.copy(bytes, 0, 8);
    // The two sections that may have to be made.
    const due = fuel ? [SECTION.GLOBAL, SECTION.EXPORT].filter((id) => !sections.some((one) => one.id === id)) : [];
    for (const section of sections) {
      if (section.id !== SECTION.CUSTOM)
        while (due.length > 0 && due[0]! < rankOf(section.id)) this.#section(due.shift()!, undefined);
      this.#section(section.id, section);
    }
    for (const id of due) this.#section(id, undefined);
    return { bytes: this.#out.view().slice(), checks: this.#checks };
  }

  #section(id: number, section: Section | undefined): void {
    const { fuel } = this.#options;
    const content = this.#content;
    content.clear();
    if (id === SECTION.MEMORY || id === SECTION.TABLE || id === SECTION.IMPORT) this.#copyWithLimits(section!);
    else if (fuel && id === SECTION.GLOBAL) this.#appendGlobal(section);
    else if (fuel && id === SECTION.EXPORT) this.#appendExport(section);
    else if (fuel && id === SECTION.CODE) this.#meterCode();
    else {
      // Hints for single instructions name their offsets, which have moved.
      if (fuel && section!.name.startsWith('metadata.code.')) return;
      this.#out.copy(this.#module.bytes, section!.head, section!.end);
      return;
    }
    this.#out.u8(id);
    this.#out.varU32(content.length);
    this.#out.copy(content.view());
  }

  /** Copies a section, replacing the limits of memories and tables that stand in it. */
  #copyWithLimits({ start, end }: Section): void {
    const { memory, tables, bytes } = this.#module;
    let from = start;
    const limited = [...tables, ...(memory === undefined ? [] : [memory])].sort((a, b) => a.start - b.start);
    for (const limits of limited) {
      if (limits.start < start || limits.end > end) continue;
      this.#content.copy(bytes, from, limits.start);
      if (limits === memory) this.#writeLimits(limits, this.#options.maxPages, 'memory');
      else this.#writeLimits(limits, this.#options.maxTableEntries, 'table');
      from = limits.end;
    }
    this.#content.copy(bytes, from, end);
  }

  #writeLimits({ minimum, maximum, shared }: Limits, limit: number, what: 'memory' | 'table'): void {
    if (shared) throw moduleRefused('it uses threads: its memory is shared');
    if (minimum > limit) throw moduleRefused(`its ${what} starts with ${minimum}, more than ${limit}`);
    this.#content.u8(1);
    this.#content.varU32(minimum);
    // A maximum below the minimum stays what it is: an error that the engine reports.
    this.#content.varU32(Math.min(maximum ?? limit, limit));
  }

  /** Writes the count raised by one and all entries there are. */
  #oneMore(section: Section | undefined): void {
    if (section === undefined) {
      this.#content.varU32(1);
      return;
    }
    const reader = new ByteReader(this.#module.bytes, section.start, section.end);
    this.#content.varU32(reader.varU32() + 1);
    this.#content.copy(this.#module.bytes, reader.position, section.end);
  }

  #appendGlobal(section: Section | undefined): void {
    this.#oneMore(section);
    for (const byte of [I32, MUTABLE, I32_CONST, ...signedLeb(this.#options.startFuel), END]) this.#content.u8(byte);
  }

  #appendExport(section: Section | undefined): void {
    this.#oneMore(section);
    this.#content.name(FUEL_EXPORT);
    this.#content.u8(GLOBAL_EXPORT);
    this.#content.varU32(this.#module.globals.length);
  }

  #meterCode(): void {
    const { bodies, globals } = this.#module;
    const meter = new BodyMeter(this.#module, globals.length);
    this.#content.varU32(bodies.length);
    for (let position = 0; position < bodies.length; position++) meter.write(position, this.#content);
    this.#checks = meter.checks;
  }
}
