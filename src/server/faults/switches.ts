/** The one table of fault switches. docs/relay-faults.md and the admin route list it. */

import { ANSWER_SWITCHES } from './answer-switches.ts';
import { DELIVERY_SWITCHES } from './delivery-switches.ts';
import { HEADER_SWITCHES } from './header-switches.ts';
import { STREAM_SWITCHES } from './stream-switches.ts';
import type { SwitchRow } from './switch-row.ts';

export const SWITCHES: ReadonlyMap<string, SwitchRow> = new Map<string, SwitchRow>(
  Object.entries({ ...ANSWER_SWITCHES, ...HEADER_SWITCHES, ...DELIVERY_SWITCHES, ...STREAM_SWITCHES }),
);

/** The switch with its parameter, as it is written: `status:<code>`. */
export function formOf(name: string, { parameter }: SwitchRow): string {
  return parameter === undefined ? name : `${name}:${parameter.form}`;
}
