/** Every live instance by what it is made of: asked for twice, made once. */

import type { Clock } from '../../options/clock.ts';
import type { PolicyFailure } from '../model/failure.ts';
import { HeldInstance, type MadeInstance } from './held-instance.ts';

/** One owner's hold on an instance. */
export interface Hold {
  readonly instance: HeldInstance;
  /** At most once. */
  release(force?: boolean): void;
}

/** How an instance is made, and what follows its end. */
export interface Making {
  readonly policyName: string;
  create(): Promise<MadeInstance | PolicyFailure>;
  /** It is destroyed, and no other one has its key. */
  ended?(): void;
}

export class InstanceTable {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Promise<HeldInstance | PolicyFailure>>();
  #live = 0;
  #created = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Instances that are not destroyed yet. */
  get live(): number {
    return this.#live;
  }

  /** Instances that somebody may still ask for; `live` minus this returns to zero when everything has drained. */
  get referenced(): number {
    return this.#entries.size;
  }

  get created(): number {
    return this.#created;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Concurrent askers share one creation; a failed one is forgotten, so that the next asker tries again. */
  async acquire(key: string, making: Making): Promise<Hold | PolicyFailure> {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const created: Promise<HeldInstance | PolicyFailure> = this.#create(key, making, () => created);
      this.#entries.set(key, created);
      entry = created;
    }
    const waiting = entry;
    const instance = await waiting;
    if ('kind' in instance) return instance;
    // Let go by everybody else while this asker waited: it is gone, and another one is made.
    if (this.#entries.get(key) !== waiting) return this.acquire(key, making);
    instance.hold();
    let isHeld = true;
    return {
      instance,
      release: (force = false) => {
        if (!isHeld) return;
        isHeld = false;
        if (instance.release(force) && this.#entries.get(key) === waiting) this.#entries.delete(key);
      },
    };
  }

  async #create(
    key: string,
    making: Making,
    own: () => Promise<HeldInstance | PolicyFailure>,
  ): Promise<HeldInstance | PolicyFailure> {
    const made = await making.create();
    if ('kind' in made) {
      this.#entries.delete(key);
      return made;
    }
    this.#live += 1;
    this.#created += 1;
    return new HeldInstance(making.policyName, made, this.#clock, () => {
      this.#live -= 1;
      const successor = this.#entries.get(key);
      if (successor === undefined || successor === own()) making.ended?.();
    });
  }
}
