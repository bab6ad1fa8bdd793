/** What is known of an exchange before any policy runs. */

import { randomUUID } from 'node:crypto';
import type { RouteVersion } from '../policy/build/route-version.ts';
import type { ExchangeFacts } from '../policy/model/inputs.ts';
import type { RequestView } from '../policy/model/views.ts';
import type { Resolution } from '../policy/resolve/operation.ts';

/** `deadline` in epoch milliseconds. */
export function exchangeFacts(
  { name, tenant, api }: Pick<RouteVersion, 'name' | 'tenant' | 'api'>,
  request: RequestView,
  deadline: number,
  clientIp: string | undefined,
  resolution?: Resolution,
): ExchangeFacts {
  const traceparent = request.headers.first('traceparent');
  return {
    requestId: randomUUID(),
    routeName: name,
    tenant,
    api,
    deadline,
    ...(clientIp === undefined ? {} : { clientIp }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(resolution === undefined
      ? {}
      : { resolvedOperation: resolution.names[0], resolutionAttributes: resolution.attributes }),
  };
}
