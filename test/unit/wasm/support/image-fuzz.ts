/** Loads damaged images and looks for the damage to spread: the judge of assembly/flags/verify.ts. */

import { EdictError } from '../../../../src/errors.ts';
import { ContextWriter, planSlot } from '../../../../src/evaluator/context-writer.ts';
import type { EvaluationContext } from '../../../../src/evaluator/resolution.ts';
import type { CompiledConfiguration } from '../../../../src/flags/compile/configuration.ts';
import { INSTRUCTION_BYTES, RESULT_MEMORY } from '../../../../src/flags/image/abi.ts';
import { IMAGE_BASE } from '../../../../src/flags/image/pool.ts';
import { LOWER_TABLE } from '../../../../src/flags/query/lower-table.ts';
import type { FlagStore } from '../../../../src/wasm/flag-store.ts';
import type { Random } from '../../flags/jsonlogic/random-cases.ts';
import { CONTEXTS, ENRICHMENT, everyOperation, NOW } from './every-operation.ts';
import { compileFlags, kernelStore } from './kernel-rig.ts';

const MAX_MEMORY_BYTES = 1_024 * 65_536;

/** What became of a damaged image. */
export type Fate = 'refused' | 'answered' | 'trapped';

/** Byte ranges of an image, by what they hold. */
export interface Regions {
  readonly header: readonly [number, number];
  readonly records: readonly [number, number];
  readonly seeds: readonly [number, number];
  readonly constants: readonly [number, number];
  readonly instructions: readonly [number, number];
  /** Everything between: strings, tables, encoded rules. */
  readonly tables: readonly [number, number];
}

export class ImageFuzz {
  readonly compiled: CompiledConfiguration = compileFlags(everyOperation(), ENRICHMENT);
  readonly regions: Regions;
  readonly fates: Record<Fate, number> = { refused: 0, answered: 0, trapped: 0 };
  readonly #plans = this.compiled.slots.flatMap((source, slot) => (source ? [planSlot(slot, source)] : []));
  #store: FlagStore = kernelStore();
  #writer = new ContextWriter(this.#store);
  readonly #lowerTableAt: number;
  readonly #lowerTable: Uint8Array;
  readonly #expected: string;

