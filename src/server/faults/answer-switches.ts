/** Switches that decide what is answered: statuses, 304s, bodies that are no configuration, two contents in turn. */

import { STATUS_CODES } from 'node:http';
import type { Answer } from '../answer.ts';
import { Body, conditionalAnswer, messageAnswer } from '../answer.ts';
import { ANSWERING_ROUTES, CONDITIONAL_FLAG_ROUTES, CONDITIONAL_ROUTES, FAULT_ROUTES } from './fault-routes.ts';
import { otherReplica } from './other-replica.ts';
import type { FaultExchange, SwitchRow } from './switch-row.ts';
import { wholeNumber } from './switch-row.ts';

const DEEP_NESTING = 10_000;
/** In the relay's form, and of no content. */
const OTHER_VALIDATOR = `"1-${'0'.repeat(40)}"`;
const HTML = '<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n';

/** An answer of which the route never hears. */
function instead(effect: string, routes: SwitchRow['routes'], answer: () => Answer): SwitchRow {
  return { routes, effect, make: () => ({ stage: 'answer', act: async () => answer() }) };
}

/**
 * Another body under the route's own headers. The validator is that of the content in force: a client that stores it
 * before it has understood the body is told 304 afterwards, and never gets the content.
 */
function otherBody(effect: string, make: (own: Answer) => Body): SwitchRow {
  return {
    routes: ANSWERING_ROUTES,
    effect,
    needsBody: true,
    make: () => ({
      stage: 'answer',
      act: async ({ own }) => {
        const answer = await own();
        return { status: 200, ...(answer.headers && { headers: answer.headers }), body: make(answer) };
      },
    }),
  };
}

/** A 304 to a client that names any validator, whether or not it is the right one. */
function notModified(effect: string, headers: Readonly<Record<string, string>>): SwitchRow {
  return {
    routes: CONDITIONAL_ROUTES,
    effect,
    make: () => ({
      stage: 'answer',
      act: async ({ ifNoneMatch, own }) => (ifNoneMatch === undefined ? own() : { status: 304, headers }),
    }),
  };
}

function jsonBody(text: string): () => Body {
  const body = Body.jsonText(text);
  return () => body;
}

/** The content with the validator that belongs to it. */
function withValidator(exchange: FaultExchange, own: Answer, body: Body): Answer {
  const known = exchange.ifNoneMatch;
  return conditionalAnswer(known === undefined ? {} : { 'if-none-match': known }, body, own.headers);
}

