/** The content of a second replica: what the first one says, and one flag more. */

import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { isJsonObject } from '../../internal/json.ts';
import { Body } from '../answer.ts';

/** The flag that only the other replica has. All other answers stay the same, so that tests can go on asking them. */
const KEY = 'replica-flap';
const FLAG: JsonObject = { variations: { on: true, off: false }, defaultRule: { variation: 'on' } };
const RESULT: JsonObject = { key: KEY, value: true, reason: 'STATIC', variant: 'on' };

/** Takes the bodies of the configuration, of the change probe and of a bulk evaluation. */
export function otherReplica(own: Body): Body {
  const document = JSON.parse(own.bytes.toString('utf8')) as JsonObject;
  const { flags = {}, hash } = document;
  if (Array.isArray(flags)) return Body.json({ ...document, flags: [...flags, RESULT] });
  const added: JsonValue = typeof hash === 'number' ? 1 : FLAG;
  const others = isJsonObject(flags) ? flags : {};
  return Body.json({
    ...document,
    ...(typeof hash === 'number' && { hash: (hash ^ 1) >>> 0 }),
    flags: { ...others, [KEY]: added },
  });
}
