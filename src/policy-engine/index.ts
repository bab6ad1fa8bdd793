/**
 * Policies in chains for a Node service: native ones and WebAssembly modules, loaded from a folder or a document.
 *
 * @example
 * const engine = new PolicyEngine();
 * await engine.load('policies');
 * createServer((request, response) => middleware(request, response, () => handle(request, response)));
 */

export type {
  DeferredExchange,
  OpenExchange,
  Opening,
  PolicyGate,
  RequestOrigin,
} from '../gateway/http/policy-gate.ts';
export type { RouteOutcome } from '../policy/build/policy-sets.ts';
export type { CanaryOptions } from '../policy/canary/canary.ts';
export type { HookOutcome, HookRecord } from '../policy/chain/decision.ts';
export type { RemoteCaller, RemoteEvaluatorPort } from '../policy/chain/remote-fallback.ts';
export type { Mask } from '../policy/decisions/masks.ts';
export type {
  Action,
  ForwardChunk,
  ImmediateResponse,
  RequestChanges,
  ResponseChanges,
  TerminateChunk,
} from '../policy/model/actions.ts';
export type { ConfigProblem } from '../policy/model/config-problem.ts';
export type { PolicyFailureCode } from '../policy/model/failure.ts';
export { HeaderMap } from '../policy/model/headers.ts';
export type { HookInput, PolicyInfo } from '../policy/model/inputs.ts';
export type { Outcome } from '../policy/model/instance.ts';
export type { RequestView, ResponseView } from '../policy/model/views.ts';
export type { RolloutEvent, RolloutStatus } from '../policy/rollout/rollout-instance.ts';
export type { Readiness } from '../policy/tenants/readiness.ts';
export type { RefusalRule } from '../policy/tenants/refusal.ts';
export type { TenantLimits } from '../policy/tenants/tenant-options.ts';
export type { TenantState } from '../policy/tenants/tenant-state.ts';
export type { TenantStatus } from '../policy/tenants/tenant-status.ts';
export type { PolicyFeedState, PolicyFeedStatus, PolicyOrigin } from '../policy-feed/feed-status.ts';
export type { RecordOptions } from '../policy-host/recording-policy.ts';
export type { HistogramMeter } from '../telemetry/meter.ts';
export type { Tracer } from '../telemetry/tracer.ts';
export type { DecisionsOptions } from './decisions-options.ts';
export type { ConfigDump, SelfTestReport } from './engine-admin.ts';
export type { EngineStatus, RouteStatus } from './engine-status.ts';
export type { PolicyFollower } from './follow-relay.ts';
export type { LoadReport, RollbackReport } from './load-report.ts';
export type { ModulePlaces, ModuleStatus, PolicyTier } from './module-status.ts';
export { type DefinedPolicy, definePolicy, type NativeDefinition, type PolicyHooks } from './native-definition.ts';
export type { PolicyEngineOptions, PolicyHookEvent } from './options.ts';
export type { PackageOrigin, PackageStatus } from './package-status.ts';
export { PolicyEngine } from './policy-engine.ts';
export type { PositionCounts } from './served-route.ts';
export type { TenantsOptions } from './tenants-options.ts';