export const ANSWER_SWITCHES = {
  status: {
    routes: FAULT_ROUTES,
    parameter: { form: '<code>', rule: 'a status from 201 to 599' },
    effect: 'this status, with a message in the form of the relay; the route does not hear of the request',
    make: (parameter) => {
      const status = wholeNumber(parameter, 201, 599);
      if (status === undefined) return undefined;
      const answer = statusAnswer(status);
      return { stage: 'answer', act: async () => answer };
    },
  },
  redirect: {
    routes: FAULT_ROUTES,
    parameter: { form: '<host>', rule: 'a host, with or without a port' },
    effect: '307 to the same path on that host',
    make: (host) => {
      if (!isHost(host)) return undefined;
      return {
        stage: 'answer',
        act: async ({ path }) => ({ status: 307, headers: { Location: `http://${host}${path}` } }),
      };
    },
  },
  'auth-flip': instead('401 as for a wrong key, until the fault is cleared or used up', FAULT_ROUTES, () =>
    messageAnswer(401, 'invalid key'),
  ),
  '304-no-etag': notModified('304 without ETag to every request that names a validator', {}),
  '304-other-etag': notModified('304 with the ETag of something else to every request that names a validator', {
    ETag: OTHER_VALIDATOR,
  }),
  '304-unasked': {
    routes: CONDITIONAL_ROUTES,
    effect: '304 to a request that names no validator',
    make: () => ({
      stage: 'answer',
      act: async ({ ifNoneMatch, own }) => {
        const answer = await own();
        if (ifNoneMatch !== undefined || answer.status !== 200) return answer;
        return { status: 304, ...(answer.headers && { headers: answer.headers }) };
      },
    }),
  },
  'html-200': otherBody('200 with a sign-in page', () => new Body(HTML, 'text/html; charset=utf-8')),
  'cut-json': otherBody('200 with the first half of the JSON, whole as far as HTTP can tell', ({ body }) => {
    const text = body?.bytes.toString('utf8') ?? '{"flags"';
    return new Body(text.slice(0, Math.ceil(text.length / 2)), 'application/json');
  }),
  'array-200': otherBody('200 with `[]`', jsonBody('[]')),
  'flags-null': otherBody('200 with `{"flags":null}`', jsonBody('{"flags":null}')),
  'flags-array': otherBody('200 with `{"flags":[]}`', jsonBody('{"flags":[]}')),
  'error-code-200': otherBody(
    '200 with an `errorCode` and no flags',
    jsonBody('{"errorCode":"RETRIEVING_FLAGS_ERROR","errorDetails":"impossible to retrieve flag configuration"}'),
  ),
  'deep-json': otherBody(
    `200 with a flag whose value is an array nested ${DEEP_NESTING} deep`,
    jsonBody(
      `{"flags":{"deep":{"defaultRule":{"variation":"on"},"variations":{"on":${'['.repeat(DEEP_NESTING)}${']'.repeat(DEEP_NESTING)}}}}}`,
    ),
  ),
  'empty-object': {
    routes: ANSWERING_ROUTES,
    effect: '200 with `{}` and the ETag of `{}`: a relay that lost its flags',
    needsBody: true,
    make: () => {
      const empty = jsonBody('{}')();
      return { stage: 'answer', act: async (exchange) => withValidator(exchange, await exchange.own(), empty) };
    },
  },
  'no-routes': {
    routes: ['policies'],
    effect: '200 with a document of no routes and its ETag: a relay that lost its policies',
    needsBody: true,
    make: () => {
      const empty = jsonBody('{"modules":{},"revision":"none","routes":[],"schema":1}')();
      return { stage: 'answer', act: async (exchange) => withValidator(exchange, await exchange.own(), empty) };
    },
  },
  'other-bytes': {
    routes: ['policyModules', 'policyManifests', 'policyStores'],
    effect: 'the last byte is another one: what comes is not what its digest says',
    needsBody: true,
    make: () => ({
      stage: 'answer',
      act: async ({ own }) => {
        const answer = await own();
        if (answer.body === undefined) return answer;
        const bytes = Buffer.from(answer.body.bytes);
        bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
        return { ...answer, body: new Body(bytes, answer.body.contentType) };
      },
    }),
  },
  'replica-flap': {
    routes: CONDITIONAL_FLAG_ROUTES,
    effect: 'two contents in turn: the other one, which has the flag `replica-flap` as well, then the own one',
    needsBody: true,
    make: () => {
      let turn = 0;
      return {
        stage: 'answer',
        act: async (exchange) => {
          const own = await exchange.own();
          if (own.body === undefined || own.status !== 200) return own;
          turn += 1;
          return withValidator(exchange, own, turn % 2 === 1 ? otherReplica(own.body) : own.body);
        },
      };
    },
  },
  'collector-outage': instead('503; the events are lost to the relay', ['collector'], () => statusAnswer(503)),
  'collector-413': instead('413; the events are lost to the relay', ['collector'], () =>
    messageAnswer(413, 'Request Entity Too Large'),
  ),
  'collector-accept-then-500': {
    routes: ['collector'],
    effect: 'the events are taken, and the answer is 500 all the same',
    make: () => ({
      stage: 'answer',
      act: async ({ own }) => {
        await own();
        return statusAnswer(500);
      },
    }),
  },
} as const satisfies Readonly<Record<string, SwitchRow>>;

/** What a relay, or a gateway before it, says with a status. */
function statusAnswer(status: number): Answer {
  // These have no body by their nature.
  if (status === 204 || status === 205 || status === 304) return { status };
  return messageAnswer(status, STATUS_CODES[status] ?? `Status ${status}`);
}

function isHost(text: string): boolean {
  try {
    return /^[\w.:[\]-]+$/.test(text) && new URL(`http://${text}`).hostname !== '';
  } catch {
    return false;
  }
}
