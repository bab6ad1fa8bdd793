/** The native policies of the catalogue by name; those that ask a host get one that answers plainly. */

import { advancedRatelimit } from '../../../../../src/policy/catalogue/advanced-ratelimit.ts';
import { apiKeyAuth } from '../../../../../src/policy/catalogue/api-key-auth.ts';
import { cors } from '../../../../../src/policy/catalogue/cors.ts';
import { dynamicEndpoint } from '../../../../../src/policy/catalogue/dynamic-endpoint.ts';
import { jwtAuth } from '../../../../../src/policy/catalogue/jwt-auth.ts';
import { removeHeaders } from '../../../../../src/policy/catalogue/remove-headers.ts';
import { requestRewrite } from '../../../../../src/policy/catalogue/request-rewrite.ts';
import { setHeaders } from '../../../../../src/policy/catalogue/set-headers.ts';
import type { PolicyFactory } from '../../../../../src/policy/model/instance.ts';
import { RecordingHost } from '../../guest/support/guest-rig.ts';

export const CATALOGUE: Readonly<Record<string, () => PolicyFactory>> = {
  'advanced-ratelimit': () => advancedRatelimit(new RecordingHost()),
  'api-key-auth': () => apiKeyAuth(new RecordingHost()),
  cors: () => cors,
  'dynamic-endpoint': () => dynamicEndpoint,
  'jwt-auth': () => jwtAuth({ verify: async () => ({ unavailable: 'nobody is asked here' }) }),
  'remove-headers': () => removeHeaders,
  'request-rewrite': () => requestRewrite,
  'set-headers': () => setHeaders,
};
