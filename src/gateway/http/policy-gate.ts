/** What the middleware needs of a policy engine: an exchange for a request. */

import type { Chain } from '../../policy/chain/chain.ts';
import type { Exchange } from '../../policy/chain/exchange.ts';
import type { Body, RequestView, ResponseView } from '../../policy/model/views.ts';

/** What is known of a request beside the message. */
export interface RequestOrigin {
  readonly clientIp: string | undefined;
}

/** An exchange that has begun, with the chain it walks. */
export interface OpenExchange {
  readonly chain: Chain;
  readonly exchange: Exchange;
  /** Largest buffered body of either direction, where the gate has a limit of its own. */
  readonly maxBodyBytes?: number;
  /** Asked before bytes of a body are kept; false: there is no room for them in the process. */
  readonly bodies?: { hold(bytes: number): boolean };
}

/** A route whose chain is chosen by what the body asks for. */
export interface DeferredExchange {
  /** Largest body that is read for this, in bytes, decoded; a larger one is answered 413. */
  readonly maxBodyBytes: number;
  /** As `open`; `undefined`: nothing that is declared, answered with a plain 404. Never throws. */
  resolve(body: Body): OpenExchange | ResponseView | undefined;
}

/**
 * `undefined`: no route is declared for this request. A `ResponseView`: it cannot be served, and nobody gets past that. A
 * promise: whoever decides is on the way; ask again when it resolves, which is soon.
 */
export type Opening = OpenExchange | DeferredExchange | ResponseView | Promise<void> | undefined;

/** Chooses the chain of a request. Never throws. */
export interface PolicyGate {
  open(request: RequestView, origin: RequestOrigin): Opening;
}
