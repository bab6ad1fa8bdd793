/** Policies for a Node service: loads chains, chooses the one of a request, and keeps serving what was good. */

import { randomUUID } from 'node:crypto';
import { EdictError } from '../errors.ts';
import type { OpenExchange, PolicyGate, RequestOrigin } from '../gateway/http/policy-gate.ts';
import type { JsonValue } from '../internal/json.ts';
import { type Clock, systemClock } from '../options/clock.ts';
import { type ActivationReport, PolicySets } from '../policy/build/policy-sets.ts';
import type { HookRecorder } from '../policy/chain/decision.ts';
import { engineFault } from '../policy/chain/engine-fault.ts';
import type { ExchangePorts } from '../policy/chain/exchange-steps.ts';
import { jsonFault } from '../policy/manifest/json-fault.ts';
import { type ConfigProblem, problem } from '../policy/model/config-problem.ts';
import type { ExchangeFacts } from '../policy/model/inputs.ts';
import type { RequestView, ResponseView } from '../policy/model/views.ts';
import type { RolloutEvent } from '../policy/rollout/rollout-instance.ts';
import { parseCapabilities } from '../policy-host/capabilities.ts';
import { ExchangeFlags, flagSourceOf } from '../policy-host/exchange-flags.ts';
import { MemoryKv } from '../policy-host/kv/memory-kv.ts';
import type { HostPorts } from '../policy-host/ports.ts';
import { HookRecords } from '../policy-host/recording-policy.ts';
import { PolicyWorkers } from '../policy-workers/policy-workers.ts';
import { consoleLogger, createSafeLogger, type SafeLogger } from '../telemetry/logger.ts';
import { DEFAULT_ALLOWED } from './defaults.ts';
import { EngineCatalog } from './engine-catalog.ts';
import { type EngineStatus, statusOf } from './engine-status.ts';
import { FolderWatch } from './folder-watch.ts';
import type { LoadReport } from './load-report.ts';
import type { PolicyEngineOptions, PolicyHookEvent } from './options.ts';
import { readFolder } from './policy-folder.ts';
import type { PolicyPackage, RefusedPackage } from './policy-package.ts';
import { routeKeys, withFlagGates } from './positions.ts';
import { RouteTable } from './route-table.ts';
import { RouteCounts, RoutedExchange, type ServedRoute } from './served-route.ts';

