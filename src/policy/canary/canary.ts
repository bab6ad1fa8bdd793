/**
 * What a new instance has to pass before its route may serve: the self tests of its manifest, and what its predecessor was
 * asked lately, with its own parameters and without effects (spec/policies.md §4.8).
 */

import type { Clock } from '../../options/clock.ts';
import type { CatalogEntry } from '../build/catalog.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { DryRun, ExchangeFacts, HookInput } from '../model/inputs.ts';
import type { InstanceInit, Outcome, PolicyInstance } from '../model/instance.ts';
import type { Phase } from '../model/phases.ts';
import { type ActionGrants, actionFault } from '../reduce/check-action.ts';
import { RECORD_LIMITS, RecentInputs, type RecordBudget, type RecordedExchange } from './recent-inputs.ts';
import { runSelfTest } from './self-test.ts';

/** How much is tried. */
export interface CanaryOptions {
  /** Inputs that a serving instance keeps for its successor, at most 100; 0 keeps none. Default 100. */
  readonly recordedInputs?: number;
  /** Run the self tests of manifests. Default true. */
  readonly selfTests?: boolean;
  /** Refuse what takes more than twice the time of its predecessor. Default true. */
  readonly isTimed?: boolean;
}

/** No successor is refused for a median below this, whatever its predecessor took: neither a pause nor a cold start is slow. */
export const LATENCY_FLOOR_MS = 2;
const LATENCY_FACTOR = 2;
/** Fewer inputs say nothing about time. */
const MIN_TIMED = 5;
/** The first round warms up and looks for failures; the best of the others counts, so that a pause of the process does not. */
const TIMED_ROUNDS = 3;
/** Rounds after the first end when they have taken this long. */
const TIMED_BUDGET_MS = 50;
/** Requests are served meanwhile, so the canary lets them in between. */
const PAUSE_AFTER_MS = 5;
const FAR = 8_640_000_000_000_000;

/** What is tried, and against what. */
export interface CanaryCase {
  readonly entry: CatalogEntry;
  readonly init: InstanceInit;
  readonly grants: ActionGrants;
  /** Of the instance that is to be replaced. */
  readonly recent: readonly RecordedExchange[];
}

/** Verdicts about self tests: they depend on the policy alone, so each is asked for once. */
const verdicts = new WeakMap<CatalogEntry, Promise<PolicyFailure | undefined>>();

export class Canary {
  readonly #clock: Clock;
  readonly #recordedInputs: number;
  readonly #runsSelfTests: boolean;
  readonly #isTimed: boolean;
  readonly #budget: RecordBudget = { maxBytes: RECORD_LIMITS.totalBytes, used: 0 };

  constructor(clock: Clock, options: CanaryOptions = {}) {
    const { recordedInputs = RECORD_LIMITS.inputs, selfTests = true, isTimed = true } = options;
    this.#clock = clock;
    this.#recordedInputs = Math.max(0, Math.min(recordedInputs, RECORD_LIMITS.inputs));
    this.#runsSelfTests = selfTests;
    this.#isTimed = isTimed;
  }

  /** Bytes of inputs that are kept now. */
  get recordedBytes(): number {
    return this.#budget.used;
  }

