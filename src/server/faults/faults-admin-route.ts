/** `/edict/v1/faults`: the faults in force, for tests in other languages and other processes. Exists in test mode only. */

import { EdictError } from '../../errors.ts';
import type { JsonValue } from '../../internal/json.ts';
import { isJsonObject } from '../../internal/json.ts';
import type { Answer } from '../answer.ts';
import { jsonAnswer } from '../answer.ts';
import type { Authentication } from '../authentication.ts';
import { UnreadableBody } from '../request-body.ts';
import type { Exchange, Route } from '../router.ts';
import type { RelayFaults } from './fault-board.ts';
import type { FaultRoute } from './fault-routes.ts';
import { FAULT_ROUTES } from './fault-routes.ts';
import { formOf, SWITCHES } from './switches.ts';

const PATH = '/edict/v1/faults';
const MEMBERS = new Set(['route', 'fault', 'times']);

/** `GET` lists, `PUT` sets one, `DELETE` clears one (`?route=`) or all. Where keys are configured, one is needed. */
export function faultsAdminRoutes(dependencies: {
  readonly faults: RelayFaults;
  readonly authentication: Pick<Authentication<unknown>, 'refuse'>;
}): Route[] {
  const { faults, authentication } = dependencies;
  const route = (method: Route['method'], act: (exchange: Exchange) => Answer | Promise<Answer>): Route => ({
    method,
    path: PATH,
    handler: async (exchange) => {
      const refusal = authentication.refuse(exchange.request.headers);
      if (refusal !== undefined) return refusal;
      try {
        return await act(exchange);
      } catch (caught) {
        if (caught instanceof EdictError) return refused(caught.text);
        if (caught instanceof UnreadableBody) return refused(caught.message);
        throw caught;
      }
    },
  });
  return [
    route('GET', () =>
      jsonAnswer(200, {
        faults: faults.list(),
        seen: Object.fromEntries(FAULT_ROUTES.map((name) => [name, faults.seen(name)])),
        switches: [...SWITCHES].map(([name, row]) => {
          const { effect, routes, parameter } = row;
          return { switch: formOf(name, row), effect, routes, parameter: parameter?.rule };
        }),
      }),
    ),
    route('PUT', async ({ body }) => {
      const { route, fault, times } = requestOf(await body.json());
      // The board checks what it is given; a request body has no types.
      faults.set(route as FaultRoute, fault as string, times === undefined ? {} : { times: times as number });
      return jsonAnswer(200, { faults: faults.list() });
    }),
    route('DELETE', ({ query }) => {
      faults.clear((query.get('route') ?? undefined) as FaultRoute | undefined);
      return jsonAnswer(200, { faults: faults.list() });
    }),
  ];
}

function requestOf(request: JsonValue | undefined): Readonly<Record<string, JsonValue | undefined>> {
  if (!isJsonObject(request)) throw new UnreadableBody('the body is not an object with "route" and "fault"');
  const unknown = Object.keys(request).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw new UnreadableBody(`the body knows "route", "fault" and "times", not "${unknown}"`);
  return request;
}

function refused(errorDetails: string): Answer {
  return jsonAnswer(400, { errorCode: 'INVALID_OPTION', errorDetails });
}