const DEBOUNCE_MS = 200;
const CHECK_INTERVAL_MS = 2_000;
const MAX_CHAIN_TIMEOUT_MS = 30_000;

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
  readonly #sets: PolicySets;
  readonly #ports: ExchangePorts;
  readonly #timeoutMs: number;
  readonly #listeners = new Set<(report: LoadReport) => void>();
  #counts = new Map<string, RouteCounts>();
  #table = new RouteTable<ServedRoute>([]);
  #watch: FolderWatch | undefined;
  #workers: PolicyWorkers | undefined;
  #loading: Promise<unknown> = Promise.resolve();
  #state: 'not-ready' | 'ready' | 'closed' = 'not-ready';
  #last: LoadReport | undefined;

  /** Throws `INVALID_OPTION`. */
  constructor(options: PolicyEngineOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = createSafeLogger(options.logger ?? consoleLogger);
    this.#timeoutMs = timeoutOf(options);
    const { flags, targetingKeyHeader } = options;
    if (flags?.isRemote === true) {
      throw new EdictError('INVALID_OPTION', 'flags must be decided in this process: give an InProcessEvaluator');
    }
    this.#records = options.record === undefined ? undefined : new HookRecords(options.record);
    const exchangeFlags = flags === undefined ? undefined : exchangeFlagsOf(options);
    this.#catalog = new EngineCatalog({
      natives: (options.policies ?? []).map(({ entry }) => entry),
      trusted: new Set(options.trustedModules),
      allowed: allowedOf(options),
      ports: this.#hostPorts(exchangeFlags),
      records: this.#records,
      workers: () => {
        this.#workers ??= new PolicyWorkers({ clock: this.#clock });
        return this.#workers;
      },
    });
    this.#sets = new PolicySets({
      catalog: this.#catalog,
      clock: this.#clock,
      ...(options.canary === undefined ? {} : { canary: options.canary }),
      ...(options.remote === undefined ? {} : { remote: options.remote }),
      onRollback: (event) => this.#rolledBack(event),
      templates: {
        env: (name) => process.env[name],
        envNames: options.envNames ?? [],
        ...(options.secret === undefined ? {} : { secret: options.secret }),
      },
      conditions: {
        ...(targetingKeyHeader === undefined ? {} : { targetingHeader: targetingKeyHeader }),
        ...(exchangeFlags === undefined
          ? {}
          : {
              flags: {
                evaluate: (kind, key, _targetingKey, _exchange, input) => {
                  const { value } = exchangeFlags.resolve(input, key);
                  return typeof value === kind ? (value as boolean | string | number) : undefined;
                },
              },
            }),
      },
    });
    this.#ports = {
      now: () => this.#clock.now(),
      monotonic: () => this.#clock.monotonic(),
      errorId: () => randomUUID(),
    };
  }

  /**
   * Loads a folder (its path: `policies.yaml` and a folder for each module) or a configuration document, in place of what was
   * loaded before; a folder is watched from then on. What is wrong with one route is in the report and closes that route.
   *
   * Rejects with `INVALID_POLICIES` when nothing could be used and nothing serves.
   */
  async load(source: string | JsonValue): Promise<LoadReport> {
    if (typeof source !== 'string') {
      this.#stopWatching();
      return this.#first(await this.#inTurn(() => this.#activate(source, [], [])));
    }
    // Watched before it is read: what changes meanwhile is read again.
    if (this.#options.watch === false) this.#stopWatching();
    else await this.#startWatching(source);
    const report = await this.#inTurn(() => this.#readFolder(source));
    if (this.#state !== 'ready') this.#stopWatching();
    return this.#first(report);
  }

  /** The exchange of a request with the chain of its route. Never throws. */
  open(request: RequestView, { clientIp }: RequestOrigin): OpenExchange | ResponseView | undefined {
    if (this.#state !== 'ready') return this.#refusal(503, `the policy engine is ${this.#state}`);
    // What a handler takes for a host or for a path: nobody can tell whose policies these are.
    if (/^[/\\]{2}/.test(request.path)) return this.#refusal(400, 'the path begins with two slashes');
    const route = this.#table.find(request.method, request.path, request.authority);
    if (route === undefined) return undefined;
    const { version, counts } = route;
    const { refusal } = version;
    if (refusal !== undefined) return this.#refusal(503, `${refusal.path}: ${refusal.message}`);
    const traceparent = request.headers.first('traceparent');
    const facts: ExchangeFacts = {
      requestId: randomUUID(),
      routeName: version.name,
      tenant: version.tenant,
      api: version.api,
      deadline: this.#clock.now() + this.#timeoutMs,
      ...(clientIp === undefined ? {} : { clientIp }),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    const ports = { ...this.#ports, record: this.#recorder(counts, facts) };
    return { chain: version.chain, exchange: new RoutedExchange(version, facts, request, ports) };
  }

  /** Routes with their positions and counts, modules with their stores, and what was wrong with the last load. */
  describe(): EngineStatus {
    return statusOf(this.#state, this.#sets, this.#catalog, this.#counts, this.#last);
  }

  /**
   * The hooks that were recorded last (option `record`), a line of JSON each, for `edict policy replay`. Secrets of parameters
   * are hidden; what clients and upstreams sent is not.
   */
  records(): readonly string[] {
    return (this.#records?.lines ?? []).map((line) => this.#sets.redactor.redact(line));
  }

  /** Told of every load, good or not, that of a watched folder too. Gives what ends it. */
  onChange(listener: (report: LoadReport) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Requests are refused from now on; exchanges that have begun end as they would have. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#stopWatching();
    this.#listeners.clear();
    await this.#loading;
    this.#sets.close();
    await this.#workers?.close();
  }

  #rolledBack(event: RolloutEvent): void {
    const { route, position, candidate, code } = event;
    this.#logger.warn(
      `policies: ${candidate.name} ${candidate.version} at ${position} of ${route} rolled back (${code})`,
    );
    this.#options.onRollback?.(event);
  }

  #recorder(counts: RouteCounts, { routeName, tenant, requestId }: ExchangeFacts): HookRecorder {
    const { onHook } = this.#options;
    if (onHook === undefined) return (record) => counts.add(record);
    return (record) => {
      counts.add(record);
      const event: PolicyHookEvent = { ...record, route: routeName, tenant, requestId };
      try {
        onHook(event);
      } catch {
        // Whoever looks on must not change an answer.
      }
    };
  }

  #refusal(status: number, description: string): ResponseView {
    return engineFault(status, this.#ports.errorId(), description);
  }

  /** One load after the other, in the order in which they were asked for. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#loading.then(work);
    this.#loading = turn.catch(() => undefined);
    return turn;
  }

  async #readFolder(folder: string): Promise<LoadReport> {
    const read = await readFolder(folder);
    if ('fault' in read) return this.#told(refused([problem('', read.fault)]));
    return this.#activate(read.document, read.packages, read.refused);
  }

  async #activate(
    document: JsonValue,
    packages: readonly PolicyPackage[],
    refusedPackages: readonly RefusedPackage[],
  ): Promise<LoadReport> {
    const fault = jsonFault(document);
    if (fault !== undefined) return this.#told(refused([problem('', fault)]));
    const unfindable = keyProblems(document);
    const gated = withFlagGates(document, this.#options.flags !== undefined);
    const problems = [...unfindable, ...gated.problems];
    if (problems.length > 0) return this.#told(refused(problems));
    this.#catalog.replace(packages, refusedPackages);
    const report = await this.#sets.activate(gated.document);
    if (report.outcome === 'active') this.#serve(report);
    const { outcome, revision, routes } = report;
    return this.#told({ outcome, revision, problems: report.problems, routes });
  }

  #serve({ routes: outcomes }: ActivationReport): void {
    const { routes } = this.#sets.current;
    this.#counts = new Map([...outcomes.keys()].map((key) => [key, this.#counts.get(key) ?? new RouteCounts()]));
    this.#table = new RouteTable(
      [...routes].map(([key, version]) => [key, { version, counts: this.#counts.get(key) ?? new RouteCounts() }]),
    );
    if (this.#state === 'not-ready') this.#state = 'ready';
  }

  #told(report: LoadReport): LoadReport {
    if (this.#state === 'closed') return report;
    this.#last = report;
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
    this.#stopWatching();
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

  #stopWatching(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  #hostPorts(flags: ExchangeFlags | undefined): HostPorts {
    const logger = this.#logger;
    return {
      kv: new MemoryKv(this.#clock),
      log: ({ level, message, tenant, policy }) => {
        const text = `policy ${policy} of ${tenant}: ${message}`;
        if (level === 'error' || level === 'warn' || level === 'info') logger[level](text);
        else logger.debug(text);
      },
      ...(flags === undefined ? {} : { flags }),
      ...this.#options.host,
    };
  }
}

function refused(problems: readonly ConfigProblem[]): LoadReport {
  return { outcome: 'refused', revision: '', problems, routes: new Map() };
}

/** A route that no request could be matched with would be open, however well its chain is built. */
function keyProblems(document: JsonValue): ConfigProblem[] {
  const keys = routeKeys(document);
  const unique = new Map(keys.map(({ key, path }) => [key, path]));
  const { faults } = new RouteTable([...unique.keys()].map((key) => [key, true]));
  return [...faults].map(([key, fault]) => problem(unique.get(key) ?? '', fault));
}

function timeoutOf({ chainTimeoutMs = 1_000 }: PolicyEngineOptions): number {
  if (Number.isFinite(chainTimeoutMs) && chainTimeoutMs >= 1 && chainTimeoutMs <= MAX_CHAIN_TIMEOUT_MS) {
    return chainTimeoutMs;
  }
  throw new EdictError('INVALID_OPTION', `chainTimeoutMs must be from 1 to ${MAX_CHAIN_TIMEOUT_MS}`);
}

function allowedOf({
  allow = DEFAULT_ALLOWED,
}: PolicyEngineOptions): ReturnType<typeof parseCapabilities>['capabilities'] {
  const { capabilities, problems } = parseCapabilities(allow, 'tenant');
  const [first] = problems;
  if (first !== undefined) throw new EdictError('INVALID_OPTION', `allow${first.path} ${first.message}`);
  return capabilities;
}

function exchangeFlagsOf({ flags, targetingKeyHeader }: PolicyEngineOptions): ExchangeFlags {
  const source = flagSourceOf(flags as NonNullable<typeof flags>);
  return new ExchangeFlags(source, targetingKeyHeader === undefined ? {} : { targetingKeyHeader });
}
