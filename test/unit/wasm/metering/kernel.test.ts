/** The flag kernel, metered: a large real module, whose answers are recorded and whose fuel must not vary. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAnswer } from '../../../../src/cli/engine-answer.ts';
import { ContextWriter, planSlot } from '../../../../src/evaluator/context-writer.ts';
import { InProcessEvaluator } from '../../../../src/evaluator/in-process-evaluator.ts';
import { canonicalJson } from '../../../../src/internal/canonical-json.ts';
import { emptyRecord, type JsonValue } from '../../../../src/internal/json.ts';
import { parseModule } from '../../../../src/wasm/binary/parse-module.ts';
import { FUEL_EXPORT, meterModule } from '../../../../src/wasm/metering/rewrite.ts';
import { readVectors } from '../../../conformance/vector-records.ts';
import { CONTEXTS, ENRICHMENT, everyOperation, NOW } from '../support/every-operation.ts';
import { compileFlags, kernelStore } from '../support/kernel-rig.ts';

const BUDGET = 2 ** 31 - 1;
/** One recorded evaluation in so many: all of them are the conformance suite's affair. */
const STRIDE = 10;

const plain = readFileSync(new URL('../../../../wasm/flags.wasm', import.meta.url));
const { bytes, checks } = meterModule(parseModule(plain), { maxPages: 1_024, startFuel: BUDGET });
const kernel = new WebAssembly.Module(bytes);

describe('the metered kernel (P-56)', () => {
  const evaluator = new InProcessEvaluator({ bootstrap: { flags: {} }, wasmModule: kernel });
  beforeAll(() => evaluator.initialize());
  afterAll(() => evaluator.close());

  it('is larger by an eighth at most, and validates', () => {
    expect(WebAssembly.validate(bytes)).toBe(true);
    expect(checks).toBeGreaterThan(150);
    expect(bytes.length / plain.length).toBeLessThan(1.125);
  });

  it(`gives every ${STRIDE}th recorded answer of GO Feature Flag`, async () => {
    const records = readVectors().filter((_, index) => index % STRIDE === 0);
    expect(records.length).toBe(2_000);
    const different: string[] = [];
    for (const { input, expected, id } of records) {
      const { evaluationContextEnrichment = {}, defaultSdkValue } = input.flagContext;
      const flags = emptyRecord<JsonValue>();
      flags[input.flagKey] = input.flag;
      await evaluator.load({ flags, evaluationContextEnrichment });
      const raw = evaluator.evaluateRaw(input.flagKey, input.evalContext);
      const answer = raw === undefined ? 'no flag' : canonicalJson(engineAnswer(raw, defaultSdkValue));
      if (answer !== canonicalJson(expected)) different.push(`${id}: ${answer}`);
    }
    expect(different).toEqual([]);
  }, 60_000);
});

/** An instance of the metered kernel with the image of all operations, driven by the memory of an unmetered one. */
class Twin {
  readonly #compiled = compileFlags(everyOperation(), ENRICHMENT);
  readonly #store = kernelStore();
  readonly #writer = new ContextWriter(this.#store);
  readonly #plans = this.#compiled.slots.flatMap((source, slot) => (source ? [planSlot(slot, source)] : []));
  readonly #guest: Record<string, (...args: number[]) => number> & {
    memory: WebAssembly.Memory;
    [FUEL_EXPORT]: WebAssembly.Global;
  };

  constructor() {
    const { image } = this.#compiled;
    this.#store.load(image);
    this.#guest = new WebAssembly.Instance(kernel).exports as never;
    const base = this.#guest['reserve']!(image.length, 0);
    new Uint8Array(this.#guest.memory.buffer).set(image, base);
    expect(this.#guest['loadImage']!(image.length, 0)).toBe(0);
    this.#writer.attach(this.#compiled.slots.length);
  }

  /** Each flag in each context on both; answers with the fuel that each used. */
  run(): { plain: number[]; metered: number[]; fuel: number[] } {
    const plain: number[] = [];
    const metered: number[] = [];
    const fuel: number[] = [];
    for (const context of CONTEXTS) {
      this.#writer.begin();
      for (const plan of this.#plans) this.#writer.writeSlot(plan, context);
      this.#writer.writeTree(context, this.#compiled.enrichment, undefined);
      for (let flag = 0; flag < this.#compiled.flagCount; flag++) {
        new Uint8Array(this.#guest.memory.buffer).set(this.#store.memory.bytes);
        this.#guest[FUEL_EXPORT].value = BUDGET;
        metered.push(this.#guest['evaluate']!(flag, NOW));
        fuel.push(BUDGET - this.#guest[FUEL_EXPORT].value);
        plain.push(this.#store.evaluate(flag, NOW));
      }
    }
    return { plain, metered, fuel };
  }
}

describe('fuel of the metered kernel', () => {
  it('is the same for the same flag and context in every run and every instance (P-56)', () => {
    const twin = new Twin();
    const first = twin.run();
    expect(first.metered).toEqual(first.plain);
    expect(first.fuel.length).toBeGreaterThan(150);
    expect(Math.min(...first.fuel)).toBeGreaterThan(0);
    for (let again = 0; again < 3; again++) expect(twin.run().fuel).toEqual(first.fuel);
    expect(new Twin().run().fuel).toEqual(first.fuel);
  });
});
