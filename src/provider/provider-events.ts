/** The provider's event emitter: what the OpenFeature SDK subscribes to, without loading the SDK. */

import type {
  AnyProviderEvent,
  EventContext,
  EventHandler,
  Logger,
  ProviderEventEmitter,
} from '@openfeature/server-sdk';
import type { SafeLogger } from '../telemetry/logger.ts';

/**
 * The SDK's own emitter is a class of an optional peer, so importing it would make the peer required. This one also has no
 * listener limit: the SDK adds three handlers for each domain, and a provider bound to four would draw Node's leak warning.
 */
export class ProviderEvents implements ProviderEventEmitter<AnyProviderEvent> {
  readonly #handlers = new Map<AnyProviderEvent, EventHandler[]>();
  #logger: Pick<Logger, 'error'>;

  constructor(logger: Pick<SafeLogger, 'error'>) {
    this.#logger = { error: (...args) => logger.error(args.map(String).join(' ')) };
  }

  /** Calls every handler; one that throws or rejects is logged and keeps none of the others from running. */
  emit(eventType: AnyProviderEvent, context?: EventContext): void {
    for (const handler of this.getHandlers(eventType)) {
      try {
        // The SDK completes the details (provider name, domain) before its users see them.
        const returned = handler(context as Parameters<EventHandler>[0]);
        if (returned instanceof Promise) returned.catch((caught) => this.#report(caught));
      } catch (caught) {
        this.#report(caught);
      }
    }
  }

  addHandler(eventType: AnyProviderEvent, handler: EventHandler): void {
    const handlers = this.#handlers.get(eventType);
    if (handlers === undefined) this.#handlers.set(eventType, [handler]);
    else handlers.push(handler);
  }

  /** Removes the handler once; one that was added twice is called once more. */
  removeHandler(eventType: AnyProviderEvent, handler: EventHandler): void {
    const handlers = this.#handlers.get(eventType);
    const index = handlers?.lastIndexOf(handler) ?? -1;
    if (index !== -1) handlers?.splice(index, 1);
  }

  removeAllHandlers(eventType?: AnyProviderEvent): void {
    if (eventType === undefined) this.#handlers.clear();
    else this.#handlers.delete(eventType);
  }

  getHandlers(eventType: AnyProviderEvent): EventHandler[] {
    return [...(this.#handlers.get(eventType) ?? [])];
  }

  setLogger(logger: Logger): this {
    this.#logger = logger;
    return this;
  }

  #report(caught: unknown): void {
    try {
      this.#logger.error('a handler of a provider event threw:', caught);
    } catch {
      // A logger that throws has nowhere to report itself to.
    }
  }
}
