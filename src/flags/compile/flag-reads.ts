/** What one flag reads of a context: the slots to project and the top-level names its tree needs. */

export class FlagReads {
  readonly slots = new Set<number>();
  readonly roots = new Set<string>();
  allRoots = false;
  time = false;
  /** A percentage or progressive rollout hashes the targeting key (and not a bucketingKey). */
  hashesTargetingKey = false;

  /** Notes the slot and gives it back. */
  slot(slot: number): number {
    this.slots.add(slot);
    return slot;
  }

  root(name: string): void {
    this.roots.add(name);
  }

  get tree(): boolean {
    return this.allRoots || this.roots.size > 0;
  }

  clear(): void {
    this.slots.clear();
    this.roots.clear();
    this.allRoots = false;
    this.time = false;
    this.hashesTargetingKey = false;
  }
}
