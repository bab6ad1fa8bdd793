/** What a policy says about itself: `policy.yaml` as the engine uses it, every default filled in (spec/policies.md §4.2). */

import type { JsonObject } from '../../internal/json.ts';
import type { Scope } from '../model/instance-plan.ts';
import type { ProcessingModes } from '../model/modes.ts';

/** The guest interfaces a module may speak; `native` is TypeScript inside the process. */
export const ABIS = ['edict-core/1', 'edict:policy@0.1.0', 'native'] as const;
export type PolicyAbi = (typeof ABIS)[number];

/** All headers, or those of these names, in lower case. */
export type HeaderSelection = 'all' | readonly string[];

/** The parts of an exchange that are handed to the policy; nothing else is. */
export interface ManifestInputs {
  readonly headers: HeaderSelection;
  readonly body: boolean;
  readonly downstream: boolean;
  readonly upstream: boolean;
  readonly auth: boolean;
  readonly api: boolean;
}

/**
 * Headers each hook writes, for the linter: names, `all`, or `params:` and a pointer into the parameters in which a step
 * `*` stands for every member: `params:/headers/*` followed by `/name`.
 */
export type ManifestOutputs = Readonly<Partial<Record<keyof ProcessingModes, HeaderSelection>>>;

export interface HttpGrant {
  readonly scheme?: string;
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly methods?: readonly string[];
  readonly redirects?: boolean;
}

/** Host functions a policy may call. */
export interface Capabilities {
  readonly log: boolean;
  readonly clock: boolean;
  readonly random: boolean;
  readonly metrics: boolean;
  readonly flags: boolean;
  readonly metadata: boolean;
  readonly kv: { readonly namespaces: readonly string[]; readonly maxBytes: number } | undefined;
  readonly crypto: readonly string[];
  readonly http: { readonly allow: readonly HttpGrant[] } | undefined;
  readonly hopByHop: boolean;
}

/** Budgets of one policy; the host's own ceilings hold beside them. */
export interface ManifestLimits {
  readonly memoryPages: number;
  readonly fuelPerHook: number;
  readonly fuelInit: number;
  readonly deadlineMs: number;
  readonly outputBytes: number;
  readonly hostCalls: number;
}

/** A case that a revision must pass before it serves. */
export interface SelfTest {
  readonly phase: keyof ProcessingModes;
  readonly input: Readonly<JsonObject>;
  readonly expect: Readonly<JsonObject>;
}

export interface PolicyManifest {
  readonly apiVersion: 'edict/v1';
  readonly name: string;
  /** Exact: `v1.2.0`. */
  readonly version: string;
  readonly displayName: string;
  readonly description: string;
  readonly managedBy: string | undefined;
  readonly module: { readonly file: string; readonly sha256: string; readonly bytes: number | undefined } | undefined;
  readonly abi: PolicyAbi;
  readonly language: string | undefined;
  readonly signature: string | undefined;
  readonly processing: ProcessingModes;
  readonly inputs: ManifestInputs;
  readonly outputs: ManifestOutputs;
  readonly metadata: { readonly reads: readonly string[]; readonly writes: readonly string[] };
  readonly scope: Scope;
  readonly state: { readonly carry: 'none' | 'kv' | 'export' };
  readonly acceptsTruncated: boolean;
  readonly async: 'none' | 'resume' | 'blocking';
  readonly capabilities: Capabilities;
  readonly limits: ManifestLimits;
  readonly minimumTier: 'trusted' | 'metered' | 'isolated';
  readonly failureMode: 'closed' | 'open';
  /** Declared series; at most 20. */
  readonly metrics: readonly Readonly<JsonObject>[];
  readonly parameters: Readonly<JsonObject>;
  readonly systemParameters: Readonly<JsonObject>;
  readonly selfTest: readonly SelfTest[];
  /** The document as it was written, with the fields nobody here knows. */
  readonly source: Readonly<JsonObject>;
}

/** Budgets where the manifest names none (spec/policies.md §3.7). */
export const DEFAULT_LIMITS: ManifestLimits = Object.freeze({
  memoryPages: 256,
  fuelPerHook: 2_000_000,
  fuelInit: 500_000_000,
  deadlineMs: 50,
  outputBytes: 1_048_576,
  hostCalls: 64,
});

/** Bytes of one kv namespace where the manifest names none. */
export const DEFAULT_KV_BYTES = 4_194_304;
