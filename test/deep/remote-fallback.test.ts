/** What a relay that hangs costs, on the real clock (RF-01). Prints its figures; the margins allow for a busy machine. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { FallbackEvaluator } from '../../src/evaluator/fallback-evaluator.ts';
import type { EdictOptions } from '../../src/options/edict-options.ts';
import { FLAGS, PRO } from '../unit/evaluator/support/fallback-bench.ts';
import { type Handler, json, ScriptedRelay } from '../unit/relay/support/scripted-relay.ts';

const CONFIGURATION = json(JSON.stringify({ flags: FLAGS }));
const ANSWER = json(JSON.stringify({ key: 'broken', value: 'remote', reason: 'STATIC' }));
const BUDGET_MS = 50;
/** Of a timer and of whoever else uses the machine. */
const NOISE_MS = 40;

/** A relay that serves the configuration and hangs in evaluations, until it is told to answer. */
async function start(fallback: EdictOptions['fallback']) {
  let evaluation: Handler = () => undefined;
  const relay = await ScriptedRelay.start((exchange) =>
    (exchange.request.path.startsWith('/ofrep/') ? evaluation : CONFIGURATION)(exchange),
  );
  const quiet = { error() {}, warn() {}, info() {}, debug() {} };
  const evaluator = new FallbackEvaluator({ endpoint: relay.url, pollIntervalMs: 0, logger: quiet, fallback });
  onTestFinished(async () => {
    await evaluator.close();
    await relay.close();
  });
  await evaluator.initialize();
  return {
    evaluator,
    heal: () => {
      evaluation = ANSWER;
    },
    questions: () => relay.requests.filter(({ path }) => path.startsWith('/ofrep/')).length,
    breaker: () => (evaluator.describe().fallback as { breaker: string }).breaker,
  };
}

/** Milliseconds until it is there. */
async function timed(work: unknown): Promise<number> {
  const before = performance.now();
  await work;
  return performance.now() - before;
}

/** Milliseconds until the broken flag has its answer. */
async function latency(evaluator: FallbackEvaluator): Promise<number> {
  const before = performance.now();
  const { value } = await evaluator.evaluate('broken', PRO, 'default');
  expect(value).toBe('default');
  return performance.now() - before;
}

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] as number;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const print = (text: string) => process.stdout.write(`${text}\n`);

describe('a relay that hangs (RF-01)', () => {
  it('adds at most the budget to an evaluation', async () => {
    const { evaluator } = await start({ budgetMs: BUDGET_MS, failureThreshold: 1_000_000 });
    const took: number[] = [];
    const excess: number[] = [];
    for (let i = 0; i < 100; i++) {
      // A timer of the same length beside it shows what the machine itself is late by.
      const [evaluation, timer] = await Promise.all([latency(evaluator), timed(pause(BUDGET_MS))]);
      took.push(evaluation);
      excess.push(evaluation - timer);
    }
    const [p50, p99, most] = [quantile(took, 0.5), quantile(took, 0.99), Math.max(...took)].map((ms) => ms.toFixed(1));
    const over = Math.max(...excess);
    print(
      `remote hung, budget ${BUDGET_MS} ms, 100 evaluations: p50 ${p50}, p99 ${p99}, max ${most} ms; ` +
        `at most ${over.toFixed(1)} ms later than a bare timer`,
    );
    expect(quantile(took, 0.5)).toBeLessThan(BUDGET_MS + NOISE_MS / 4);
    expect(over).toBeLessThan(NOISE_MS);
  }, 60_000);

  it('costs nothing after 5 failures, gets one trial after 30 s, and is used again when that succeeds', async () => {
    const { evaluator, heal, questions, breaker } = await start('budgeted');
    for (let i = 0; i < 5; i++) await latency(evaluator);
    expect(breaker()).toBe('open');
    const opened = performance.now();
    const took: number[] = [];
    while (performance.now() - opened < 29_500) {
      for (let i = 0; i < 10; i++) took.push(await latency(evaluator));
      await pause(100);
    }
    expect(questions()).toBe(5);
    expect(quantile(took, 0.99)).toBeLessThan(NOISE_MS / 4);
    await pause(30_050 - (performance.now() - opened));
    const trial = latency(evaluator);
    expect(breaker()).toBe('half-open');
    await Promise.all([latency(evaluator), latency(evaluator), trial]);
    expect(questions()).toBe(6);
    expect(breaker()).toBe('open');
    const p99 = quantile(took, 0.99).toFixed(3);
    print(`breaker: open after 5 questions; ${took.length} evaluations while open, p99 ${p99} ms; 1 trial after 30 s`);
    heal();
    await pause(30_050);
    expect(await evaluator.evaluate('broken', PRO, 'default')).toMatchObject({ value: 'remote' });
    expect(breaker()).toBe('closed');
  }, 90_000);

  it('leaves the answers of flags that are decided here as quick as they were', async () => {
    const { evaluator } = await start({
      budgetMs: BUDGET_MS,
      failureThreshold: 1_000_000,
      maxPerSecond: 1_000_000,
      maxConcurrent: 8,
    });
    /** Microseconds of 100 evaluations, again and again, while `inFlight` questions hang. */
    const measure = async (inFlight: number): Promise<number[]> => {
      const batches: number[] = [];
      let isOver = false;
      const asking = Array.from({ length: inFlight }, async () => {
        while (!isOver) await evaluator.evaluate('broken', PRO, 'default');
      });
      for (let tick = 0; tick < 40; tick++) {
        for (let batch = 0; batch < 50; batch++) {
          const before = performance.now();
          for (let i = 0; i < 100; i++) evaluator.evaluate('rule', PRO, 'default', 'string');
          batches.push((performance.now() - before) * 1_000);
        }
        await pause(1);
      }
      isOver = true;
      await Promise.all(asking);
      return batches;
    };
    await measure(8);
    const alone: number[] = [];
    const beside: number[] = [];
    // Pairs in turn, and the median over them: a neighbour on the machine disturbs both alike.
    for (let round = 0; round < 30; round++) {
      alone.push(quantile(await measure(0), 0.99));
      beside.push(quantile(await measure(8), 0.99));
    }
    const [p99Alone, p99Beside] = [quantile(alone, 0.5), quantile(beside, 0.5)];
    const ratio = p99Beside / p99Alone;
    print(
      `local answers, p99 of 100: ${p99Alone.toFixed(1)} µs alone, ${p99Beside.toFixed(1)} µs beside 8 hung questions: ${ratio.toFixed(2)} ×`,
    );
    // The figure is 1.10; a shared machine adds its own.
    expect(ratio).toBeLessThan(1.5);
  }, 120_000);
});
