/** Streamed bodies on their way through a chain: each delivery passes every policy, and each stream ends once. */

import type { ForwardChunk, TerminateChunk } from '../model/actions.ts';
import { policyFailure } from '../model/failure.ts';
import type { Chunk, FreshBytes, HookInput } from '../model/inputs.ts';
import type { Outcome, PolicyInstance } from '../model/instance.ts';
import { directionOf, type EndReason, Phase } from '../model/phases.ts';
import { isInstance } from './chain.ts';
import type { HookRun } from './decision.ts';
import type { ChunkStep } from './exchange-steps.ts';
import type { Gathering } from './gathering.ts';
import type { HookCaller } from './hook-caller.ts';
import { andThen, type MaybePromise, visitUntil } from './maybe-promise.ts';
import type { Position } from './position.ts';

/** What the walk shares with its exchange. */
export interface ChunkWalkParts {
  readonly hooks: HookCaller;
  readonly gathering: Gathering;
  readonly input: (part: Partial<HookInput>) => HookInput;
}

/** One for each exchange. None of its methods throws. */
export class ChunkWalk {
  readonly #parts: ChunkWalkParts;
  readonly #streamed = new Set<PolicyInstance>();
  readonly #index = { request: 0, response: 0 };

  constructor(parts: ChunkWalkParts) {
    this.#parts = parts;
  }

  /** One delivery. The index counts deliveries of the side. */
  deliver(
    side: 'request' | 'response',
    positions: readonly Position[],
    given: Omit<Chunk, 'index'>,
  ): MaybePromise<ChunkStep> {
    const { hooks, input } = this.#parts;
    const phase = side === 'request' ? Phase.requestBodyChunk : Phase.responseBodyChunk;
    const chunk: Chunk = { ...given, index: this.#index[side]++ };
    let step: ChunkStep = { data: chunk.data, ends: false, failed: false };
    const isOver = visitUntil(positions, (position) => {
      if (isInstance(position.instance)) this.#streamed.add(position.instance);
      const run = hooks.beginHook();
      const { data } = step;
      const outcome = hooks.call(position, phase, input({ chunk: { ...chunk, data }, usage: run }));
      return andThen(outcome, (answer) => {
        step = this.#take(position, phase, answer, data, run);
        return step.ends;
      });
    });
    return andThen(isOver, (yes) => (yes ? step : { ...step, ends: chunk.endOfStream }));
  }

  /** Whether any streaming policy of a side wants to see more before the held bytes are delivered. */
  needsMore(side: 'request' | 'response', positions: readonly Position[], pending: FreshBytes): MaybePromise<boolean> {
    const phase = side === 'request' ? Phase.needsMoreRequestData : Phase.needsMoreResponseData;
    const input = this.#parts.input({ pending });
    return visitUntil(positions, (position) => {
      const { instance } = position;
      if (!isInstance(instance) || !this.#parts.hooks.mayApply(position, phase, input)) return false;
      // A query that fails counts as "no": bytes that nobody claims go on.
      return andThen(instance.call(phase, input), isYes);
    });
  }

  /** Instances that saw a chunk hook hear of the end once. */
  end(streamId: number, reason: EndReason): void {
    for (const instance of this.#streamed) instance.streamEnd?.(streamId, reason);
    this.#streamed.clear();
  }

  #take(position: Position, phase: Phase, outcome: Outcome, data: Uint8Array, run: HookRun): ChunkStep {
    const { hooks, gathering } = this.#parts;
    let failure = outcome.kind === 'failure' ? outcome : undefined;
    if (outcome.kind === 'action') {
      const fault = gathering.fault(position, phase, outcome.action);
      if (fault === undefined) {
        const action = outcome.action as ForwardChunk | TerminateChunk;
        gathering.take(action, directionOf(phase));
        hooks.tell(position, phase, 'changed', run);
        return { data: action.body ?? data, ends: action.kind === 'terminate', failed: false };
      }
      failure = policyFailure('ACTION_INVALID', fault);
    } else failure ??= gathering.takeEffects(position, outcome, directionOf(phase));
    if (failure === undefined) {
      hooks.tellNothing(position, phase, outcome, run);
      return { data, ends: false, failed: false };
    }
    hooks.tell(position, phase, 'failed', run, failure);
    if (position.failureMode === 'open') return { data, ends: false, failed: false };
    return { data: new Uint8Array(0), ends: true, failed: true };
  }
}

function isYes(outcome: Outcome): boolean {
  return outcome.kind === 'decision' && outcome.needsMore;
}
