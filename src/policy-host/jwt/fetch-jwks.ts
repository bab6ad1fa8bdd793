/** Key sets through the HTTP of policies: its allow-list, its address checks, its limits. */

import { type Clock, systemClock } from '../../options/clock.ts';
import { isHostFault } from '../../policy/guest/host-functions.ts';
import type { HttpCalls } from '../http/http-calls.ts';
import { decodeHttpResponse, encodeHttpRequest } from '../http/http-frame.ts';
import type { HttpRule } from '../http/http-rules.ts';
import type { FetchJwks } from './jwks-cache.ts';

const NO_API = { projectId: '', id: '', name: '', version: '', kind: '', context: '', operationPath: '' };

/** A fetch belongs to no exchange: the one that happened to need it first may be over before the keys are there. */
export function fetchJwks(
  http: HttpCalls,
  allow: readonly (readonly HttpRule[])[],
  clock: Pick<Clock, 'now'> = systemClock,
): FetchJwks {
  return async (uri, tenant, timeoutMs) => {
    const exchange = { requestId: 'jwks', routeName: '', tenant, api: NO_API, deadline: clock.now() + timeoutMs };
    const request = encodeHttpRequest({ url: uri, method: 'GET', headers: [['accept', 'application/json']] });
    const result = await http.start({ tenant, exchange, allow }, request);
    if (isHostFault(result)) throw new Error(`the key set could not be fetched: ${result.fault}`);
    const response = decodeHttpResponse(result);
    if (response === undefined || response.status !== 200) {
      throw new Error(`the key set was answered with ${response?.status ?? 'nothing'}`);
    }
    return response.body;
  };
}