  constructor() {
    const { image, flagCount } = this.compiled;
    const word = (offset: number) => new DataView(image.buffer).getUint32(offset, true);
    const at = (offset: number) => word(offset) - IMAGE_BASE;
    this.regions = {
      header: [0, 64],
      records: [at(16), at(16) + flagCount * 16],
      seeds: [at(36), at(36) + word(40) * 4],
      constants: [at(44), at(44) + word(48) * 24],
      instructions: [at(24), at(28)],
      tables: [at(16) + flagCount * 16, at(24)],
    };
    const table = Buffer.from(Int32Array.from(LOWER_TABLE).buffer);
    this.#lowerTableAt = this.#store.memory.buffer.subarray(0, IMAGE_BASE).indexOf(table);
    if (this.#lowerTableAt < 0) throw new Error('the guest has no lower-case table');
    this.#lowerTable = Uint8Array.from(table);
    this.#expected = this.#answers(image);
  }

  /** Number of instructions of the undamaged image. */
  get instructionCount(): number {
    return (this.regions.instructions[1] - this.regions.instructions[0]) / INSTRUCTION_BYTES;
  }

  /** Loads and evaluates `image`; gives what is wrong when the damage spread, and keeps count of fates. */
  try(image: Uint8Array): string | undefined {
    const fate = this.#fate(image);
    if (fate !== 'refused' && fate !== 'answered' && fate !== 'trapped') return fate;
    this.fates[fate]++;
    const { memory } = this.#store;
    if (memory.byteLength > MAX_MEMORY_BYTES) return `memory is ${memory.byteLength} bytes`;
    if (Buffer.compare(memory.read(this.#lowerTableAt, this.#lowerTable.length, 1e5), this.#lowerTable) !== 0) {
      return 'the lower-case table was written to';
    }
    if (fate === 'trapped') {
      if (!this.#store.isPoisoned) return 'a trap did not poison the store';
      this.#store = kernelStore();
      this.#writer = new ContextWriter(this.#store);
    } else if (Buffer.compare(memory.read(IMAGE_BASE, image.length, image.length), image) !== 0) {
      return 'the image was written to';
    }
    return this.#answers(this.compiled.image) === this.#expected
      ? undefined
      : 'the undamaged image answers otherwise now';
  }

  #fate(image: Uint8Array): Fate | string {
    try {
      this.#store.load(image);
    } catch (caught) {
      if (!(caught instanceof EdictError)) return `loading threw ${caught}`;
      if (caught.code === 'IMAGE_REJECTED' || caught.code === 'CONFIGURATION_TOO_LARGE') return 'refused';
      return `loading threw ${caught.message}`;
    }
    const view = new DataView(image.buffer, image.byteOffset);
    const flags = view.getUint32(12, true);
    const outcomes = view.getUint32(32, true);
    try {
      for (const context of CONTEXTS) {
        for (const outcome of this.#evaluate(context, flags)) {
          if (outcome < RESULT_MEMORY || outcome >= outcomes) return `outcome ${outcome} of ${outcomes}`;
        }
      }
    } catch (caught) {
      return caught instanceof EdictError && caught.code === 'TRAP' ? 'trapped' : `evaluating threw ${caught}`;
    }
    return 'answered';
  }

  /** Each flag alone, then all at once. */
  *#evaluate(context: EvaluationContext, flags: number): Generator<number> {
    const writer = this.#writer;
    writer.attach(this.compiled.slots.length);
    writer.begin();
    for (const plan of this.#plans) writer.writeSlot(plan, context);
    writer.writeTree(context, this.compiled.enrichment, undefined);
    for (let flag = 0; flag < flags; flag++) yield this.#store.evaluate(flag, NOW);
    const results = new Int32Array(this.#store.evaluateAll(NOW, this.compiled.targetingKeySlot));
    this.#store.memory.readWords(this.#store.layout().results, results);
    yield* results;
  }

  #answers(image: Uint8Array): string {
    this.#store.load(image);
    return CONTEXTS.map((context) => [...this.#evaluate(context, this.compiled.flagCount)].join(' ')).join('\n');
  }
}

const ODD_WORDS = [
  0,
  1,
  2,
  3,
  7,
  0x7f,
  0xff,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
  0xffff_fff0,
  IMAGE_BASE - 1,
  IMAGE_BASE,
];

/** A copy of the image with one to four things wrong in it. */
export function damage(random: Random, { compiled, regions }: ImageFuzz): Uint8Array {
  const image = Uint8Array.from(compiled.image);
  const view = new DataView(image.buffer);
  for (let left = 1 + random.below(4); left > 0; left--) {
    const [start, end] = random.pick(Object.values(regions) as [number, number][]);
    const byte = start + random.below(end - start);
    const word = Math.min(start + 4 * random.below(Math.ceil((end - start) / 4)), image.length - 4);
    const other = 4 * random.below(Math.floor(image.length / 4));
    switch (random.below(7)) {
      case 0:
        image[byte] = (image[byte] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        image[byte] = random.below(256);
        break;
      case 2:
        view.setUint32(word, random.pick(ODD_WORDS), true);
        break;
      case 3:
        view.setUint32(word, IMAGE_BASE + random.below(image.length + 64), true);
        break;
      case 4:
        view.setUint32(word, view.getUint32(word, true) + random.pick([-20, -8, -4, -1, 1, 4, 8, 20]), true);
        break;
      case 5:
        view.setUint32(word, view.getUint32(other, true), true);
        break;
      default: {
        const [from] = regions.instructions;
        const count = (regions.instructions[1] - from) / INSTRUCTION_BYTES;
        const source = from + random.below(count) * INSTRUCTION_BYTES;
        image.copyWithin(from + random.below(count) * INSTRUCTION_BYTES, source, source + INSTRUCTION_BYTES);
      }
    }
  }
  return image;
}
