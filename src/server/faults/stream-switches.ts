/** Switches of the change stream: silence, an early end, and events that are foreign, too many or cut in a character. */

import type { ServerResponse } from 'node:http';
import type { StreamAnswer } from '../answer.ts';
import { STREAM_ROUTES } from './fault-routes.ts';
import type { Holds } from './holds.ts';
import type { SwitchRow } from './switch-row.ts';

const BURST_EVENTS = 1_000;
/** Long enough for the two halves to leave as two packets, and to be two reads on the other side. */
const SPLIT_GAP_MS = 25;

/** An event in the form of a stock relay: an id line without value, one data line. */
function frame(flagKey: string): string {
  const updated = { [flagKey]: { old_value: {}, new_value: {} } };
  return `id:\ndata: ${JSON.stringify({ deleted: {}, added: {}, updated })}\n\n`;
}

function stream(effect: string, open: (response: ServerResponse, own: StreamAnswer, holds: Holds) => void): SwitchRow {
  return {
    routes: STREAM_ROUTES,
    effect,
    make: () => ({
      stage: 'stream',
      act: (own, holds) => ({ headers: own.headers, stream: (response) => open(response, own, holds) }),
    }),
  };
}

export const STREAM_SWITCHES = {
  'sse-silent': stream('the stream opens and says nothing: no event, no heartbeat', (response, _, holds) => {
    response.flushHeaders();
    holds.keep(response);
  }),
  'sse-eof': stream('the stream opens and ends at once in good order', (response) => void response.end()),
  'sse-foreign': stream('the stream begins with a change of a flag that nobody here has', (response, own) => {
    response.write(frame('flag-of-another-tenant'));
    own.stream(response);
  }),
  'sse-burst': stream(`the stream begins with ${BURST_EVENTS} changes at once`, (response, own) => {
    response.write(Array.from({ length: BURST_EVENTS }, (_, at) => frame(`burst-${at}`)).join(''));
    own.stream(response);
  }),
  'sse-split-utf8': stream(
    'the stream begins with a change whose four-byte character comes in two pieces',
    async (response, own, holds) => {
      const bytes = Buffer.from(frame('flag-😀'));
      const cut = bytes.indexOf('😀') + 2;
      response.write(bytes.subarray(0, cut));
      if (!(await holds.wait(response, SPLIT_GAP_MS))) return;
      response.write(bytes.subarray(cut));
      own.stream(response);
    },
  ),
} as const satisfies Readonly<Record<string, SwitchRow>>;
