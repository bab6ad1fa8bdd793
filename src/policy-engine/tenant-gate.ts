/** Opens an exchange for a request: its route, its tenant, a pass, the revision that serves; or an answer in place of it. */

import { randomUUID } from 'node:crypto';
import type { Opening, RequestOrigin } from '../gateway/http/policy-gate.ts';
import type { Clock } from '../options/clock.ts';
import type { RouteVersion } from '../policy/build/route-version.ts';
import { Chain } from '../policy/chain/chain.ts';
import type { HookRecorder } from '../policy/chain/decision.ts';
import { engineFault } from '../policy/chain/engine-fault.ts';
import { Exchange } from '../policy/chain/exchange.ts';
import type { ExchangePorts } from '../policy/chain/exchange-steps.ts';
import type { DecisionLog } from '../policy/decisions/decision-log.ts';
import { type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import type { ExchangeFacts } from '../policy/model/inputs.ts';
import type { RequestView, ResponseView } from '../policy/model/views.ts';
import type { IntegrityHeaders } from '../policy/reduce/derive.ts';
import type { Resolution } from '../policy/resolve/operation.ts';
import { type TenantHandle, TenantPass } from '../policy/tenants/tenant-handle.ts';
import type { TenantRegistry } from '../policy/tenants/tenant-registry.ts';
import { type EngineTelemetry, publishHook } from './engine-telemetry.ts';
import { exchangeFacts } from './exchange-facts.ts';
import type { ExchangeWatch } from './exchange-watch.ts';
import type { PolicyHookEvent } from './options.ts';
import { deferredExchange, type ResolvingPorts } from './resolved-route.ts';
import { RoutedExchange } from './served-route.ts';
import type { ServedRoute, ServedRoutes } from './served-routes.ts';
import type { ServingRevision } from './tenant-revisions.ts';

export interface GateOptions {
  readonly clock: Clock;
  /** Of each step of an exchange. */
  readonly timeoutMs: number;
  readonly tellsInputs: boolean;
  readonly decisionKey: ((request: RequestView) => string | undefined) | undefined;
  readonly onHook: ((event: PolicyHookEvent) => void) | undefined;
  readonly integrityHeaders: IntegrityHeaders;
  readonly telemetry: EngineTelemetry;
}

/** Nothing stands in the way of a request that is let through although its tenant cannot decide. */
const NO_CHAIN = new Chain({});

/**
 * Hot path: one look-up of the route, one of the tenant, a pass and the exchange; what it adds to a chain is measured by
 * bench/policies/tenants.mjs.
 */
export class TenantGate {
  readonly #options: GateOptions;
  readonly #routes: ServedRoutes;
  readonly #registry: TenantRegistry<ServingRevision>;
  readonly #decisions: DecisionLog | undefined;
  readonly #ports: ExchangePorts;

  constructor(
    options: GateOptions,
    routes: ServedRoutes,
    registry: TenantRegistry<ServingRevision>,
    decisions: DecisionLog | undefined,
  ) {
    const { clock } = options;
    this.#options = options;
    this.#routes = routes;
    this.#registry = registry;
    this.#decisions = decisions;
    this.#ports = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      errorId: () => randomUUID(),
      timeoutMs: options.timeoutMs,
      integrityHeaders: options.integrityHeaders,
    };
  }

  open(request: RequestView, origin: RequestOrigin): Opening {
    const route = this.#routes.find(request);
    if (route === undefined) return undefined;
    const handle = this.#registry.acquire(route.tenant);
    if ('kind' in handle) return this.#withoutTenant(route, handle);
    const opened = this.#open(handle, route, request, origin);
    handle.release();
    return opened;
  }

  refusal(status: number, description: string): ResponseView {
    return engineFault(status, this.#ports.errorId(), description);
  }

  #open(
    handle: TenantHandle<ServingRevision>,
    route: ServedRoute,
    request: RequestView,
    origin: RequestOrigin,
    resolution?: Resolution,
  ): Opening {
    const { revision } = handle;
    // A tenant that is on its way is worth a short wait: a request that comes too early is no request that is refused.
    const arrival = revision === undefined ? handle.arrival(this.#options.timeoutMs) : undefined;
    if (arrival !== undefined) return arrival;
    const version = revision?.route(route.key);
    const closed = revision === undefined ? undefined : closedBy(version);
    if (closed !== undefined) return this.#refused(handle, route, request, origin, closed, true);
    const deferred =
      version === undefined || resolution !== undefined
        ? undefined
        : deferredExchange(version, this.#resolving(version, request, origin));
    if (deferred !== undefined) return deferred;
    const pass = handle.enter();
    if (!(pass instanceof TenantPass))
      return this.#refused(handle, route, request, origin, pass, version === undefined);
    if (revision === undefined || version === undefined) {
      pass.abandon();
      return this.#refused(handle, route, request, origin, NO_ROUTE, true);
    }
    const facts = this.#factsOf(version, request, origin, resolution);
    const watch = this.#options.telemetry.watch(version.chain, facts);
    const ports = { ...this.#ports, record: this.#recorder(route, facts, pass, watch) };
    const { decisionKey, tellsInputs } = this.#options;
    const { bodies } = this.#registry;
    const key = decisionKey === undefined ? undefined : keyOf(decisionKey, request);
    const exchange = new RoutedExchange(
      { version, pass, facts, bodies, tellsInputs, decisionKey: key, watch },
      request,
      ports,
    );
    return { chain: version.chain, exchange, bodies: exchange, maxBodyBytes: revision.limits.bodyBytes };
  }

  /** When the body is there, the tenant is asked again: it may have another revision by then. */
  #resolving(version: RouteVersion, request: RequestView, origin: RequestOrigin): ResolvingPorts {
    return {
      versionOf: (key) => {
        const handle = this.#registry.acquire(version.tenant);
        if ('kind' in handle) return undefined;
        const found = handle.revision?.route(key);
        handle.release();
        return found;
      },
      begin: (key, resolution) => {
        const route = this.#routes.get(key);
        const handle = this.#registry.acquire(version.tenant);
        if ('kind' in handle) return this.refusal(503, `${handle.code}: ${handle.message}`);
        const opened = route && this.#open(handle, route, request, origin, resolution);
        handle.release();
        // A tenant that left between the two is as one that is not ready.
        return opened === undefined || opened instanceof Promise || 'resolve' in opened
          ? this.refusal(503, `${NO_ROUTE.code}: ${NO_ROUTE.message}`)
          : opened;
      },
      unknown: () => this.#options.telemetry.unresolved(this.#factsOf(version, request, origin)),
    };
  }

  #factsOf(
    version: RouteVersion,
    request: RequestView,
    { clientIp }: RequestOrigin,
    resolution?: Resolution,
  ): ExchangeFacts {
    const { clock, timeoutMs } = this.#options;
    return exchangeFacts(version, request, clock.now() + timeoutMs, clientIp, resolution);
  }

  #recorder(
    { counts }: ServedRoute,
    facts: ExchangeFacts,
    pass: TenantPass<ServingRevision>,
    watch: ExchangeWatch | undefined,
  ): HookRecorder {
    const { onHook } = this.#options;
    const { routeName, tenant, requestId } = facts;
    return (record) => {
      pass.record(record);
      counts.add(record);
      watch?.hook(record);
      publishHook(record, facts);
      if (onHook === undefined) return;
      try {
        onHook({ ...record, route: routeName, tenant, requestId });
      } catch {
        // Whoever looks on must not change an answer.
      }
    };
  }

  /** By the rule of the tenant; its decision event says why. */
  #refused(
    handle: TenantHandle<ServingRevision>,
    route: ServedRoute,
    request: RequestView,
    origin: RequestOrigin,
    failure: PolicyFailure,
    isClosed: boolean,
  ): Opening {
    const { decisionKey } = this.#options;
    const key = decisionKey === undefined ? undefined : keyOf(decisionKey, request);
    const version = handle.revision?.route(route.key);
    const requestId = randomUUID();
    const end = { route: version?.name ?? route.key, requestId };
    const { answer } = handle.refuse(failure, key === undefined ? end : { ...end, decisionKey: key }, isClosed);
    if (answer.kind === 'respond' || version === undefined) {
      const view = this.refusal(answer.kind === 'respond' ? answer.status : 503, `${failure.code}: ${failure.message}`);
      if (version !== undefined) this.#told(version, request, origin, view);
      return view;
    }
    const facts = this.#factsOf(version, request, origin);
    return { chain: NO_CHAIN, exchange: new Exchange(NO_CHAIN, facts, request, this.#ports) };
  }

  #told(version: RouteVersion, request: RequestView, origin: RequestOrigin, { status, headers }: ResponseView): void {
    this.#options.telemetry.refused(this.#factsOf(version, request, origin), status, headers.first('x-error-id'));
  }

  /** No record of the tenant could be made, so the decision is told here. */
  #withoutTenant({ tenant, key }: ServedRoute, { code, message }: PolicyFailure): ResponseView {
    const subject = { tenant, labels: {}, revision: undefined };
    const result = { status: 503, shortCircuit: true, reason: code };
    this.#decisions?.record(subject, { route: key, requestId: randomUUID(), records: [], result });
    return this.refusal(503, `${code}: ${message}`);
  }
}

/** Why nobody gets past a route of the revision that serves. */
function closedBy(version: RouteVersion | undefined): PolicyFailure | undefined {
  if (version === undefined) return NO_ROUTE;
  const { refusal } = version;
  return refusal === undefined ? undefined : policyFailure(refusal.code, `${refusal.path}: ${refusal.message}`);
}

const NO_ROUTE = policyFailure('NOT_READY', 'the route is not part of the revision that serves');

function keyOf(of: NonNullable<GateOptions['decisionKey']>, request: RequestView): string | undefined {
  try {
    return of(request);
  } catch {
    return undefined;
  }
}
