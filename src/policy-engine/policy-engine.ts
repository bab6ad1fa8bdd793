/** Policies for a Node service: loads chains, chooses the one of a request, and keeps serving what was good. */

import { EdictError } from '../errors.ts';
import type { Opening, PolicyGate, RequestOrigin } from '../gateway/http/policy-gate.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import { type Clock, systemClock } from '../options/clock.ts';
import type { EdictOptions } from '../options/edict-options.ts';
import type { ResolvedOptions } from '../options/resolve.ts';
import { readSpecification } from '../policy/build/read-document.ts';
import type { DecisionLog } from '../policy/decisions/decision-log.ts';
import { jsonFault } from '../policy/manifest/json-fault.ts';
import { type ConfigProblem, problem } from '../policy/model/config-problem.ts';
import { isPolicyFailure } from '../policy/model/failure.ts';
import type { RequestView } from '../policy/model/views.ts';
import { Redactor } from '../policy/params/redactor.ts';
import type { RolloutEvent } from '../policy/rollout/rollout-instance.ts';
import type { Readiness } from '../policy/tenants/readiness.ts';
import type { TenantStatus } from '../policy/tenants/tenant-status.ts';
import { HookRecords } from '../policy-host/recording-policy.ts';
import { ResourceStores } from '../policy-host/resources.ts';
import { PolicyWorkers } from '../policy-workers/policy-workers.ts';
import { consoleLogger, createSafeLogger, type SafeLogger } from '../telemetry/logger.ts';
import { decisionLogOf } from './decisions-options.ts';
import { type ConfigDump, type SelfTestReport, selfTestReport } from './engine-admin.ts';
import { EngineCatalog } from './engine-catalog.ts';
import { allowedOf, exchangeFlagsOf, hostPortsOf, setsOptionsOf, timeoutOf } from './engine-setup.ts';
import { type EngineStatus, statusOf } from './engine-status.ts';
import { EngineTelemetry } from './engine-telemetry.ts';
import { EngineTenants } from './engine-tenants.ts';
import { FolderWatch } from './folder-watch.ts';
import type { PolicyFollower } from './follow-relay.ts';
import { type LoadReport, type RollbackReport, refused } from './load-report.ts';
import type { PolicyEngineOptions } from './options.ts';
import type { PackageStatus } from './package-status.ts';
import { readFolder } from './policy-folder.ts';
import type { PolicyPackage, RefusedPackage } from './policy-package.ts';
import { withFlagGates } from './positions.ts';
import { keyProblems } from './route-key-problems.ts';
import { TenantGate } from './tenant-gate.ts';

const DEBOUNCE_MS = 200;
const CHECK_INTERVAL_MS = 2_000;
const CLOSE_MS = 30_000;

/**
 * Policies in chains, for `policyMiddleware` and `fastifyPolicies`.
 *
 * Until something was loaded, and after `close()`, every request is refused with 503; so is a route whose policies cannot be
 * had. A request that no route is declared for is not the engine's: see `unknownRoute` of the middleware.
 *
 * @example
 * const engine = new PolicyEngine();
 * await engine.load('policies');
 * app.use(policyMiddleware(engine));
 */
export class PolicyEngine implements PolicyGate {
  readonly #options: PolicyEngineOptions;
  readonly #clock: Clock;
  readonly #logger: SafeLogger;
  readonly #catalog: EngineCatalog;
  readonly #records: HookRecords | undefined;
  readonly #redactor = new Redactor();
  readonly #decisions: DecisionLog | undefined;
  readonly #tenants: EngineTenants;
  readonly #gate: TenantGate;
  readonly #resources: ResourceStores;
  readonly #telemetry: EngineTelemetry;
  readonly #listeners = new Set<(report: LoadReport) => void>();
  #watch: FolderWatch | undefined;
  #follower: PolicyFollower | undefined;
  #workers: PolicyWorkers | undefined;
  #loading: Promise<unknown> = Promise.resolve();
  #folder: string | undefined;
  #document: JsonValue = null;
  #state: 'not-ready' | 'ready' | 'closed' = 'not-ready';
  #revision = '';
  #last: LoadReport | undefined;

