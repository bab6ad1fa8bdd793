/** Flags for one exchange after the other: one snapshot for all that asks in an exchange, one evaluation for each key. */

import type { AbstractEvaluator } from '../evaluator/abstract-evaluator.ts';
import type { EvaluationContext, FlagType, Resolution } from '../evaluator/resolution.ts';
import { isJsonObject, type JsonValue } from '../internal/json.ts';
import { isTooDeep } from '../policy/frame/field-reader.ts';
import { type FlagKind, type HostResult, hostFault } from '../policy/guest/host-functions.ts';
import type { ExchangeFacts, HookInput } from '../policy/model/inputs.ts';

/** Flags of one moment. */
export interface PinnedFlags {
  evaluate(flagKey: string, context: EvaluationContext, defaultValue?: JsonValue, type?: FlagType): Resolution;
}

/** Where flags come from; answers must be there at once. */
export interface FlagSource {
  /** Flags as they are now, whatever is loaded later. */
  pin(): PinnedFlags;
}

export interface ExchangeFlagsOptions {
  /** The header whose value is the targeting key while nobody is authenticated. */
  readonly targetingKeyHeader?: string;
  /** Told of each evaluation once, however often its answer is used: this is where usage is counted. */
  readonly onEvaluated?: (resolution: Resolution, context: EvaluationContext) => void;
}

/** What an exchange has asked so far. */
interface Asked {
  readonly flags: PinnedFlags;
  readonly answers: Map<string, Resolution>;
}

/** Contexts that guests bring are remembered up to this length; longer ones are evaluated each time. */
const MAX_KEPT_CONTEXT = 2_048;

export class ExchangeFlags {
  readonly #source: FlagSource;
  readonly #options: ExchangeFlagsOptions;
  readonly #exchanges = new WeakMap<ExchangeFacts, Asked>();

  constructor(source: FlagSource, options: ExchangeFlagsOptions = {}) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * The flag for the exchange, as conditions and policies see it. `null` as value: the flag has none to give. The first answer
   * holds for the exchange, even when an auth policy has found out more about the caller since.
   */
  resolve(input: HookInput, flagKey: string): Resolution {
    return this.#ask(input, flagKey, undefined);
  }

  /** What the host function answers: JSON of value, variant and reason, with the default where the flag has no such value. */
  evaluate(
    input: HookInput,
    flagKey: string,
    kind: FlagKind,
    defaultJson: string,
    contextJson: string | undefined,
  ): HostResult<string> {
    const otherwise = parse(defaultJson);
    if (otherwise === undefined || !isOfKind(otherwise, kind)) return hostFault('bad-argument');
    const context = contextJson === undefined ? undefined : parse(contextJson);
    if (contextJson !== undefined && !isJsonObject(context)) return hostFault('bad-argument');
    const asked = contextJson === undefined ? undefined : { json: contextJson, context: context as EvaluationContext };
    const { value, variant, reason, errorCode } = this.#ask(input, flagKey, asked);
    if (value !== null && isOfKind(value, kind)) return JSON.stringify({ value, variant, reason });
    if (value === null) return JSON.stringify({ value: otherwise, variant, reason, ...(errorCode && { errorCode }) });
    return JSON.stringify({
      value: otherwise,
      variant: 'SdkDefault',
      reason: 'ERROR',
      errorCode: 'TYPE_MISMATCH',
    });
  }

  #ask(
    input: HookInput,
    flagKey: string,
    given: { readonly json: string; readonly context: EvaluationContext } | undefined,
  ): Resolution {
    const { dryRun } = input.exchange;
    const exchange = dryRun?.original ?? input.exchange;
    let asked = this.#exchanges.get(exchange);
    if (asked === undefined) {
      asked = { flags: this.#source.pin(), answers: new Map() };
      this.#exchanges.set(exchange, asked);
    }
    const { flags, answers } = asked;
    const name = given === undefined ? flagKey : `${flagKey}\0${given.json}`;
    const known = answers.get(name);
    if (known !== undefined) return known;
    const context = given?.context ?? exchangeContext(input, this.#options.targetingKeyHeader);
    const resolution = flags.evaluate(flagKey, context);
    // What is only tried is no usage, and settles nothing for those that come after it.
    if (dryRun !== undefined) return resolution;
    if (given === undefined || given.json.length <= MAX_KEPT_CONTEXT) answers.set(name, resolution);
    try {
      this.#options.onEvaluated?.(resolution, context);
    } catch {
      // Whoever counts usage must not change an answer.
    }
    return resolution;
  }
}

/** The flags of an evaluator; one that cannot hold a snapshot answers from what it has at each moment. */
export function flagSourceOf(
  evaluator: AbstractEvaluator<Resolution> & { readonly pin?: () => PinnedFlags },
): FlagSource {
  return { pin: () => evaluator.pin?.() ?? evaluator };
}

/** What flags can see of an exchange. */
export function exchangeContext(input: HookInput, targetingKeyHeader?: string): EvaluationContext {
  const { exchange, request, gathered } = input;
  const [auth] = gathered.auth;
  const header = targetingKeyHeader === undefined ? undefined : request.headers.first(targetingKeyHeader.toLowerCase());
  const targetingKey = auth?.subject ?? header;
  const { id, name, version, kind, context } = exchange.api;
  return {
    ...(targetingKey === undefined ? {} : { targetingKey }),
    tenant: exchange.tenant,
    route: exchange.routeName,
    api: { id, name, version, kind, context },
    method: request.method,
    ...(exchange.clientIp === undefined ? {} : { clientIp: exchange.clientIp }),
    ...(auth === undefined
      ? {}
      : { auth: { authenticated: auth.authenticated, type: auth.authType, scopes: [...(auth.scopes ?? [])] } }),
  };
}

function parse(json: string): JsonValue | undefined {
  if (isTooDeep(json)) return undefined;
  try {
    return JSON.parse(json) as JsonValue;
  } catch {
    return undefined;
  }
}

function isOfKind(value: JsonValue, kind: FlagKind): boolean {
  return kind === 'object' ? typeof value === 'object' && value !== null : typeof value === kind;
}
