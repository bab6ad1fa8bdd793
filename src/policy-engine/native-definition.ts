/** Native policies as a service gives them to the engine: what a manifest says of a module, and the code. */

import { EdictError } from '../errors.ts';
import { canonicalJson } from '../internal/canonical-json.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import { sha256 } from '../internal/sha256.ts';
import type { CatalogEntry } from '../policy/build/catalog.ts';
import { manifestOf } from '../policy/manifest/parse-manifest.ts';
import type { HookInput, PolicyInfo } from '../policy/model/inputs.ts';
import type { ProcessingModes } from '../policy/model/modes.ts';
import { type NativeHooks, NativePolicy } from '../policy/native/native-policy.ts';

/** The hooks of one instance of a native policy; what is there decides when it is called. */
export type PolicyHooks = Omit<NativeHooks, 'modes'>;

/** A policy in TypeScript or JavaScript. It runs unguarded: only code that you would put into the service itself. */
export interface NativeDefinition {
  /** Letters, digits and `-`, as in `block-bots`. */
  readonly name: string;
  /** Default `v1.0.0`. */
  readonly version?: string;
  readonly failureMode?: 'closed' | 'open';
  readonly scope?: 'per-route' | 'shared-by-params' | 'singleton' | 'per-request';
  /**
   * Keys of the shared metadata that it reads and writes; others are then absent for it, and an answer that writes one is
   * refused (`ACTION_INVALID`). Default: any, because this is the service's own code.
   */
  readonly metadata?: { readonly reads?: readonly string[]; readonly writes?: readonly string[] };
  /** JSON Schema of its parameters; they are checked before the policy serves. */
  readonly parameters?: Readonly<JsonObject>;
  /** The hooks, or what makes them for each instance from its parameters; all instances have the same hooks. */
  readonly hooks:
    | PolicyHooks
    | ((params: Readonly<JsonObject>, info: PolicyInfo) => PolicyHooks | Promise<PolicyHooks>);
  /** Needed where `hooks` is a function: which hooks it gives. */
  readonly processing?: Partial<ProcessingModes>;
}

/** A checked definition; only `definePolicy` makes one. */
export interface DefinedPolicy {
  readonly entry: CatalogEntry;
}

/**
 * A native policy for `new PolicyEngine({ policies: [...] })`. Throws `INVALID_OPTION` with everything that is wrong.
 *
 * @example
 * const greet = definePolicy({
 *   name: 'greet',
 *   hooks: { onRequestHeaders: () => ({ kind: 'request-changes', headers: { set: [['x-greeting', 'hello']] } }) },
 * });
 */
export function definePolicy(definition: NativeDefinition): DefinedPolicy {
  const { name, version = 'v1.0.0', hooks, failureMode, scope, parameters, metadata } = definition;
  if (typeof hooks === 'function' && definition.processing === undefined) {
    throw new EdictError('INVALID_OPTION', `policy ${name}: processing must say which hooks the function gives`);
  }
  const processing = definition.processing ?? modesOf(hooks as PolicyHooks);
  const source: JsonObject = {
    apiVersion: 'edict/v1',
    name,
    version,
    abi: 'native',
    processing: { ...processing },
    ...(failureMode === undefined ? {} : { failureMode }),
    ...(scope === undefined ? {} : { scope }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } as JsonObject }),
  };
  const read = manifestOf(source);
  if ('problems' in read) {
    const faults = read.problems.map(({ path, message }) => `${path} ${message}`.trim()).join('; ');
    throw new EdictError('INVALID_OPTION', `policy ${name}: ${faults}`);
  }
  const { manifest } = read;
  const make = typeof hooks === 'function' ? hooks : () => hooks;
  const reads = metadata === undefined ? undefined : manifest.metadata.reads;
  const factory = new NativePolicy(name, version, async (params, info) => {
    const made = await make(params, info);
    return { ...bound(made, reads), modes: manifest.processing };
  });
  return { entry: { factory, manifest, digest: sha256(canonicalJson(source)) } };
}

/** Hooks of a class keep their `this`; they are found on its prototype as well. `reads`: all that they see of the metadata. */
function bound(hooks: PolicyHooks, reads: readonly string[] | undefined): PolicyHooks {
  const found: Record<string, unknown> = {};
  for (const name of HOOK_NAMES) {
    const hook = hooks[name] as ((...args: unknown[]) => unknown) | undefined;
    if (hook === undefined) continue;
    const takesInput = name !== 'onStreamEnd' && name !== 'destroy';
    found[name] =
      reads === undefined || !takesInput
        ? hook.bind(hooks)
        : (input: HookInput) => hook.call(hooks, withMetadata(input, reads));
  }
  return found as PolicyHooks;
}

function withMetadata(input: HookInput, reads: readonly string[]): HookInput {
  const { metadata } = input.gathered;
  const declared = Object.fromEntries(
    reads.flatMap((key) => (Object.hasOwn(metadata, key) ? [[key, metadata[key] as JsonValue]] : [])),
  );
  return { ...input, gathered: { ...input.gathered, metadata: declared } };
}

const HOOK_NAMES = [
  'onRequestHeaders',
  'onRequestBody',
  'onResponseHeaders',
  'onResponseBody',
  'needsMoreRequestData',
  'needsMoreResponseData',
  'onRequestBodyChunk',
  'onResponseBodyChunk',
  'onStreamEnd',
  'destroy',
] as const satisfies readonly (keyof PolicyHooks)[];

function modesOf(hooks: PolicyHooks): ProcessingModes {
  const body = (buffered: unknown, chunk: unknown): 'skip' | 'buffer' | 'stream' =>
    chunk !== undefined ? 'stream' : buffered !== undefined ? 'buffer' : 'skip';
  return {
    requestHeaders: hooks.onRequestHeaders === undefined ? 'skip' : 'process',
    requestBody: body(hooks.onRequestBody, hooks.onRequestBodyChunk),
    responseHeaders: hooks.onResponseHeaders === undefined ? 'skip' : 'process',
    responseBody: body(hooks.onResponseBody, hooks.onResponseBodyChunk),
  };
}