  /** Throws `INVALID_OPTION`. */
  constructor(options: PolicyEngineOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = createSafeLogger(options.logger ?? consoleLogger);
    this.#records = options.record === undefined ? undefined : new HookRecords(options.record);
    this.#resources = options.host?.resources ?? new ResourceStores();
    const { tenants = {}, decisions, onHook } = options;
    const flags = exchangeFlagsOf(options);
    this.#catalog = new EngineCatalog({
      natives: (options.policies ?? []).map(({ entry }) => entry),
      trusted: new Set(options.trustedModules),
      allowed: allowedOf(options),
      ports: hostPortsOf(options, { clock: this.#clock, logger: this.#logger, resources: this.#resources, flags }),
      records: this.#records,
      workers: () => {
        this.#workers ??= new PolicyWorkers({ clock: this.#clock });
        return this.#workers;
      },
      clock: this.#clock,
      ...(options.catalogue === false ? {} : { shipped: { clock: this.#clock } }),
    });
    this.#decisions =
      decisions &&
      decisionLogOf(decisions, {
        clock: this.#clock,
        redactor: this.#redactor,
        warn: (line) => this.#logger.warn(line),
      });
    const sets = {
      catalog: this.#catalog,
      clock: this.#clock,
      redactor: this.#redactor,
      onRollback: (event: RolloutEvent) => this.#rolledBack(event),
    };
    this.#tenants = new EngineTenants(tenants, {
      clock: this.#clock,
      catalog: this.#catalog,
      sets: setsOptionsOf(options, sets, flags),
      decisions: this.#decisions,
      redactor: this.#redactor,
      hasSecrets: options.secret !== undefined || (options.envNames ?? []).length > 0,
    });
    this.#telemetry = new EngineTelemetry({
      meter: options.meter,
      tracer: options.tracer,
      logger: this.#logger,
      monotonic: () => this.#clock.monotonic(),
      now: () => this.#clock.now(),
      modules: () => this.#catalog.describe(),
      facts: () => ({
        status: this.describe(),
        workers: this.#workers?.describe(),
        registry: this.#tenants.registry.describe(),
        decisions: this.#decisions?.describe(),
      }),
    });
    this.#gate = new TenantGate(
      {
        clock: this.#clock,
        timeoutMs: timeoutOf(options),
        tellsInputs: decisions?.inputs === true,
        decisionKey: tenants.decisionKey,
        onHook,
        integrityHeaders: options.integrityHeaders ?? 'drop',
        telemetry: this.#telemetry,
      },
      this.#tenants.routes,
      this.#tenants.registry,
      this.#decisions,
    );
  }

  /**
   * Loads a folder (its path: `policies.yaml` and a folder for each module) or a configuration document, in place of what was
   * loaded before; a folder is watched from then on. What is wrong with one route is in the report and closes that route.
   *
   * Rejects with `INVALID_POLICIES` when nothing could be used and nothing serves.
   */
  async load(source: string | JsonValue): Promise<LoadReport> {
    this.#folder = typeof source === 'string' ? source : undefined;
    if (typeof source !== 'string') {
      void this.#stopWatching();
      return this.#first(await this.#inTurn(() => this.#activate(source, [], [])));
    }
    // Watched before it is read: what changes meanwhile is read again.
    if (this.#options.watch === false) void this.#stopWatching();
    else await this.#startWatching(source);
    const report = await this.#inTurn(() => this.#readFolder(source));
    if (this.#state !== 'ready') void this.#stopWatching();
    return this.#first(report);
  }

  /**
   * Follows the policies of a relay, in place of what was loaded before: with the options of a provider, of which `endpoint` is
   * required; `policies` names tenants, `cacheDir` keeps what was good for a start without the relay.
   *
   * Resolves when policies of the relay, or else of the cache, are in use. Rejects with the error of the relay when there are
   * neither within `initTimeoutMs`; it is asked on all the same, and every request is refused until it answers.
   */
  follow(relay: EdictOptions): Promise<PolicyFollower>;
  /** @internal */
  follow(relay: EdictOptions | ResolvedOptions): Promise<PolicyFollower>;
  async follow(relay: EdictOptions | ResolvedOptions): Promise<PolicyFollower> {
    const { followRelay } = await import('./follow-relay.ts');
    if (this.#state === 'closed') throw new EdictError('CLOSED', 'the policy engine is closed');
    void this.#stopWatching();
    const follower = followRelay(relay, this.#options, {
      resources: this.#resources,
      activate: (document, packages, refused) =>
        this.#inTurn(async () => {
          if (this.#follower !== follower) throw new EdictError('CLOSED', 'the relay is followed no more');
          return this.#activate(document, packages, refused);
        }),
    });
    this.#follower = follower;
    await follower.start();
    return follower;
  }

  /** The exchange of a request with the chain of its route. Never throws. */
  open(request: RequestView, origin: RequestOrigin): Opening {
    if (this.#state !== 'ready') return this.#gate.refusal(503, `the policy engine is ${this.#state}`);
    // What a handler takes for a host or for a path: nobody can tell whose policies these are.
    if (/^[/\\]{2}/.test(request.path)) return this.#gate.refusal(400, 'the path begins with two slashes');
    return this.#gate.open(request, origin);
  }

  /** Routes with their positions and counts, modules with their stores, and what was wrong with the last load. */
  describe(): EngineStatus {
    const status = statusOf(this.#state, this.#revision, this.#tenants, this.#catalog, this.#last);
    return { ...status, feed: this.#follower?.describe() };
  }

  /** The status of every tenant: plain JSON, secrets redacted. */
  tenants(): readonly TenantStatus[] {
    return this.#tenants.statuses();
  }

  /** Whether the process should take traffic, and the tenants that keep it from that. */
  readiness(): Readiness {
    const readiness = this.#tenants.registry.readiness();
    const isLoaded = this.#state === 'ready' || (this.#state === 'not-ready' && readiness.mode === 'none');
    return { ...readiness, isReady: readiness.isReady && isLoaded };
  }

  /** What decision events came to: accepted = sent + dropped + pending. Undefined without the option `decisions`. */
  decisions(): JsonObject | undefined {
    return this.#decisions?.describe();
  }

  /**
   * Takes a tenant back to its revision before, or to a named one, of those that are kept. Downloads nothing. The revision
   * that was left is not taken again until the tenant's part of the configuration is another.
   */
  async rollback(tenant: string, revision?: string): Promise<RollbackReport> {
    const failure = await this.#tenants.rollback(tenant, revision);
    const serving = this.#tenants.revision(tenant)?.document.revision ?? null;
    if (failure === undefined) return { outcome: 'active', revision: serving };
    const { code, message } = failure;
    return { outcome: 'refused', revision: serving, code, message: this.#redactor.redact(message) };
  }

  /** Every policy that chains may name, with the schemas of its parameters. */
  packages(): readonly PackageStatus[] {
    return this.#catalog.packages();
  }

  /** Runs the `selfTest` of a policy beside what serves; undefined when there is no such policy. Never rejects. */
  async test(name: string): Promise<SelfTestReport | undefined> {
    const found = await this.#catalog.find({ name, version: undefined });
    return found === undefined || isPolicyFailure(found) ? undefined : selfTestReport(found);
  }

  /** Reads the folder again; undefined where there is none. Never rejects. */
  async refresh(): Promise<LoadReport | undefined> {
    const folder = this.#folder;
    return folder === undefined ? undefined : this.#inTurn(() => this.#readFolder(folder));
  }

  /** The configuration that was taken last, with every secret that it named replaced. */
  configDump(): ConfigDump {
    const { generation } = this.#tenants;
    return { revision: this.#revision, generation, document: this.#redactor.redactJson(this.#document) };
  }

  /**
   * The hooks that were recorded last (option `record`), a line of JSON each, for `edict policy replay`. Secrets of parameters
   * are hidden; what clients and upstreams sent is not.
   */
  records(): readonly string[] {
    return (this.#records?.lines ?? []).map((line) => this.#redactor.redact(line));
  }

  /** Told of every load, good or not, that of a watched folder too. Gives what ends it. */
  onChange(listener: (report: LoadReport) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Requests are refused from now on. Exchanges that have begun end as they would have, and decisions are sent, within
   * `deadlineMs` milliseconds.
   */
  async close(deadlineMs: number = CLOSE_MS): Promise<void> {
    const untilMs = this.#clock.monotonic() + deadlineMs;
    const leftMs = (): number => Math.max(0, untilMs - this.#clock.monotonic());
    this.#state = 'closed';
    const stopped = this.#stopWatching();
    this.#telemetry.close();
    this.#listeners.clear();
    const ended = this.#tenants.registry.close(deadlineMs);
    await Promise.all([this.#loading, stopped]);
    await ended;
    await this.#decisions?.close(leftMs());
    await this.#workers?.close(leftMs());
    await this.#catalog.close();
  }

  #rolledBack(event: RolloutEvent): void {
    const { route, position, candidate, code } = event;
    this.#logger.warn(
      `policies: ${candidate.name} ${candidate.version} at ${position} of ${route} rolled back (${code})`,
    );
    this.#options.onRollback?.(event);
  }

  /** One load after the other, in the order in which they were asked for. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#loading.then(work);
    this.#loading = turn.catch(() => undefined);
    return turn;
  }

  async #readFolder(folder: string): Promise<LoadReport> {
    const began = this.#clock.monotonic();
    const read = await readFolder(folder);
    if ('fault' in read) return this.#told(refused([problem('', read.fault)]), began);
    return this.#activate(read.document, read.packages, read.refused);
  }

  async #activate(
    document: JsonValue,
    packages: readonly PolicyPackage[],
    refusedPackages: readonly RefusedPackage[],
  ): Promise<LoadReport> {
    const began = this.#clock.monotonic();
    const fault = jsonFault(document);
    if (fault !== undefined) return this.#told(refused([problem('', fault)]), began);
    const unfindable = keyProblems(document);
    const gated = withFlagGates(document, this.#options.flags !== undefined);
    const problems = [...unfindable, ...gated.problems];
    if (problems.length > 0) return this.#told(refused(problems), began);
    const specification = readSpecification(gated.document);
    if ('refused' in specification) return this.#told(refused(this.#clean(specification.refused)), began);
    this.#catalog.replace(packages, refusedPackages);
    const taken = await this.#tenants.take(specification, gated.document);
    const { revision } = specification;
    this.#revision = revision;
    this.#document = document;
    if (this.#state === 'not-ready') this.#state = 'ready';
    const { routes } = taken;
    return this.#told({ outcome: 'active', revision, problems: this.#clean(taken.problems), routes }, began);
  }

  #clean(problems: readonly ConfigProblem[]): ConfigProblem[] {
    return problems.map((one) => ({ ...one, message: this.#redactor.redact(one.message) }));
  }

  /** `began`: by the monotonic clock. */
  #told(report: LoadReport, began: number): LoadReport {
    if (this.#state === 'closed') return report;
    this.#last = report;
    this.#telemetry.loaded(report, began);
    for (const { path, code, message } of report.problems) {
      this.#logger.warn(`policies: ${[path, message].filter((part) => part !== '').join(': ')} (${code})`);
    }
    for (const listener of this.#listeners) {
      try {
        listener(report);
      } catch (caught) {
        this.#logger.error(`a listener of the policy engine threw: ${(caught as Error).message}`);
      }
    }
    return report;
  }

  /** A service that could not load its policies must not come up as if it had none. */
  #first(report: LoadReport): LoadReport {
    if (this.#state !== 'not-ready') return report;
    const [first] = report.problems;
    const reason = first === undefined ? 'nothing was loaded' : `${first.path} ${first.message}`.trim();
    throw new EdictError('INVALID_POLICIES', reason);
  }

  async #startWatching(folder: string): Promise<void> {
    void this.#stopWatching();
    if (this.#state === 'closed') return;
    const times = { clock: this.#clock, debounceMs: DEBOUNCE_MS, checkIntervalMs: CHECK_INTERVAL_MS };
    const watch = new FolderWatch(folder, times, () => {
      void this.#inTurn(async () => {
        if (this.#watch !== watch) return;
        await watch.settle();
        await this.#readFolder(folder);
      });
    });
    this.#watch = watch;
    await watch.start();
  }

  /** Ends whatever could change the policies by itself: a watch, or a feed. */
  #stopWatching(): Promise<void> {
    this.#watch?.close();
    this.#watch = undefined;
    const follower = this.#follower;
    this.#follower = undefined;
    return follower?.stop() ?? Promise.resolve();
  }
}
