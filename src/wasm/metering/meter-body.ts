/** Finds where in a function fuel is charged and how much, then writes the function with its charges. */

import type { ParsedModule } from '../binary/model.ts';
import { ByteReader } from '../binary/reader.ts';
import { moduleRefused } from '../binary/refusal.ts';
import { type CodeVisitor, MAX_LOCALS, walkBody } from '../binary/walk-code.ts';
import { type ByteWriter, leb } from '../binary/writer.ts';
import { BYTES_PER_UNIT, bulkChargeOf, chargeOf, GROW_COST, HOST_CALL_COST, type Meters } from './charges.ts';

const I32 = 0x7f;
/** In place of a cost: what a bulk instruction finds on the stack. */
const BY_LENGTH = -1;

/** An open stretch of code: the function, or a loop in it; nested loops count for themselves. */
interface Stretch {
  /** Which of the charges pays for it. */
  readonly charge: number;
  bytes: number;
}

export class BodyMeter implements CodeVisitor {
  readonly #module: ParsedModule;
  readonly #meters: Meters;
  readonly #mayReachHost: boolean;
  /** Charges of one cost are one piece of code. */
  readonly #pieces = new Map<number, Uint8Array>();
  // Of the function at hand: where charges go, in rising order, and what each costs.
  readonly #places: number[] = [];
  readonly #costs: number[] = [];
  readonly #open: Stretch[] = [];
  #counted = 0;
  #locals = 0;
  #groups = 0;
  #code = 0;
  #hasBulk = false;
  /** Places in the whole module. */
  checks = 0;

  constructor(module: ParsedModule, meters: Meters) {
    this.#module = module;
    this.#meters = meters;
    // INVARIANT: a host call is never cheaper because it goes through a table.
    const entries = [...module.references].some((index) => index < module.importedFunctions);
    this.#mayReachHost = entries || module.tables.some(({ imported }) => imported);
  }

  /** Writes the body with its size in front. Throws `MODULE_REJECTED` for code that cannot be metered. */
  write(position: number, writer: ByteWriter): void {
    this.#places.length = 0;
    this.#costs.length = 0;
    this.#open.length = 0;
    this.#hasBulk = false;
    walkBody(this.#module, position, this);
    this.checks += this.#places.length;
    this.#emit(this.#module.bodies[position]!, writer);
  }

  begin(at: number, locals: number, groups: number): void {
    this.#code = at;
    this.#counted = at;
    this.#locals = locals;
    this.#groups = groups;
    this.#openStretch(at);
    // Locals are zeroed and arguments and results copied at every call, so they count like code.
    this.#open[0]!.bytes += locals;
  }

  loop(inside: number): void {
    this.#count(inside);
    this.#openStretch(inside);
  }

  endLoop(at: number): void {
    this.#closeStretch(at);
  }

  end(at: number): void {
    this.#closeStretch(at);
  }

  call(at: number, callee: number): void {
    if (callee < this.#module.importedFunctions) this.#charge(at, HOST_CALL_COST);
  }

  callIndirect(at: number): void {
    if (this.#mayReachHost) this.#charge(at, HOST_CALL_COST);
  }

  growMemory(at: number): void {
    this.#charge(at, GROW_COST);
  }

  bulk(at: number): void {
    this.#hasBulk = true;
    this.#charge(at, BY_LENGTH);
  }

  #charge(at: number, cost: number): void {
    this.#places.push(at);
    this.#costs.push(cost);
  }

  #openStretch(at: number): void {
    this.#open.push({ charge: this.#places.length, bytes: 0 });
    this.#charge(at, 1);
  }

  #closeStretch(at: number): void {
    this.#count(at);
    const { charge, bytes } = this.#open.pop()!;
    this.#costs[charge] = 1 + Math.floor(bytes / BYTES_PER_UNIT);
  }

  /** The code up to here belongs to the innermost stretch. */
  #count(at: number): void {
    this.#open[this.#open.length - 1]!.bytes += at - this.#counted;
    this.#counted = at;
  }

  #emit({ start, end }: { start: number; end: number }, writer: ByteWriter): void {
    const { bytes } = this.#module;
    const bulk = this.#hasBulk ? this.#bulkPiece() : undefined;
    // The scratch local is a declaration more: its count may need a byte more, and it stands behind all others.
    const head = bulk === undefined ? undefined : this.#headWithScratch(start);
    let size = (head?.length ?? this.#code - start) + (end - this.#code);
    for (const cost of this.#costs) size += (cost === BY_LENGTH ? bulk! : this.#piece(cost)).length;
    writer.varU32(size);
    if (head === undefined) writer.copy(bytes, start, this.#code);
    else writer.copy(head);
    let from = this.#code;
    for (let i = 0; i < this.#places.length; i++) {
      const to = this.#places[i]!;
      writer.copy(bytes, from, to);
      writer.copy(this.#costs[i] === BY_LENGTH ? bulk! : this.#piece(this.#costs[i]!));
      from = to;
    }
    writer.copy(bytes, from, end);
  }

  #piece(cost: number): Uint8Array {
    let piece = this.#pieces.get(cost);
    if (piece === undefined) {
      piece = chargeOf(this.#meters, cost);
      this.#pieces.set(cost, piece);
    }
    return piece;
  }

  #bulkPiece(): Uint8Array {
    if (this.#locals >= MAX_LOCALS)
      throw moduleRefused('a function with bulk instructions has no local left to meter them');
    return bulkChargeOf(this.#meters, this.#locals);
  }

  #headWithScratch(start: number): Uint8Array {
    const { bytes } = this.#module;
    const declarations = new ByteReader(bytes, start, this.#code);
    declarations.varU32();
    return Uint8Array.from([
      ...leb(this.#groups + 1),
      ...bytes.subarray(declarations.position, this.#code),
      ...[1, I32],
    ]);
  }
}
