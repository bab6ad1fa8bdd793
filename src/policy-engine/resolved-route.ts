/** Routes that are chosen by what the body asks for: nothing runs, not even authentication, before the body is there. */

import type { DeferredExchange, OpenExchange } from '../gateway/http/policy-gate.ts';
import { bodyResolverOf, mayLeadTo, operationKey } from '../policy/build/operations.ts';
import type { RouteVersion } from '../policy/build/route-version.ts';
import type { ResponseView } from '../policy/model/views.ts';
import { MAX_RESOLVED_BYTES, type Resolution, resolveOperation } from '../policy/resolve/operation.ts';

/** What the gate does for a route that a body has chosen. */
export interface ResolvingPorts {
  /** A route of the same tenant, as it serves when the body is there. */
  readonly versionOf: (key: string) => RouteVersion | undefined;
  readonly begin: (key: string, resolution: Resolution) => OpenExchange | ResponseView;
  /** The body asks for nothing that is declared. */
  readonly unknown: () => void;
}

/** Undefined where the key alone has chosen the route. */
export function deferredExchange(version: RouteVersion, ports: ResolvingPorts): DeferredExchange | undefined {
  const resolver = bodyResolverOf(version);
  if (resolver === undefined) return undefined;
  return {
    maxBodyBytes: MAX_RESOLVED_BYTES,
    resolve({ content, encoded }) {
      const resolution = encoded === true ? undefined : resolveOperation(resolver, content);
      const key = resolution === undefined ? undefined : operationKey(version, resolution.names);
      const target = key === undefined ? undefined : ports.versionOf(key);
      if (resolution === undefined || target === undefined || !mayLeadTo(version, target)) {
        ports.unknown();
        return undefined;
      }
      return ports.begin(target.key, resolution);
    },
  };
}
