/**
 * Two policies at one position: the active one, and a candidate that gets a part of the exchanges, or runs beside all of them
 * as a shadow. Synchronous for as long as both are.
 *
 * INVARIANT: all hooks of one exchange go to the side that its first hook went to. A candidate that was rolled back gets no
 * further exchange, and nothing but another configuration brings it back.
 */

import type { PolicyFailureCode } from '../model/failure.ts';
import type { ExchangeFacts, HookInput } from '../model/inputs.ts';
import { NONE, type Outcome, type PolicyInstance } from '../model/instance.ts';
import type { BodyMode, HeaderMode, ProcessingModes } from '../model/modes.ts';
import { type EndReason, Phase } from '../model/phases.ts';
import { type ActionGrants, actionFault } from '../reduce/check-action.ts';
import { FailureRates, type Side, type SideCounts } from './failure-rates.ts';
import { type OutcomeDifference, outcomeDifferences } from './outcome-differences.ts';
import { isChosen, type RolloutPorts, type RolloutSettings } from './rollout-settings.ts';

/** Who takes part. */
export interface RolloutIdentity {
  readonly tenant: string;
  readonly route: string;
  readonly position: string;
  readonly candidate: { readonly name: string; readonly version: string; readonly digest: string };
}

/** A candidate that failed too often. */
export interface RolloutEvent extends RolloutIdentity {
  readonly kind: 'rolled-back';
  readonly counts: Readonly<Record<Side, SideCounts>>;
  /** The failure that it met last. */
  readonly code: PolicyFailureCode;
}

export interface RolloutParts {
  readonly identity: RolloutIdentity;
  readonly settings: RolloutSettings;
  readonly active: PolicyInstance;
  readonly candidate: PolicyInstance;
  readonly grants: ActionGrants;
  readonly ports: RolloutPorts;
  /** Lets go of both. */
  readonly release: () => void;
  /** Must not throw. */
  readonly onRolledBack: (event: RolloutEvent) => void;
}

/** One exchange in which a shadow answered differently. */
export interface ShadowDifference {
  readonly requestId: string;
  readonly phase: Phase;
  readonly places: readonly OutcomeDifference[];
}

/** What a status tells of a rollout. */
export interface RolloutStatus {
  readonly state: 'running' | 'rolled-back';
  readonly settings: RolloutSettings;
  readonly candidate: RolloutIdentity['candidate'];
  readonly counts: Readonly<Record<Side, SideCounts>>;
  readonly lastCode: PolicyFailureCode | undefined;
  /** Of a shadow: hooks that were compared, those that differed, and the first of these. */
  readonly shadow: {
    readonly compared: number;
    readonly different: number;
    readonly skipped: number;
    readonly first: readonly ShadowDifference[];
  };
}

/** Differences that are kept, the first ones: later ones are most often the same. */
export const MAX_DIFFERENCES = 20;
/** Shadows that may be waited for at a time; beyond this they are skipped and counted. */
const MAX_WAITING = 64;
/** These tell nothing about the policy. */
const SILENT: ReadonlySet<PolicyFailureCode> = new Set<PolicyFailureCode>(['CANCELLED', 'CLOSED', 'NOT_READY']);
const NO: Outcome = Object.freeze({ kind: 'decision', needsMore: false });

