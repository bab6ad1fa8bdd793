/** A policy whose hooks are recorded: what each was given, what its host answered, and what it decided. */

import type { JsonObject, JsonValue } from '../internal/json.ts';
import { isPolicyFailure, type PolicyFailure } from '../policy/model/failure.ts';
import type { ExchangeFacts, HookInput } from '../policy/model/inputs.ts';
import type { InstanceInit, Outcome, PolicyFactory, PolicyInstance } from '../policy/model/instance.ts';
import type { ProcessingModes } from '../policy/model/modes.ts';
import type { EndReason, Phase } from '../policy/model/phases.ts';
import { toPlainJson } from './plain-json.ts';
import type { HostEvent, RecordingHost } from './replay.ts';

/** One hook, as one line of JSON. */
export interface RecordedHook {
  readonly format: 1;
  readonly policy: string;
  readonly version: string;
  /** Of the policy that decided. */
  readonly digest: string;
  /** Hooks with the same number are of one instance, in their order. */
  readonly instance: number;
  readonly init: JsonObject;
  /** What the instance got from its host while it was made. */
  readonly made: readonly HostEvent[];
  readonly phase: Phase;
  readonly input: JsonValue;
  readonly host: readonly HostEvent[];
  readonly outcome: JsonValue;
}

/** What is recorded, and how much of it is kept. */
export interface RecordOptions {
  /** Hooks that are kept; the oldest go first. Default 1000. */
  readonly hooks?: number;
  /** Characters of all lines together. Default 16 Mi. */
  readonly bytes?: number;
  /** Names of policies. Default: all. */
  readonly policies?: readonly string[];
}

/** Lines within a number and a size. A hook that is larger than all of it is counted, not kept. */
export class HookRecords {
  readonly #max: { readonly hooks: number; readonly bytes: number };
  readonly #policies: ReadonlySet<string> | undefined;
  #lines: string[] = [];
  #bytes = 0;
  #dropped = 0;
  #instances = 0;

  constructor({ hooks = 1_000, bytes = 16_777_216, policies }: RecordOptions = {}) {
    this.#max = { hooks, bytes };
    this.#policies = policies === undefined ? undefined : new Set(policies);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Hooks that had to make room, or never had any. */
  get dropped(): number {
    return this.#dropped;
  }

  wants(policy: string): boolean {
    return this.#policies?.has(policy) ?? true;
  }

  nextInstance(): number {
    return ++this.#instances;
  }

  add(record: RecordedHook): void {
    const line = JSON.stringify(record);
    if (line.length > this.#max.bytes) {
      this.#dropped++;
      return;
    }
    this.#lines.push(line);
    this.#bytes += line.length;
    let gone = 0;
    while (this.#lines.length - gone > this.#max.hooks || this.#bytes > this.#max.bytes) {
      this.#bytes -= (this.#lines[gone++] as string).length;
    }
    this.#dropped += gone;
    if (gone > 0) this.#lines = this.#lines.slice(gone);
  }
}

export class RecordingPolicy implements PolicyFactory {
  readonly name: string;
  readonly version: string;
  readonly #inner: PolicyFactory;
  readonly #host: RecordingHost;
  readonly #records: HookRecords;
  readonly #digest: string;

  /** `inner` calls `host`, which hands on to the host that settles. */
  constructor(inner: PolicyFactory, host: RecordingHost, records: HookRecords, digest: string) {
    this.name = inner.name;
    this.version = inner.version;
    this.#inner = inner;
    this.#host = host;
    this.#records = records;
    this.#digest = digest;
  }

  async create(init: InstanceInit): Promise<PolicyInstance | PolicyFailure> {
    const made = await this.#inner.create(init);
    if (isPolicyFailure(made)) return made;
    const { name, version } = this;
    const facts = {
      format: 1 as const,
      policy: name,
      version,
      digest: this.#digest,
      instance: this.#records.nextInstance(),
      init: toPlainJson({ info: init.info, params: init.params }) as JsonObject,
      made: this.#host.takeMade(init.info),
    };
    return new RecordingInstance(made, (phase, input, outcome) => {
      const host = this.#host.take(input);
      if (input.exchange.dryRun !== undefined) return;
      this.#records.add({ ...facts, phase, input: toPlainJson(input), host, outcome: toPlainJson(outcome) });
    });
  }

  plan(init: InstanceInit): ReturnType<NonNullable<PolicyFactory['plan']>> {
    return this.#inner.plan?.(init);
  }
}

class RecordingInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #inner: PolicyInstance;
  readonly #keep: (phase: Phase, input: HookInput, outcome: Outcome) => void;

  constructor(inner: PolicyInstance, keep: (phase: Phase, input: HookInput, outcome: Outcome) => void) {
    this.modes = inner.modes;
    this.#inner = inner;
    this.#keep = keep;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const kept = (outcome: Outcome): Outcome => {
      this.#keep(phase, input, outcome);
      return outcome;
    };
    const outcome = this.#inner.call(phase, input);
    return outcome instanceof Promise ? outcome.then(kept) : kept(outcome);
  }

  streamEnd(streamId: number, reason: EndReason): void {
    this.#inner.streamEnd?.(streamId, reason);
  }

  forget(exchange: ExchangeFacts): void {
    this.#inner.forget?.(exchange);
  }

  exportState(): ReturnType<NonNullable<PolicyInstance['exportState']>> {
    return this.#inner.exportState?.();
  }

  importState(state: Uint8Array): ReturnType<NonNullable<PolicyInstance['importState']>> {
    return this.#inner.importState?.(state) ?? false;
  }

  destroy(): void | Promise<void> {
    return this.#inner.destroy();
  }
}
