/** Which tenants have a metric label of their own: a bounded number, the busiest first; the rest is `other`. */

export const OTHER = 'other';

/**
 * A label that was given stays with its tenant for as long as the tenant is there, so that no series ever goes back. A place
 * that becomes free goes to the next tenant that is seen.
 */
export class MetricLabels {
  readonly #most: number;
  readonly #labelled = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#labelled.size;
  }

  of(tenant: string): string {
    return this.#labelled.has(tenant) ? tenant : OTHER;
  }

  /** Gives free places to the busiest of those without one. */
  rank(requests: Iterable<readonly [tenant: string, count: number]>): void {
    if (this.#labelled.size >= this.#most) return;
    const unlabelled = [...requests].filter(([tenant, count]) => {
      // A tenant that is called so is counted with those it is called after.
      return count > 0 && tenant !== OTHER && !this.#labelled.has(tenant);
    });
    unlabelled.sort(([, left], [, right]) => right - left);
    for (const [tenant] of unlabelled.slice(0, this.#most - this.#labelled.size)) this.#labelled.add(tenant);
  }

  /** The tenant is gone; its series ends. */
  release(tenant: string): void {
    this.#labelled.delete(tenant);
  }
}
