/** The request that the figures of the policy half are about: twelve headers and a body of 1 KiB. */

import { HeaderMap } from '../../dist/policy/model/headers.js';
import { NO_BODY, NOTHING_GATHERED } from '../../dist/policy/model/views.js';

export const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101';
export const BODY = JSON.stringify({ text: 'lorem ipsum '.repeat(84) }).padEnd(1_024);

const HEADERS = [
  ['host', 'api.example.com'],
  ['user-agent', AGENT],
  ['accept', 'application/json, text/plain, */*'],
  ['accept-encoding', 'gzip, deflate, br'],
  ['accept-language', 'en-GB,en;q=0.7'],
  ['authorization', 'Bearer abcdefghijklmnopqrstuvwxyz0123456789'],
  ['content-type', 'application/json'],
  ['content-length', '1024'],
  ['cookie', 'session=0123456789abcdef; theme=dark'],
  ['x-request-id', '3f1a2b4c-5d6e-7f80-9a0b-1c2d3e4f5061'],
  ['x-forwarded-for', '203.0.113.7'],
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
];

const API = {
  projectId: 'p1',
  id: 'a1',
  name: 'PetStore',
  version: 'v1.0.0',
  kind: 'RestApi',
  context: '/petstore',
  operationPath: '/pets/{id}',
};

export const INFO = {
  name: 'measured',
  version: 'v1.0.0',
  routeName: 'pets-get',
  attachedTo: 'route',
  tenant: 'shop',
  api: API,
};

export function hookInput() {
  const body = { ...NO_BODY, content: new Uint8Array(Buffer.from(BODY)), present: true };
  if (body.content.length !== 1_024) throw new Error('the body is not 1 KiB');
  return {
    exchange: {
      requestId: '3f1a2b4c-5d6e-7f80-9a0b-1c2d3e4f5061',
      routeName: 'pets-get',
      tenant: 'shop',
      api: API,
      deadline: 4_102_444_800_000,
    },
    request: {
      headers: HeaderMap.from(HEADERS),
      path: '/petstore/pets/7?verbose=1',
      method: 'POST',
      authority: 'api.example.com',
      scheme: 'https',
      body,
      upstreamName: undefined,
      upstreamSlot: undefined,
    },
    gathered: NOTHING_GATHERED,
  };
}
