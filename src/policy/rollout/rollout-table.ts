/** Rollouts by what they are about: one that goes on unchanged in a new configuration keeps its counts and its verdict. */

import type { Clock } from '../../options/clock.ts';
import type { HeldInstance } from '../build/held-instance.ts';
import { type Hold, InstanceTable } from '../build/instance-table.ts';
import { isPolicyFailure, type PolicyFailure } from '../model/failure.ts';
import { RolloutInstance, type RolloutParts } from './rollout-instance.ts';

/** Two instances that somebody holds, and what becomes of them. */
export interface RolloutSides {
  readonly active: Hold;
  readonly candidate: Hold;
}

/** A rollout with the instance that serves as if there were none. */
export interface HeldRollout extends Hold {
  readonly rollout: RolloutInstance;
  readonly active: HeldInstance;
}

type Given = Omit<RolloutParts, 'active' | 'candidate' | 'release'>;

export class RolloutTable {
  readonly #table: InstanceTable;
  readonly #running = new Map<string, { readonly rollout: RolloutInstance; readonly active: HeldInstance }>();

  constructor(clock: Clock) {
    this.#table = new InstanceTable(clock);
  }

  async acquire(
    key: string,
    given: Given,
    sides: () => Promise<RolloutSides | PolicyFailure>,
  ): Promise<HeldRollout | PolicyFailure> {
    const create = async () => {
      const held = await sides();
      if (isPolicyFailure(held)) return held;
      const { active, candidate } = held;
      const rollout = new RolloutInstance({
        ...given,
        active: active.instance,
        candidate: candidate.instance,
        release: () => {
          active.release();
          candidate.release();
        },
      });
      this.#running.set(key, { rollout, active: active.instance });
      return { instance: rollout, recent: undefined };
    };
    const ended = (): void => void this.#running.delete(key);
    const hold = await this.#table.acquire(key, { policyName: '', create, ended });
    if (isPolicyFailure(hold)) return hold;
    return { ...hold, ...(this.#running.get(key) as { rollout: RolloutInstance; active: HeldInstance }) };
  }
}
