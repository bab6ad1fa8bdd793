import { describe, expect, it } from 'vitest';
import { EdictError } from '../../../src/errors.ts';
import { IMAGE_BASE } from '../../../src/flags/image/pool.ts';
import { FlagStore } from '../../../src/wasm/flag-store.ts';
import { CONTEXTS, ENRICHMENT, everyOperation, NOW } from './support/every-operation.ts';
import { compileFlags, flagOf, KernelRig, kernelStore } from './support/kernel-rig.ts';
import { compileFixture } from './support/wat.ts';

const GOOD_IMAGE = new Uint8Array(16);

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (caught) {
    return caught;
  }
  return 'nothing';
}

/** The odd kernel of the fixtures, and how often its exports were called so far. */
class OddStore extends FlagStore {
  constructor() {
    super(compileFixture('kernel-shaped'), 1);
  }

  get calls(): number {
    return this.memory.words[0] as number;
  }
}

describe('a new store', () => {
  it('refuses a kernel of another ABI, and says both', () => {
    expect(thrown(() => new FlagStore(compileFixture('other-abi'), 1))).toMatchObject({
      code: 'MODULE_REJECTED',
      text: 'the module speaks ABI 7, this version of Edict ABI 1',
    });
  });

  it('refuses a module that throws when it is asked', () => {
    expect(thrown(() => new FlagStore(compileFixture('trapping-abi'), 1))).toMatchObject({
      code: 'MODULE_REJECTED',
      cause: expect.any(WebAssembly.RuntimeError),
    });
  });

  it('refuses a module that cannot be linked or has no ABI at all', () => {
    for (const name of ['foreign-imports', 'imported-memory', 'disguised-memory', 'well-formed']) {
      expect(
        thrown(() => new FlagStore(compileFixture(name), 1)),
        name,
      ).toMatchObject({ code: 'MODULE_REJECTED' });
    }
  });

  it('evaluates nothing before an image is loaded', () => {
    for (const call of [(store: FlagStore) => store.evaluate(0, 0), (store: FlagStore) => store.evaluateAll(0, 0)]) {
      expect(thrown(() => call(kernelStore()))).toMatchObject({ code: 'TRAP' });
    }
  });
});

describe('loading an image', () => {
  it.each([
    [2, 'header'],
    [3, 'flag record'],
    [4, 'constant slot'],
    [5, 'instruction'],
    [99, '99'],
  ])('throws IMAGE_REJECTED for verdict %i and names it: %s', (verdict, name) => {
    const image = Uint8Array.of(verdict, ...GOOD_IMAGE);
    expect(thrown(() => new OddStore().load(image))).toMatchObject({
      code: 'IMAGE_REJECTED',
      text: `the guest refused the image: bad ${name}`,
    });
  });

  it('throws CONFIGURATION_TOO_LARGE when the guest has no room before or after the copy', () => {
    const tooLarge = { code: 'CONFIGURATION_TOO_LARGE', text: expect.stringContaining("passes the guest's memory") };
    expect(thrown(() => new OddStore().load(new Uint8Array(9)))).toMatchObject(tooLarge);
    expect(thrown(() => new OddStore().load(Uint8Array.of(1, ...GOOD_IMAGE)))).toMatchObject(tooLarge);
  });

  it('writes nothing to an address outside the memory', () => {
    const store = new OddStore();
    expect(thrown(() => store.load(new Uint8Array(10).fill(7)))).toMatchObject({ code: 'INVALID_RESULT' });
    expect(store.memory.bytes.subarray(4).includes(7)).toBe(false);
  });

  it('refuses what is no image, and the store serves the next one', () => {
    const store = kernelStore();
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(63),
      new Uint8Array(64),
      new Uint8Array(100_000).fill(255),
    ]) {
      expect(thrown(() => store.load(bytes))).toMatchObject({ code: 'IMAGE_REJECTED' });
    }
    expect(store.isPoisoned).toBe(false);
    store.load(compileFlags({ flag: flagOf('plan eq "pro"') }).image);
    expect(store.evaluate(0, 0)).toBeGreaterThanOrEqual(0);
  });

  it('serves no flag of the old image after a refused one', () => {
    const store = kernelStore();
    store.load(compileFlags({ flag: flagOf('plan eq "pro"') }).image);
    expect(thrown(() => store.load(new Uint8Array(64)))).toMatchObject({ code: 'IMAGE_REJECTED' });
    expect(store.evaluateAll(0, 0)).toBe(0);
    expect(thrown(() => store.evaluate(0, 0))).toMatchObject({ code: 'TRAP' });
  });

  it('never takes more than the declared maximum, and refuses what does not fit', () => {
    const store = kernelStore();
    const { image } = compileFlags({ flag: flagOf('plan eq "pro"') });
    // An image of 60 MiB that is right in its first bytes: there is no room for context and arena behind it.
    const huge = new Uint8Array(60 * 1024 * 1024);
    huge.set(image);
    new DataView(huge.buffer).setUint32(8, huge.length, true);
    expect(thrown(() => store.load(huge))).toMatchObject({ code: 'CONFIGURATION_TOO_LARGE' });
    expect(thrown(() => store.load(new Uint8Array(64 * 1024 * 1024)))).toMatchObject({
      code: 'CONFIGURATION_TOO_LARGE',
    });
    expect(store.memory.byteLength).toBeLessThanOrEqual(64 * 1024 * 1024);
    store.load(image);
    expect(store.evaluate(0, 0)).toBeGreaterThanOrEqual(0);
  });
});

