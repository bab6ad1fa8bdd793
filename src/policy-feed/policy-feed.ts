/** Follows the policies of a relay: from the cache at first, then whatever the relay says, and never less than was good. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EdictError } from '../errors.ts';
import type { JsonObject } from '../internal/json.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { RelayConnection } from '../relay/connection.ts';
import { ConfigurationFeed } from '../relay/feed.ts';
import type { ConfigurationMeta, FeedEvent, RefreshResult } from '../relay/feed-events.ts';
import { LastKnownGood } from '../relay/last-known-good.ts';
import { ownerOf } from '../relay/last-known-good-owner.ts';
import { StreamClient } from '../relay/stream-client.ts';
import { StreamTrigger } from '../relay/stream-trigger.ts';
import { ContentCache } from './content-cache.ts';
import { ContentDownload } from './content-download.ts';
import { MAX_COMPONENT_BYTES } from './content-kind.ts';
import { ContentStore } from './content-store.ts';
import type { PolicyFeedState, PolicyFeedStatus, PolicyOrigin } from './feed-status.ts';
import { type Activated, digestsOf, PolicyActivation, type PolicyTarget } from './policy-activation.ts';
import { POLICY_STREAM_ROUTE, PolicyClient } from './policy-client.ts';
import { type PolicyDocument, readPolicyDocument } from './policy-document.ts';
import { prefixed } from './prefixed-logger.ts';

/** Contents of one revision come this many at a time, over as many connections. */
const DOWNLOADS = 4;
/** Problems that a report to the relay names. */
const MAX_REPORTED = 20;

/** A document that was read, and waits for what it names. */
interface Staged {
  readonly flagCount: number;
  readonly suspicious: boolean;
  readonly body: Uint8Array;
  readonly document: PolicyDocument;
}

/** One feed lives once: `start`, then `stop`. */
export class PolicyFeed {
  readonly #options: ResolvedOptions;
  readonly #activation: PolicyActivation;
  readonly #connection: RelayConnection;
  readonly #contents: RelayConnection;
  readonly #client: PolicyClient;
  readonly #download: ContentDownload;
  readonly #cache: ContentCache | undefined;
  readonly #lastKnownGood: LastKnownGood | undefined;
  readonly #feed: ConfigurationFeed<Staged>;
  readonly #stream: StreamTrigger | undefined;
  readonly #abort = new AbortController();
  #origin: PolicyOrigin = 'none';
  #revision = '';
  #missing: readonly string[] = [];
  #hasNoPolicies = false;
  #hasStarted = false;

