/** What a remote evaluator knows of the relay's configuration: that it changed, and which flags. */

import type { ResolvedOptions } from '../options/resolve.ts';
import { ChangeProbe, changedFlags, type FlagHashes, readFlagHashes } from '../relay/change-probe.ts';
import type { ConfigurationResult } from '../relay/configuration-client.ts';
import type { RelayConnection } from '../relay/connection.ts';

/** The hashes of an answer that is not in use yet. */
export interface StagedHashes {
  readonly flagCount: number;
  readonly suspicious: boolean;
  readonly hashes: FlagHashes;
}

export class RemoteSource {
  readonly #options: ResolvedOptions;
  #probe: ChangeProbe | undefined;
  #hashes: FlagHashes | undefined;
  #hasTold = false;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  /** `undefined` where there is no change feed. */
  get flagCount(): number | undefined {
    return this.#hashes?.size;
  }

  get hasFeed(): boolean {
    return this.#hashes !== undefined;
  }

  /** Begins to follow another connection. */
  follow(connection: RelayConnection): void {
    this.#probe = new ChangeProbe(connection);
    this.#hasTold = false;
  }

  /** A server without the route is as good as one where nothing changes. Never rejects. */
  async ask(validator: string | undefined): Promise<ConfigurationResult> {
    const result = (await this.#probe?.ask(validator)) ?? { kind: 'no-feed' };
    if (result.kind !== 'no-feed') return result;
    if (!this.#hasTold) {
      this.#hasTold = true;
      this.#options.logger.warn(
        'the server has no /v1/flag/change (404): either the base path of endpoint is wrong, or it speaks OFREP and nothing ' +
          'more; flags are evaluated, but their changes are not told',
      );
    }
    return { kind: 'unchanged' };
  }

  /** Throws `EdictError` INVALID_BODY. */
  stage(body: Uint8Array): StagedHashes {
    const hashes = readFlagHashes(body);
    return { flagCount: hashes.size, suspicious: false, hashes };
  }

  /** Gives the flags that changed, of those this service asks for; none the first time. */
  publish({ hashes }: StagedHashes): readonly string[] {
    const before = this.#hashes;
    this.#hashes = hashes;
    if (before === undefined) return [];
    const { flagList, flagPrefix = '' } = this.#options;
    return changedFlags(before, hashes).filter(
      (key) => key.startsWith(flagPrefix) && (flagList.length === 0 || flagList.includes(key)),
    );
  }

  drop(): void {
    this.#hashes = undefined;
  }
}
