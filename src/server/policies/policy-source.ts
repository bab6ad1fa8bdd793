/** A folder of policies, read again when it changes; what was good stays in force while it is broken. */

import { EdictError } from '../../errors.ts';
import type { Sha256 } from '../../internal/sha256.ts';
import type { Clock } from '../../options/clock.ts';
import { FolderWatch } from '../../policy-engine/folder-watch.ts';
import { readFolder } from '../../policy-engine/policy-folder.ts';
import type { Body } from '../answer.ts';
import { type PublishedPolicies, publishDocument } from './publish-document.ts';
import { readResourceFiles } from './resource-files.ts';

/** What happens to the policies of a relay. */
export type PolicyEvent =
  | { readonly type: 'policies-changed'; readonly revision: string }
  /** Something in the folder is not served; the message says where and why. */
  | { readonly type: 'policy-refused'; readonly message: string }
  | { readonly type: 'policies-failed'; readonly message: string };

export interface PolicySourceOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly debounceMs: number;
  readonly checkIntervalMs: number;
  readonly listener: (event: PolicyEvent) => void;
}

/** Contents of this many states stay to be had: a client may be in the middle of fetching what an older one named. */
const KEPT_STATES = 3;

export class PolicySource {
  readonly #options: PolicySourceOptions;
  readonly #watch: FolderWatch;
  #states: readonly PublishedPolicies[] = [];
  #failure: string | undefined;
  #told = '';
  #reading: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: PolicySourceOptions) {
    this.#options = options;
    this.#watch = new FolderWatch(options.folder, options, () => void this.reload());
  }

  /** Rejects with `INVALID_POLICIES` when the folder cannot be read. */
  async start(): Promise<void> {
    // Watched before it is read: what changes meanwhile is read again.
    await this.#watch.start();
    await this.reload();
    if (this.#states.length === 0) throw new EdictError('INVALID_POLICIES', this.#failure ?? 'nothing was read');
  }

  /** One read after the other; never rejects. */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  close(): void {
    this.#isClosed = true;
    this.#watch.close();
  }

  /** The state in force; there is one once `start` has resolved. */
  get current(): PublishedPolicies {
    return this.#states[0] as PublishedPolicies;
  }

  /** Why the folder is not in force as it is now. */
  get failure(): string | undefined {
    return this.#failure;
  }

  content(kind: 'modules' | 'manifests' | 'resources', digest: Sha256): Body | undefined {
    for (const state of this.#states) {
      const found = state[kind].get(digest);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #read(): Promise<void> {
    if (this.#isClosed) return;
    const { folder } = this.#options;
    try {
      await this.#watch.settle();
      const read = await readFolder(folder);
      if ('fault' in read) throw new Error(read.fault);
      const { document, contents } = await readResourceFiles(folder, read.document);
      this.#take(publishDocument({ ...read, document }, contents));
    } catch (caught) {
      this.#fail((caught as Error).message);
    }
  }

  #take(next: PublishedPolicies): void {
    this.#failure = undefined;
    const told = next.problems.join('\n');
    if (told !== this.#told) for (const message of next.problems) this.#tell({ type: 'policy-refused', message });
    this.#told = told;
    const [before] = this.#states;
    if (before !== undefined && JSON.stringify(before.document) === JSON.stringify(next.document)) return;
    this.#states = [next, ...this.#states].slice(0, KEPT_STATES);
    if (before !== undefined) this.#tell({ type: 'policies-changed', revision: next.revision });
  }

  #fail(message: string): void {
    const isNews = message !== this.#failure;
    this.#failure = message;
    if (isNews && this.#states.length > 0) this.#tell({ type: 'policies-failed', message });
  }

  #tell(event: PolicyEvent): void {
    if (!this.#isClosed) this.#options.listener(event);
  }
}