  /** Throws `INVALID_OPTION` without an endpoint. */
  constructor(given: ResolvedOptions, target: PolicyTarget) {
    const { endpoint } = given;
    if (endpoint === undefined)
      throw new EdictError('INVALID_OPTION', 'endpoint: got undefined; policies come from a relay');
    const options = { ...given, endpoint, logger: prefixed(given.logger, 'policies: ') };
    const tenants = given.policies ?? [];
    this.#options = options;
    this.#activation = new PolicyActivation(target);
    this.#connection = new RelayConnection(options);
    const largest = { connections: DOWNLOADS, maxWireBytes: MAX_COMPONENT_BYTES };
    this.#contents = new RelayConnection({ ...options, ...largest });
    this.#client = new PolicyClient(this.#connection, tenants);
    this.#download = new ContentDownload(this.#contents, options);
    const { cacheDir } = given;
    if (cacheDir !== undefined) {
      this.#cache = new ContentCache(cacheDir, options.logger);
      this.#lastKnownGood = new LastKnownGood({
        ...options,
        // Whose configuration it is: two tenants may share a cache, and modules are the same for all.
        flagList: tenants,
        flagPrefix: OWNER,
        persistPath: configurationFile(cacheDir, options, tenants),
      });
    }
    // Whatever the flags of this relay are filtered by, and whatever no flags mean, is no matter of policies.
    const feedOptions = { ...options, contents: 'routes', emptyConfiguration: 'guarded', flagList: [] } as const;
    this.#feed = new ConfigurationFeed<Staged>(feedOptions, {
      fetch: (validator) => this.#fetch(validator),
      compile: async (body) => stage(body),
      publish: (staged, meta) => this.#publish(staged, meta),
      flagsInUse: () => this.#activation.routeCount,
      onEvent: (event) => this.#heard(event),
      onConfirmed: () => this.#confirmed(),
    });
    if (given.streaming === 'sse') {
      const client = new StreamClient(new RelayConnection(options), POLICY_STREAM_ROUTE);
      this.#stream = new StreamTrigger(feedOptions, client, {
        onTrigger: () => this.#feed.trigger(),
        onUp: (isUp) => this.#feed.setStreamUp(isUp),
      });
    }
  }

  /**
   * Resolves when policies of the relay, or else of the cache, are in use; asking goes on from then on. Rejects with the error
   * of the relay when there are neither within `initTimeoutMs`; asking goes on all the same.
   */
  async start(): Promise<void> {
    const known = await this.#loadCached();
    // A cache that lacks something is served as well, but is no reason to give the relay less time.
    const outcome = await this.#feed.start({ hasLocal: known !== undefined, ...(known && { known }) });
    this.#hasStarted = true;
    if (this.#abort.signal.aborted) throw closed();
    this.#stream?.start();
    if (outcome.kind === 'failed' && this.#origin === 'none') throw outcome.error;
  }

  /** Asks the relay now. Never rejects. */
  refresh(): Promise<RefreshResult> {
    return this.#feed.refresh();
  }

  /** Asks no more; what is in use stays in use. Never rejects. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#feed.stop();
    await Promise.all([
      this.#stream?.stop(),
      this.#connection.close(),
      this.#contents.close(),
      this.#lastKnownGood?.idle(),
    ]);
  }

  describe(): PolicyFeedStatus {
    const age = this.#feed.confirmedAgeMs;
    return {
      state: this.#state(),
      origin: this.#origin,
      revision: this.#revision,
      endpoint: this.#connection.endpoint,
      confirmedAgeMs: age === undefined ? null : Math.round(age),
      missing: this.#missing,
      feed: this.#feed.describe(),
      stream: this.#stream?.describe() ?? null,
      downloads: this.#download.describe(),
      cache: this.#cache?.describe() ?? null,
      persisted: this.#lastKnownGood?.describe() ?? null,
    };
  }

  #state(): PolicyFeedState {
    if (this.#abort.signal.aborted) return 'stopped';
    if (this.#hasNoPolicies) return 'no-policies';
    if (this.#origin === 'none') return this.#hasStarted ? 'failed' : 'starting';
    if (this.#origin === 'cache' && this.#feed.confirmedAgeMs === undefined) return 'stale';
    return this.#feed.describe().staleForMs === null ? 'current' : 'stale';
  }

  async #fetch(validator: string | undefined) {
    const result = await this.#client.fetch(validator);
    this.#hasNoPolicies = result.kind === 'failed' && result.error.code === 'NOT_FOUND';
    return result;
  }

  /** What the relay said last, from the disk; its meta when all of it is there, so that the relay is asked for news only. */
  async #loadCached(): Promise<ConfigurationMeta | undefined> {
    const { cacheDir = '' } = this.#options;
    const file = this.#lastKnownGood;
    if (file === undefined) return undefined;
    // What is wrong with the folder is said when something is written to it.
    await mkdir(join(cacheDir, CONFIGURATIONS), { recursive: true, mode: 0o700 }).catch(() => undefined);
    const saved = await file.read();
    if (saved === undefined) return undefined;
    const store = new ContentStore(this.#cache, undefined, this.#abort.signal);
    try {
      const { document } = stage(saved.body);
      const activated = await this.#activation.run(document, saved.meta.digest, store, () => this.#alive());
      this.#take(document, activated, 'cache');
      return activated.missing.length === 0 ? saved.meta : undefined;
    } catch (caught) {
      this.#alive();
      file.refuse(`${(caught as Error).message}; the next configuration of the relay replaces it`);
      return undefined;
    }
  }

  async #publish({ document, body }: Staged, meta: ConfigurationMeta): Promise<void> {
    this.#download.forgetAllBut(digestsOf(document));
    const store = new ContentStore(this.#cache, this.#download, this.#abort.signal);
    const activated = await this.#activation.run(document, meta.digest, store, () => this.#alive());
    this.#take(document, activated, 'relay');
    void this.#client.report(reportOf(document, activated));
    const [first] = activated.missing;
    // The rest serves; the validator stays the old one, so that the relay says it all again.
    if (first !== undefined) throw new EdictError('INVALID_BODY', `not all of the policies could be had: ${first}`);
    this.#lastKnownGood?.save(body, meta);
    await this.#cache?.trim(this.#activation.inUse);
  }

  #take({ revision }: PolicyDocument, { missing }: Activated, origin: PolicyOrigin): void {
    this.#origin = origin;
    this.#revision = revision;
    this.#missing = missing;
  }

  #confirmed(): void {
    this.#origin = 'relay';
    this.#lastKnownGood?.confirm();
  }

  #heard(event: FeedEvent): void {
    if (event.type === 'held')
      this.#options.logger.warn('the relay has no routes any more; looking again before they go');
  }

  #alive(): void {
    if (this.#abort.signal.aborted) throw closed();
  }
}

const CONFIGURATIONS = 'configurations';
/** Parts configurations from those of flags, should both be in one folder. */
const OWNER = 'policies';

function configurationFile(cacheDir: string, options: ResolvedOptions, tenants: readonly string[]): string {
  const owner = ownerOf({ ...options, flagList: tenants, flagPrefix: OWNER });
  return join(cacheDir, CONFIGURATIONS, `${owner}.lkg`);
}

function stage(body: Uint8Array): Staged {
  const document = readPolicyDocument(body);
  return { flagCount: document.routeCount, suspicious: document.suspicious, body, document };
}

/** What became of a document, for the relay: no parameter, no text of a policy. */
function reportOf({ revision }: PolicyDocument, { result, missing }: Activated): JsonObject {
  const counts = { active: 0, kept: 0, closed: 0 };
  for (const outcome of result?.routes.values() ?? []) counts[outcome]++;
  return {
    revision,
    outcome: missing.length === 0 ? 'active' : 'failed',
    routes: result === undefined ? null : counts,
    problems: (result?.problems ?? []).slice(0, MAX_REPORTED).map(({ path, code }) => ({ path, code })),
    missing: [...missing].slice(0, MAX_REPORTED),
  };
}

function closed(): EdictError {
  return new EdictError('CLOSED', 'the policy feed was stopped');
}
