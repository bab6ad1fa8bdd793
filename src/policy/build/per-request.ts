/** An instance that is really one for each exchange: made on its first hook, dropped when the exchange is over. */

import { type PolicyFailure, policyFailure } from '../model/failure.ts';
import type { ExchangeFacts, HookInput } from '../model/inputs.ts';
import type { InstanceInit, Outcome, PolicyFactory, PolicyInstance } from '../model/instance.ts';
import type { ProcessingModes } from '../model/modes.ts';
import type { EndReason, Phase } from '../model/phases.ts';

type Made = PolicyInstance | PolicyFailure;

export class PerRequestInstance implements PolicyInstance {
  readonly modes: ProcessingModes;
  readonly #factory: PolicyFactory;
  readonly #init: InstanceInit;
  readonly #byExchange = new Map<ExchangeFacts, Made | Promise<Made>>();
  readonly #byStream = new Map<number, PolicyInstance>();
  /** The one that was made to see that it can be; the first exchange gets it. */
  #spare: PolicyInstance | undefined;

  constructor(factory: PolicyFactory, init: InstanceInit, first: PolicyInstance) {
    this.modes = first.modes;
    this.#factory = factory;
    this.#init = init;
    this.#spare = first;
  }

  call(phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    const made = this.#byExchange.get(input.exchange) ?? this.#make(input.exchange);
    return made instanceof Promise ? made.then((one) => this.#ask(one, phase, input)) : this.#ask(made, phase, input);
  }

  streamEnd(streamId: number, reason: EndReason): void {
    this.#byStream.get(streamId)?.streamEnd?.(streamId, reason);
    this.#byStream.delete(streamId);
  }

  forget(exchange: ExchangeFacts): void {
    const made = this.#byExchange.get(exchange);
    this.#byExchange.delete(exchange);
    this.#drop(made);
  }

  destroy(): void {
    void this.#spare?.destroy();
    this.#spare = undefined;
    for (const made of this.#byExchange.values()) this.#drop(made);
    this.#byExchange.clear();
    this.#byStream.clear();
  }

  #make(exchange: ExchangeFacts): Made | Promise<Made> {
    const spare = this.#spare;
    this.#spare = undefined;
    const made = spare ?? this.#create(exchange);
    this.#byExchange.set(exchange, made);
    return made;
  }

  /** Once it is there, later hooks of the exchange need not wait for it. */
  async #create(exchange: ExchangeFacts): Promise<Made> {
    const made = await this.#factory.create(this.#init);
    if (this.#byExchange.has(exchange)) {
      this.#byExchange.set(exchange, made);
      return made;
    }
    this.#drop(made);
    return policyFailure('CANCELLED', 'the exchange ended before its instance was made');
  }

  #ask(made: Made, phase: Phase, input: HookInput): Outcome | Promise<Outcome> {
    if ('kind' in made) return made;
    if (input.chunk !== undefined) this.#byStream.set(input.chunk.streamId, made);
    return made.call(phase, input);
  }

  /** One that is still being made is dropped by whoever makes it. */
  #drop(made: Made | Promise<Made> | undefined): void {
    if (made === undefined || made instanceof Promise || 'kind' in made) return;
    for (const [streamId, one] of this.#byStream) if (one === made) this.#byStream.delete(streamId);
    void made.destroy();
  }
}