describe('a loaded store', () => {
  it('names regions behind the image, in order, inside the memory', () => {
    const store = kernelStore();
    const { image } = compileFlags(everyOperation(), ENRICHMENT);
    store.load(image);
    const { slots, results, context, contextEnd } = store.layout();
    expect(slots).toBeGreaterThanOrEqual(IMAGE_BASE + image.length);
    expect(results).toBeGreaterThan(slots);
    expect(context).toBeGreaterThan(results);
    expect(contextEnd - context).toBe(4 * 1024 * 1024);
    expect(store.memory.byteLength).toBeGreaterThan(contextEnd);
    expect([slots % 16, context % 16, results % 4]).toEqual([0, 0, 0]);
  });

  it('takes addresses above 2 GiB as what they are (D-02, GOFF-WASM-004)', () => {
    const store = new OddStore();
    store.load(GOOD_IMAGE);
    expect(store.layout()).toEqual({
      slots: 0x8000_0000,
      context: 0xffff_fff0,
      contextEnd: 0xffff_ffff,
      results: 1_024,
    });
  });

  it('neither grows nor changes its image while evaluating every operation', () => {
    const rig = new KernelRig(everyOperation(), ENRICHMENT);
    const { memory } = rig.store;
    const bytes = memory.byteLength;
    for (let round = 0; round < 50; round++) {
      for (const context of CONTEXTS) {
        const answers = rig.all(context, NOW);
        expect(answers).toHaveLength(rig.compiled.flagCount);
        for (const { flagKey } of answers) rig.raw(flagKey, context, NOW);
      }
    }
    expect(memory.byteLength).toBe(bytes);
    const { image } = rig.compiled;
    expect(Buffer.compare(memory.read(IMAGE_BASE, image.length, image.length), image)).toBe(0);
  });

  it('answers every operation alone as it does in a batch', () => {
    const rig = new KernelRig(everyOperation(), ENRICHMENT);
    for (const context of CONTEXTS) {
      for (const answer of rig.all(context, NOW)) expect(rig.raw(answer.flagKey, context, NOW)).toEqual(answer);
    }
  });

  it('traps, and is poisoned, when it is asked for a flag or slot that is not there', () => {
    const { image } = compileFlags({ flag: flagOf('plan eq "pro"') });
    for (const call of [
      (store: FlagStore) => store.evaluate(1, 0),
      (store: FlagStore) => store.evaluate(-1, 0),
      (store: FlagStore) => store.evaluateAll(0, 1_000),
    ]) {
      const store = kernelStore();
      store.load(image);
      expect(thrown(() => call(store))).toMatchObject({ code: 'TRAP' });
      expect(store.isPoisoned).toBe(true);
    }
  });
});

describe('a throw out of the guest', () => {
  it.each([
    ['unreachable code', 1, WebAssembly.RuntimeError],
    ['a stack overflow, which is a RangeError', 2, RangeError],
    ['an access outside memory', 3, WebAssembly.RuntimeError],
    ['a division by zero', 4, WebAssembly.RuntimeError],
    ['proc_exit', 5, EdictError],
  ])('is a TRAP with its cause, and poisons the store: %s (D-09, GOFF-WASM-013)', (_, flag, kind) => {
    for (const call of [
      (store: FlagStore) => store.evaluate(flag, 0),
      (store: FlagStore) => store.evaluateAll(0, flag),
    ]) {
      const store = new OddStore();
      store.load(GOOD_IMAGE);
      expect(store.evaluate(0, 0)).toBe(0);
      expect(thrown(() => call(store))).toMatchObject({
        code: 'TRAP',
        cause: expect.any(kind),
        openFeatureCode: 'GENERAL',
      });
      expect(store.isPoisoned).toBe(true);
    }
  });

  it('is the last call the guest ever gets (GOFF-WASM-012)', () => {
    const store = new OddStore();
    store.load(GOOD_IMAGE);
    thrown(() => store.evaluate(1, 0));
    const { calls } = store;
    for (const call of [
      () => store.evaluate(0, 0),
      () => store.evaluateAll(0, 0),
      () => store.layout(),
      () => store.load(GOOD_IMAGE),
    ]) {
      expect(thrown(call)).toMatchObject({ code: 'TRAP', text: expect.stringContaining('trapped before') });
    }
    expect(store.calls).toBe(calls);
  });

  it('leaves other stores of the module alone', () => {
    const bad = new OddStore();
    const good = new OddStore();
    thrown(() => bad.evaluate(1, 0));
    expect(good.isPoisoned).toBe(false);
    expect(good.evaluate(0, 0)).toBe(0);
  });
});

describe('a store that changes images', () => {
  it('keeps nothing of a query of the image before', () => {
    const rig = new KernelRig({ tree: flagOf('a.b.c eq 1 or plan eq "pro"') });
    expect(rig.raw('tree', { a: {}, plan: 'pro' }).variation).toBe('off');
    for (const flags of [everyOperation(), { tree: flagOf('a.b.c eq 1 or plan eq "pro"') }]) {
      rig.load(flags, ENRICHMENT);
      const fresh = new KernelRig(flags, ENRICHMENT);
      for (const context of CONTEXTS) expect(rig.all(context, NOW)).toEqual(fresh.all(context, NOW));
    }
  });
});
