/** Random exchanges for policies whose answers are to be the same in every language. */

import fc from 'fast-check';
import { HeaderMap } from '../../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { type Body, NO_BODY, NOTHING_GATHERED } from '../../../../src/policy/model/views.ts';
import { API } from '../guest/support/guest-rig.ts';

const name = fc.constantFrom('user-agent', 'content-type', 'x-a', 'cookie', 'x-long-name-of-a-header');
/** Any byte but those that end a line. */
const value = fc.stringMatching(/^[ -~\u0080-\u00ff]{0,40}$/);
const headers = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) => HeaderMap.from(pairs));
const text = fc.string({ unit: 'grapheme', maxLength: 12 });

const body: fc.Arbitrary<Body> = fc.oneof(
  fc.constant(NO_BODY),
  fc.uint8Array({ maxLength: 300 }).map((content) => ({ ...NO_BODY, content, present: true })),
);

/** The four hooks of whole messages. */
export const messagePhase: fc.Arbitrary<Phase> = fc.constantFrom(
  Phase.requestHeaders,
  Phase.requestBody,
  Phase.responseHeaders,
  Phase.responseBody,
);

const snapshot = fc.record({
  headers,
  path: text,
  method: fc.constantFrom('GET', 'POST'),
  authority: text,
  scheme: fc.constantFrom('http', 'https'),
});

/** What any hook of whole messages could be given. */
export const anyHookInput: fc.Arbitrary<HookInput> = fc
  .record({
    exchange: fc.record(
      {
        requestId: text,
        routeName: text,
        tenant: fc.constant('shop'),
        api: fc.constant(API),
        deadline: fc.integer({ min: 0, max: 2 ** 45 }),
        clientIp: fc.ipV4(),
        traceparent: text,
      },
      { requiredKeys: ['requestId', 'routeName', 'tenant', 'api', 'deadline'] },
    ),
    request: snapshot.chain((request) =>
      body.map((content) => ({ ...request, body: content, upstreamName: undefined, upstreamSlot: undefined })),
    ),
    response: fc.record({
      headers,
      status: fc.integer({ min: 200, max: 599 }),
      body,
      fault: fc.constant(undefined),
    }),
    gathered: fc.constant(NOTHING_GATHERED),
    rest: fc.record(
      {
        vhost: text,
        downstream: snapshot,
        upstream: fc.record({ name: text, url: fc.webUrl(), basePath: text }),
        upstreamResponse: fc.record({ headers, status: fc.integer({ min: 200, max: 599 }) }),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ rest, ...input }) => ({ ...input, ...rest }) as HookInput);

/** Parameters of four-hooks: none, a text with everything JSON escapes, or something that is no text. */
export const fourHooksParams = fc.oneof(
  fc.constant({}),
  text.map((prefix) => ({ other: '}"prefix":"no"', prefix })),
  fc.constantFrom('', '"quoted"\\\n\t\u0001', '\u{1f44b} \u00e9').map((prefix) => ({ prefix, last: [1, { a: [] }] })),
  fc.constant({ prefix: 7 }),
);