  /** For an instance that begins to serve; nothing for native policies, whose effects nobody could keep in. */
  recorder({ manifest }: CatalogEntry, { modes }: PolicyInstance): RecentInputs | undefined {
    if (this.#recordedInputs === 0 || manifest.abi === 'native') return undefined;
    return new RecentInputs(modes, this.#recordedInputs, this.#budget);
  }

  /** Why the instance must not serve; `undefined` when it may. Never rejects. */
  async fault(given: CanaryCase): Promise<PolicyFailure | undefined> {
    const { entry } = given;
    if (entry.manifest.abi === 'native') return undefined;
    const tested = this.#runsSelfTests && entry.manifest.selfTest.length > 0 ? await selfTestFault(entry) : undefined;
    return tested ?? (given.recent.length === 0 ? undefined : await this.#replay(given));
  }

  /** In an instance of its own, so that nothing of it is left in the one that will serve. */
  async #replay({ entry, init, grants, recent }: CanaryCase): Promise<PolicyFailure | undefined> {
    const instance = await entry.factory.create(init);
    if (isPolicyFailure(instance)) return failed(`it cannot be made twice: ${instance.code}: ${instance.message}`);
    try {
      return await this.#rounds(instance, grants, recent);
    } finally {
      await instance.destroy();
    }
  }

  async #rounds(
    instance: PolicyInstance,
    grants: ActionGrants,
    recent: readonly RecordedExchange[],
  ): Promise<PolicyFailure | undefined> {
    const before = recent.flatMap(({ inputs }) => inputs.map(({ durationMs }) => durationMs));
    const best = before.map(() => Number.POSITIVE_INFINITY);
    const began = this.#clock.monotonic();
    let pausedAt = began;
    for (let round = 0; round <= TIMED_ROUNDS; round++) {
      const isTrial = round === 0;
      if (!isTrial && (!this.#isTimed || before.length < MIN_TIMED)) break;
      if (round > 1 && this.#clock.monotonic() - began > TIMED_BUDGET_MS) break;
      let at = 0;
      for (const { exchange, inputs } of recent) {
        const trial = { refusals: 0 };
        const facts: ExchangeFacts = { ...exchange, deadline: FAR, dryRun: { trial } };
        for (const { phase, input } of inputs) {
          const refused = trial.refusals;
          const start = this.#clock.monotonic();
          const outcome = await instance.call(phase, { ...input, exchange: facts });
          if (isTrial) {
            const fault = trial.refusals > refused ? undefined : faultOf(outcome, phase, grants);
            if (fault !== undefined) return failed(`recorded input ${at + 1} (phase ${phase}): ${fault}`);
          } else best[at] = Math.min(best[at] ?? 0, this.#clock.monotonic() - start);
          at++;
        }
        endStreams(instance, inputs);
        instance.forget?.(facts);
        if (this.#clock.monotonic() - pausedAt < PAUSE_AFTER_MS) continue;
        await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, 0));
        pausedAt = this.#clock.monotonic();
      }
    }
    return slowness(before, best);
  }
}

async function selfTestFault(entry: CatalogEntry): Promise<PolicyFailure | undefined> {
  let verdict = verdicts.get(entry);
  if (verdict === undefined) {
    verdict = runSelfTests(entry);
    verdicts.set(entry, verdict);
  }
  return verdict;
}

async function runSelfTests(entry: CatalogEntry): Promise<PolicyFailure | undefined> {
  for (const [at, test] of entry.manifest.selfTest.entries()) {
    const dryRun: DryRun = { trial: { refusals: 0 } };
    const { passed, differences } = await runSelfTest(entry, test, dryRun);
    // What depends on an answer from outside cannot be told here.
    if (!passed && dryRun.trial.refusals === 0) return failed(`self test ${at + 1} (${test.phase}): ${differences[0]}`);
  }
  return undefined;
}

function failed(reason: string): PolicyFailure {
  return policyFailure('CANARY_FAILED', reason);
}

function faultOf(outcome: Outcome, phase: Phase, grants: ActionGrants): string | undefined {
  if (outcome.kind === 'failure') return `${outcome.code}: ${outcome.message}`;
  if (outcome.kind !== 'action') return undefined;
  const fault = actionFault(outcome.action, phase, grants);
  return fault === undefined ? undefined : `ACTION_INVALID: ${fault}`;
}

function endStreams(instance: PolicyInstance, inputs: readonly { readonly input: HookInput }[]): void {
  const streams = new Set(inputs.flatMap(({ input: { chunk } }) => (chunk === undefined ? [] : [chunk.streamId])));
  for (const streamId of streams) instance.streamEnd?.(streamId, 'completed');
}

function slowness(before: readonly number[], after: readonly number[]): PolicyFailure | undefined {
  const measured = after.filter(Number.isFinite);
  if (measured.length < MIN_TIMED) return undefined;
  const was = median(before);
  const is = median(measured);
  if (is <= Math.max(LATENCY_FACTOR * was, LATENCY_FLOOR_MS)) return undefined;
  return failed(`it takes ${is.toFixed(3)} ms where its predecessor took ${was.toFixed(3)} ms`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
