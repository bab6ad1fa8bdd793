/** What the policies of one exchange gather beside the message, and whether an action of theirs may be taken at all. */

import type { Action, Effects } from '../model/actions.ts';
import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { Outcome } from '../model/instance.ts';
import type { Direction, Phase } from '../model/phases.ts';
import type { Gathered } from '../model/views.ts';
import { actionFault } from '../reduce/check-action.ts';
import { foldGathered } from '../reduce/fold.ts';
import { metadataFault } from '../reduce/metadata.ts';
import type { Position } from './position.ts';

/** One for each exchange. */
export class Gathering {
  #now: Gathered;

  constructor(now: Gathered) {
    this.#now = now;
  }

  get now(): Gathered {
    return this.#now;
  }

  /** Why an action may not be applied now. */
  fault({ grants }: Position, phase: Phase, action: Action): string | undefined {
    return (
      actionFault(action, phase, grants) ??
      metadataFault(this.#now.metadata, action.metadataPatch, grants.metadataWrites)
    );
  }

  /** What an action says beside the message. */
  take(action: Action, direction: Direction): void {
    this.#now = foldGathered(this.#now, action, direction);
  }

  /** What a hook did beside an answer that changes nothing; a failure when it may not. */
  takeEffects({ grants }: Position, outcome: Outcome, direction: Direction): PolicyFailure | undefined {
    const effects: Effects | undefined = outcome.kind === 'none' ? outcome.effects : undefined;
    if (effects === undefined) return undefined;
    const fault = metadataFault(this.#now.metadata, effects.metadataPatch, grants.metadataWrites);
    if (fault !== undefined) return policyFailure('ACTION_INVALID', fault);
    this.#now = foldGathered(this.#now, effects, direction);
    return undefined;
  }
}
