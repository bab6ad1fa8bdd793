/** Large configurations compile beside the event loop, and are as right as small ones. */

import { createRequire } from 'node:module';
import { afterEach, describe, expect, it } from 'vitest';
import { EdictError } from '../../../src/errors.ts';
import { compileNow } from '../../../src/evaluator/compile-now.ts';
import { compile, INLINE_BYTES } from '../../../src/evaluator/configuration-compiler.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';

const FLAGS = 10_000;

function bodyOf(count: number, value = 'on'): Buffer {
  const flags = Array.from({ length: count }, (_, i) => [
    `flag-${i}`,
    {
      variations: { on: `${value}-${i}`, off: 'off' },
      targeting: [{ query: `plan eq "p${i % 7}" and not (email ew "@example.com")`, variation: 'on' }],
      defaultRule: { percentage: { on: 10, off: 90 } },
    },
  ]);
  return Buffer.from(JSON.stringify({ flags: Object.fromEntries(flags) }));
}

/** How often the event loop came round while the promise was pending. */
async function ticksDuring(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  let ticks = 0;
  const ending = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve));
    ticks++;
  }
  await ending;
  return ticks;
}

const open: InProcessEvaluator[] = [];
afterEach(async () => {
  for (const evaluator of open.splice(0)) await evaluator.close();
});

describe('a configuration of 10,000 flags', () => {
  it('compiles in a worker while the event loop keeps turning, to what compiling here gives (D-04)', async () => {
    const body = bodyOf(FLAGS);
    expect(body.length).toBeGreaterThan(INLINE_BYTES);
    const compiling = compile({ body }, { flagPrefix: undefined });
    expect(await ticksDuring(compiling)).toBeGreaterThan(20);
    const [there, here] = [await compiling, compileNow({ body }, { flagPrefix: undefined })];
    expect(Buffer.compare(there.image, here.image)).toBe(0);
    expect(there.keys).toBe(here.keys);
    expect(there.outcomes).toEqual(here.outcomes);
  });

  it('is loaded while evaluations go on, and taken into use as a whole', async () => {
    const evaluator = new InProcessEvaluator({ bootstrap: JSON.parse(bodyOf(10).toString()) as object });
    open.push(evaluator);
    await evaluator.initialize();
    const context = { targetingKey: 'u', plan: 'p3' };
    let answers = 0;
    const loading = evaluator.load(JSON.parse(bodyOf(FLAGS, 'new').toString()) as object);
    const watching = (async () => {
      while (evaluator.flagKeys().length === 10) {
        expect(evaluator.evaluate('flag-3', context).value).toBe('on-3');
        answers++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await Promise.all([loading, watching]);
    expect(answers).toBeGreaterThan(20);
    for (const n of [3, 10, 5_002, 9_999]) {
      expect(evaluator.evaluate(`flag-${n}`, { targetingKey: 'u', plan: `p${n % 7}` }).value).toBe(`new-${n}`);
    }
    expect(evaluator.evaluateAll(context)).toHaveLength(FLAGS);
  });

  it('that is broken rejects with the code and the words of the compiler, out of the worker', async () => {
    const cut = bodyOf(FLAGS).subarray(0, -5);
    const error = await compile({ body: cut }, { flagPrefix: undefined }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(EdictError);
    expect(error).toMatchObject({ code: 'INVALID_BODY' });
    expect((error as EdictError).text).not.toBe('');
  });

  it('with one bad flag among them serves the others (S-22)', async () => {
    const document = JSON.parse(bodyOf(FLAGS).toString()) as { flags: Record<string, unknown> };
    document.flags['bad'] = { variations: 'none' };
    const evaluator = new InProcessEvaluator({ bootstrap: document, logger: quiet() });
    open.push(evaluator);
    await evaluator.initialize();
    expect(evaluator.evaluate('bad', {}, 'default')).toMatchObject({ value: 'default', errorCode: 'PARSE_ERROR' });
    expect(evaluator.evaluate('flag-3', { targetingKey: 'u', plan: 'p3' }).value).toBe('on-3');
    expect(evaluator.describe()).toMatchObject({ flagCount: FLAGS + 1, brokenFlags: 1 });
  });
});

function quiet() {
  const nothing = () => undefined;
  return { error: nothing, warn: nothing, info: nothing, debug: nothing };
}

describe('the compile worker', () => {
  it('is the built file, which is there', () => {
    const require = createRequire(import.meta.url);
    expect(require.resolve('../../../dist/evaluator/compile-worker.js')).toContain('compile-worker.js');
  });
});
