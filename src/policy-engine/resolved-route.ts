/** Routes that are chosen by what the body asks for: nothing runs, not even authentication, before the body is there. */

import type { DeferredExchange, OpenExchange } from '../gateway/http/policy-gate.ts';
import { bodyResolverOf, mayLeadTo, operationKey } from '../policy/build/operations.ts';
import type { ResponseView } from '../policy/model/views.ts';
import { MAX_RESOLVED_BYTES, type Resolution, resolveOperation } from '../policy/resolve/operation.ts';
import type { ServedRoute } from './served-route.ts';

/** What the engine does for a route that a body has chosen. */
export interface ResolvingPorts {
  readonly routeOf: (key: string) => ServedRoute | undefined;
  readonly begin: (route: ServedRoute, resolution: Resolution) => OpenExchange | ResponseView;
  /** The body asks for nothing that is declared. */
  readonly unknown: (route: ServedRoute) => void;
}

/** Undefined where the key alone has chosen the route. */
export function deferredExchange(route: ServedRoute, ports: ResolvingPorts): DeferredExchange | undefined {
  const resolver = bodyResolverOf(route.version);
  if (resolver === undefined) return undefined;
  return {
    maxBodyBytes: MAX_RESOLVED_BYTES,
    resolve({ content, encoded }) {
      const resolution = encoded === true ? undefined : resolveOperation(resolver, content);
      const key = resolution === undefined ? undefined : operationKey(route.version, resolution.names);
      const target = key === undefined ? undefined : ports.routeOf(key);
      if (resolution === undefined || target === undefined || !mayLeadTo(route.version, target.version)) {
        ports.unknown(route);
        return undefined;
      }
      return ports.begin(target, resolution);
    },
  };
}
