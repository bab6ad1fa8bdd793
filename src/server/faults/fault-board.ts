/** Which fault is in force on which route, for how many requests more, and what was asked meanwhile. */

import { EdictError } from '../../errors.ts';
import type { FaultRoute } from './fault-routes.ts';
import { FAULT_ROUTES, isFaultRoute } from './fault-routes.ts';
import type { Fault } from './parse-fault.ts';
import { nearest, parseFault } from './parse-fault.ts';

/** A fault as it stands. */
export interface FaultInForce {
  readonly route: FaultRoute;
  /** The text it was set with. */
  readonly fault: string;
  /** Requests it still spoils; `undefined`: until it is cleared. */
  readonly remaining: number | undefined;
}

/** A request that a route got. */
export interface SeenRequest {
  /** The `If-None-Match` it came with. */
  readonly ifNoneMatch: string | undefined;
  /** The fault it met. */
  readonly fault: string | undefined;
}

/** Spoils the answers of a relay that was started with `faults: true`. The switches are those of docs/relay-faults.md. */
export interface RelayFaults {
  /**
   * Spoils the answers of a route from the next request on, instead of what was set on it before: `times` of them, or
   * until it is cleared. Throws `INVALID_OPTION` for anything it does not know, and in a relay without `faults: true`.
   *
   * @example
   * relay.faults.set('configuration', 'status:429+retry-after:5', { times: 2 });
   */
  set(route: FaultRoute, fault: string, options?: { readonly times?: number }): void;
  /** Ends the fault of one route, or of all. Responses that are held already stay as they are. */
  clear(route?: FaultRoute): void;
  /** The faults in force, in the order of the routes. */
  list(): readonly FaultInForce[];
  /** The last 100 requests of a route, the oldest first. Empty in a relay without `faults: true`. */
  seen(route: FaultRoute): readonly SeenRequest[];
}

const MAX_SEEN = 100;

export class FaultBoard implements RelayFaults {
  readonly #set = new Map<FaultRoute, { readonly fault: Fault; remaining: number | undefined }>();
  readonly #seen = new Map<FaultRoute, SeenRequest[]>();

  set(route: FaultRoute, fault: string, { times }: { readonly times?: number } = {}): void {
    checkRoute(route);
    if (times !== undefined && !(Number.isSafeInteger(times) && times > 0)) {
      throw new EdictError('INVALID_OPTION', 'times: a whole number, at least 1');
    }
    this.#set.set(route, { fault: parseFault(fault, route), remaining: times });
  }

  clear(route?: FaultRoute): void {
    if (route === undefined) {
      this.#set.clear();
    } else {
      checkRoute(route);
      this.#set.delete(route);
    }
  }

  list(): readonly FaultInForce[] {
    return FAULT_ROUTES.flatMap((route) => {
      const set = this.#set.get(route);
      return set === undefined ? [] : [{ route, fault: set.fault.text, remaining: set.remaining }];
    });
  }

  seen(route: FaultRoute): readonly SeenRequest[] {
    checkRoute(route);
    return [...(this.#seen.get(route) ?? [])];
  }

  /** Notes a request, and gives the fault it meets. */
  take(route: FaultRoute, ifNoneMatch: string | undefined): Fault | undefined {
    const set = this.#set.get(route);
    if (set?.remaining !== undefined) {
      set.remaining -= 1;
      if (set.remaining === 0) this.#set.delete(route);
    }
    const seen = this.#seen.get(route) ?? [];
    seen.push({ ifNoneMatch, fault: set?.fault.text });
    if (seen.length > MAX_SEEN) seen.shift();
    this.#seen.set(route, seen);
    return set?.fault;
  }
}

/** The faults of a relay that is not in test mode: there are none, and none can be set. */
export const NO_FAULTS: RelayFaults = Object.freeze({
  set: () => {
    throw new EdictError('INVALID_OPTION', 'faults: this relay was not started with faults: true');
  },
  clear: () => {},
  list: () => [],
  seen: () => [],
});

function checkRoute(route: unknown): void {
  if (isFaultRoute(route)) return;
  const shown = String(route).slice(0, 64);
  const known = nearest(
    shown,
    FAULT_ROUTES.map((name) => [name, name] as const),
  );
  throw new EdictError('INVALID_OPTION', `route: there is no route "${shown}" for faults; the nearest is "${known}"`);
}