export class RolloutInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #parts: RolloutParts;
  readonly #salt: string;
  readonly #rates = new FailureRates();
  readonly #trial = { refusals: 0 };
  readonly #sides = new WeakMap<ExchangeFacts, Side>();
  /** The exchange as the shadow knows it. */
  readonly #copies = new WeakMap<ExchangeFacts, ExchangeFacts>();
  readonly #streams = new Map<number, Side>();
  readonly #shadow = { compared: 0, different: 0, skipped: 0 };
  readonly #differences: ShadowDifference[] = [];
  #waiting = 0;
  #isRolledBack = false;
  #lastCode: PolicyFailureCode | undefined;

  constructor(parts: RolloutParts) {
    this.#parts = parts;
    this.modes = union(parts.active.modes, parts.candidate.modes);
    const { tenant, position, candidate } = parts.identity;
    this.#salt = `${tenant}\n${position}\n${candidate.name}`;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const side = this.#sideOf(input);
    const { chunk } = input;
    if (chunk !== undefined && !this.#streams.has(chunk.streamId)) this.#streams.set(chunk.streamId, side);
    if (this.#parts.settings.isShadow) {
      return side === 'candidate' ? this.#beside(phase, input) : this.#ask('active', phase, input);
    }
    return this.#ask(side, phase, input);
  }

  streamEnd(streamId: number, reason: EndReason): void {
    const side = this.#streams.get(streamId);
    this.#streams.delete(streamId);
    const { active, candidate, settings } = this.#parts;
    if (side === 'active' || settings.isShadow) active.streamEnd?.(streamId, reason);
    if (side === 'candidate') candidate.streamEnd?.(streamId, reason);
  }

  forget(exchange: ExchangeFacts): void {
    const { active, candidate } = this.#parts;
    active.forget?.(exchange);
    candidate.forget?.(this.#copies.get(exchange) ?? exchange);
  }

  destroy(): void {
    this.#parts.release();
  }

  describe(): RolloutStatus {
    return {
      state: this.#isRolledBack ? 'rolled-back' : 'running',
      settings: this.#parts.settings,
      candidate: this.#parts.identity.candidate,
      counts: this.#counts(),
      lastCode: this.#lastCode,
      shadow: { ...this.#shadow, first: [...this.#differences] },
    };
  }

  #sideOf(input: HookInput): Side {
    const { exchange } = input;
    let side = this.#sides.get(exchange);
    if (side === undefined) {
      const { settings, ports } = this.#parts;
      const isCandidate = !this.#isRolledBack && isChosen(settings, this.#salt, input, ports);
      side = isCandidate ? 'candidate' : 'active';
      this.#sides.set(exchange, side);
    }
    return side;
  }

  #ask(side: Side, phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const instance = this.#parts[side];
    if (!wants(instance.modes, phase)) return isQuery(phase) ? NO : NONE;
    const outcome = instance.call(phase, input);
    if (outcome instanceof Promise) {
      return outcome.then((given) => {
        this.#count(side, phase, given);
        return given;
      });
    }
    this.#count(side, phase, outcome);
    return outcome;
  }

  /** The shadow goes first: what it reads of the store is then what the active policy will find. */
  #beside(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    if (this.#isRolledBack || this.#waiting >= MAX_WAITING) {
      this.#shadow.skipped++;
      return this.#ask('active', phase, input);
    }
    const trial = this.#trial;
    const refused = trial.refusals;
    const tried = this.#ask('candidate', phase, { ...input, exchange: this.#copyOf(input.exchange) });
    const outcome = this.#ask('active', phase, input);
    if (tried instanceof Promise || outcome instanceof Promise) {
      this.#waiting++;
      void Promise.all([outcome, tried]).then(([given, other]) => {
        this.#waiting--;
        this.#compare(phase, input, given, other);
      });
    } else if (trial.refusals === refused) this.#compare(phase, input, outcome, tried);
    else this.#shadow.skipped++;
    return outcome;
  }

  #copyOf(exchange: ExchangeFacts): ExchangeFacts {
    let copy = this.#copies.get(exchange);
    if (copy === undefined) {
      copy = { ...exchange, dryRun: { trial: this.#trial, original: exchange } };
      this.#copies.set(exchange, copy);
    }
    return copy;
  }

  #compare(phase: Phase, { exchange }: HookInput, active: Outcome, candidate: Outcome): void {
    this.#shadow.compared++;
    const places = outcomeDifferences(active, candidate);
    if (places.length === 0) return;
    this.#shadow.different++;
    if (this.#differences.length >= MAX_DIFFERENCES) return;
    this.#differences.push({ requestId: exchange.requestId, phase, places });
  }

  #count(side: Side, phase: Phase, outcome: Outcome): void {
    if (isQuery(phase)) return;
    const code = codeOf(outcome, phase, this.#parts.grants);
    if (code !== undefined && SILENT.has(code)) return;
    this.#rates.add(side, code !== undefined);
    if (side === 'active') return;
    if (code !== undefined) this.#lastCode = code;
    if (this.#isRolledBack || !this.#rates.isExceeded) return;
    this.#isRolledBack = true;
    const last = this.#lastCode ?? 'INTERNAL';
    this.#parts.onRolledBack({ kind: 'rolled-back', ...this.#parts.identity, counts: this.#counts(), code: last });
  }

  #counts(): Readonly<Record<Side, SideCounts>> {
    return { active: this.#rates.of('active'), candidate: this.#rates.of('candidate') };
  }
}

function codeOf(outcome: Outcome, phase: Phase, grants: ActionGrants): PolicyFailureCode | undefined {
  if (outcome.kind === 'failure') return outcome.code;
  const isInvalid = outcome.kind === 'action' && actionFault(outcome.action, phase, grants) !== undefined;
  return isInvalid ? 'ACTION_INVALID' : undefined;
}

function isQuery(phase: Phase): boolean {
  return phase === Phase.needsMoreRequestData || phase === Phase.needsMoreResponseData;
}

/** The chain asks for what either side wants; the other one is not called for it. */
function union(one: ProcessingModes, other: ProcessingModes): ProcessingModes {
  return {
    requestHeaders: header(one.requestHeaders, other.requestHeaders),
    requestBody: body(one.requestBody, other.requestBody),
    responseHeaders: header(one.responseHeaders, other.responseHeaders),
    responseBody: body(one.responseBody, other.responseBody),
  };
}

function header(one: HeaderMode, other: HeaderMode): HeaderMode {
  return one === 'process' ? one : other;
}

/** What streams can also take a whole body, not the other way round. */
function body(one: BodyMode, other: BodyMode): BodyMode {
  if (one === 'skip') return other;
  return one === other || other === 'skip' ? one : 'buffer';
}

function wants(modes: ProcessingModes, phase: Phase): boolean {
  switch (phase) {
    case Phase.requestHeaders:
      return modes.requestHeaders === 'process';
    case Phase.responseHeaders:
      return modes.responseHeaders === 'process';
    case Phase.requestBody:
      return modes.requestBody !== 'skip';
    case Phase.responseBody:
      return modes.responseBody !== 'skip';
    case Phase.needsMoreRequestData:
    case Phase.requestBodyChunk:
      return modes.requestBody === 'stream';
    default:
      return modes.responseBody === 'stream';
  }
}
