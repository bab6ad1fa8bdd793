/** The routes on which engines tell what became of a configuration, and what they decided. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { type Answer, jsonAnswer, messageAnswer } from '../answer.ts';
import type { Authentication } from '../authentication.ts';
import { type RequestBody, UnreadableBody } from '../request-body.ts';
import type { Route } from '../router.ts';

/** What engines tell a relay. */
export type PolicyReport =
  | { readonly type: 'policy-status'; readonly status: JsonObject }
  | { readonly type: 'policy-decisions'; readonly decisions: readonly JsonObject[] };

export interface ReportDependencies {
  readonly authentication: Pick<Authentication<unknown>, 'refuse'>;
  readonly listener: (report: PolicyReport) => void;
}

const MAX_DECISIONS = 10_000;
const OUTCOMES: readonly unknown[] = ['active', 'refused', 'superseded', 'failed'];

/** Reports are handed on and counted; a relay keeps none of them. */
export function reportRoutes({ authentication, listener }: ReportDependencies): Route[] {
  const route = (path: string, read: (body: JsonValue | undefined) => PolicyReport, count: CountOf): Route => ({
    method: 'POST',
    path,
    handler: async ({ request, body }) => {
      const refusal = authentication.refuse(request.headers);
      return refusal ?? take(body, read, count, listener);
    },
  });
  return [
    route('/v1/policy/status', readStatus, () => 1),
    route('/v1/policy/decisions', readDecisions, (report) =>
      report.type === 'policy-decisions' ? report.decisions.length : 0,
    ),
  ];
}

type CountOf = (report: PolicyReport) => number;

async function take(
  body: RequestBody,
  read: (body: JsonValue | undefined) => PolicyReport,
  count: CountOf,
  listener: (report: PolicyReport) => void,
): Promise<Answer> {
  try {
    const report = read(await body.inflatedJson());
    listener(report);
    return jsonAnswer(200, { ingestedContentCount: count(report) });
  } catch (caught) {
    if (!(caught instanceof UnreadableBody)) throw caught;
    return messageAnswer(400, `invalid input data: ${caught.message}`);
  }
}

/** What every report says; further members are kept. */
function readStatus(body: JsonValue | undefined): PolicyReport {
  if (!isJsonObject(body)) throw new UnreadableBody('the body is not an object');
  if (typeof body.revision !== 'string') throw new UnreadableBody('"revision" is not a string');
  if (!OUTCOMES.includes(body.outcome)) throw new UnreadableBody(`"outcome" is not one of ${OUTCOMES.join(', ')}`);
  return { type: 'policy-status', status: body };
}

function readDecisions(body: JsonValue | undefined): PolicyReport {
  if (!Array.isArray(body) || !body.every(isJsonObject))
    throw new UnreadableBody('the body is not an array of objects');
  if (body.length > MAX_DECISIONS) throw new UnreadableBody(`the body has more than ${MAX_DECISIONS} events`);
  return { type: 'policy-decisions', decisions: body };
}
