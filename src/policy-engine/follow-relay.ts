/** Policies of a relay for an engine. */

import type { JsonValue } from '../internal/json.ts';
import type { EdictOptions } from '../options/edict-options.ts';
import { isResolved, type ResolvedOptions, resolveOptions } from '../options/resolve.ts';
import type { PolicyFeedStatus } from '../policy-feed/feed-status.ts';
import { PolicyFeed } from '../policy-feed/policy-feed.ts';
import type { ResourceStores } from '../policy-host/resources.ts';
import type { LoadReport } from './load-report.ts';
import type { PolicyEngineOptions } from './options.ts';
import { type PolicyPackage, packageOf, type RefusedPackage } from './policy-package.ts';

/** A relay that an engine follows. */
export interface PolicyFollower {
  /** Asks the relay now. Never rejects. */
  refresh(): Promise<'changed' | 'unchanged' | 'held' | 'failed'>;
  /** Asks no more; what serves goes on. */
  stop(): Promise<void>;
  describe(): PolicyFeedStatus;
}

/** What a follower does to its engine. */
export interface FollowedEngine {
  readonly resources: ResourceStores;
  activate(
    document: JsonValue,
    packages: readonly PolicyPackage[],
    refused: readonly RefusedPackage[],
  ): Promise<LoadReport>;
}

/** Throws `INVALID_OPTION`. Logger and clock are the engine's unless the options of the relay have others. */
export function followRelay(
  relay: EdictOptions | ResolvedOptions,
  { logger, clock }: PolicyEngineOptions,
  engine: FollowedEngine,
): PolicyFollower & { start(): Promise<void> } {
  const own = { ...(logger === undefined ? {} : { logger }), ...(clock === undefined ? {} : { clock }) };
  // Options that a provider has checked stay the object they are: a copy would be checked, and warned about, again.
  const options = resolveOptions(isResolved(relay) ? relay : { ...own, ...relay });
  return new PolicyFeed(options, {
    resources: engine.resources,
    activate: (document, modules, refused) =>
      engine.activate(
        document,
        modules.map(({ manifest, bytes, moduleDigest }) => packageOf(manifest, bytes, moduleDigest)),
        refused.map(({ name, moduleDigest, failure }) => ({ folder: moduleDigest, name, moduleDigest, failure })),
      ),
  });
}
