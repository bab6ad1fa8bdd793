/** dynamic-endpoint as a native policy: names the upstream a request goes to. */

import { NativePolicy } from '../native/native-policy.ts';
import { refuse } from './read-params.ts';

export const dynamicEndpoint = new NativePolicy('dynamic-endpoint', 'v1.0.0', ({ targetUpstream }) => {
  if (typeof targetUpstream !== 'string' || targetUpstream === '') return refuse('/targetUpstream', 'is missing');
  const answer = Object.freeze({ kind: 'request-changes' as const, upstreamName: targetUpstream });
  return { modes: { requestHeaders: 'process' }, onRequestHeaders: () => answer };
});
