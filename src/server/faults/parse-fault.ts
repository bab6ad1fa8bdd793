/** Reads the text of a fault, `status:429+retry-after:5`; whatever is not exactly right is refused with the nearest right word. */

import { EdictError } from '../../errors.ts';
import { editDistance } from '../../options/unknown-names.ts';
import type { FaultRoute } from './fault-routes.ts';
import type { Action } from './switch-row.ts';
import { formOf, SWITCHES } from './switches.ts';

type Act<Stage extends Action['stage']> = Extract<Action, { readonly stage: Stage }>['act'];

/** What the switches of one text do together. It has a state (turns, for example), so each `set` makes its own. */
export interface Fault {
  readonly text: string;
  /** See `SwitchRow.needsBody`. */
  readonly needsBody: boolean;
  readonly answer: Act<'answer'> | undefined;
  readonly validator: Act<'validator'> | undefined;
  readonly headers: readonly Act<'headers'>[];
  readonly delay: Act<'delay'> | undefined;
  readonly delivery: Act<'delivery'> | undefined;
  readonly stream: Act<'stream'> | undefined;
}

/** Texts come from a request body as well; no fault needs more. */
const MAX_LENGTH = 512;

/** Throws `INVALID_OPTION` for an unknown switch, a bad parameter, a switch that means nothing on the route, and two of a kind. */
export function parseFault(text: string, route: FaultRoute): Fault {
  if (typeof text !== 'string' || text.trim() === '' || text.length > MAX_LENGTH) {
    throw refused(`a fault is a text of at most ${MAX_LENGTH} characters, such as "status:503"`);
  }
  const headers: Act<'headers'>[] = [];
  const single = new Map<Action['stage'], { readonly name: string; readonly action: Action }>();
  const names = new Set<string>();
  let needsBody = false;
  for (const part of text.split('+')) {
    const { name, action, row } = parseSwitch(part.trim(), route);
    if (names.has(name)) throw refused(`"${name}" stands twice`);
    names.add(name);
    needsBody ||= row.needsBody === true;
    if (action.stage === 'headers') {
      headers.push(action.act);
      continue;
    }
    const other = single.get(action.stage);
    if (other !== undefined) throw refused(`"${other.name}" and "${name}" exclude each other`);
    single.set(action.stage, { name, action });
  }
  const act = <Stage extends Action['stage']>(stage: Stage): Act<Stage> | undefined =>
    single.get(stage)?.action.act as Act<Stage> | undefined;
  return {
    text,
    needsBody,
    answer: act('answer'),
    validator: act('validator'),
    headers,
    delay: act('delay'),
    delivery: act('delivery'),
    stream: act('stream'),
  };
}

function parseSwitch(part: string, route: FaultRoute) {
  const colon = part.indexOf(':');
  const name = colon < 0 ? part : part.slice(0, colon);
  const row = SWITCHES.get(name);
  if (row === undefined) throw refused(`there is no switch "${name}"; the nearest is "${nearestSwitch(name)}"`);
  const { parameter, routes } = row;
  if (parameter === undefined && colon >= 0) throw refused(`"${name}" takes no parameter`);
  const action = colon < 0 && parameter !== undefined ? undefined : row.make(part.slice(colon + 1));
  if (action === undefined) throw refused(`"${part}" should be "${formOf(name, row)}", with ${parameter?.rule}`);
  if (!routes.includes(route))
    throw refused(`"${name}" means nothing on ${route}; it can be set on ${routes.join(', ')}`);
  return { name, action, row };
}

function nearestSwitch(wrong: string): string {
  return nearest(
    wrong,
    [...SWITCHES].map(([name, row]) => [name, formOf(name, row)] as const),
  );
}

/** The word whose name begins like the wrong one, else the one least different; of two equally near, the earlier one. */
export function nearest(wrong: string, words: readonly (readonly [name: string, shown: string])[]): string {
  const compared = wrong.toLowerCase();
  const longer = words.find(([name]) => compared !== '' && name.startsWith(compared));
  if (longer !== undefined) return longer[1];
  const distances = words.map(([name, shown]) => ({ shown, distance: editDistance(compared, name) }));
  return distances.reduce((best, next) => (next.distance < best.distance ? next : best)).shown;
}

function refused(text: string): EdictError {
  return new EdictError('INVALID_OPTION', `fault: ${text}`);
}
