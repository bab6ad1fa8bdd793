/** Everybody who takes part, in the order of the tables. */

import { closures, inMemory } from './closures.mjs';
import { edict, edictAll, edictPrepared } from './edict.mjs';
import { flagd } from './flagd.mjs';
import { growthbook } from './growthbook.mjs';
import { jsonLogicEngine } from './json-logic.mjs';
import { launchdarkly } from './launchdarkly.mjs';
import { unleash } from './unleash.mjs';

export const CONTENDERS = [
  edict,
  edictPrepared,
  edictAll,
  flagd,
  unleash,
  growthbook,
  launchdarkly,
  inMemory,
  jsonLogicEngine,
  closures,
];

/** A flag SDK that decides by configuration: what Edict is compared with. */
export const isPeer = (contender) => contender.package !== undefined && !contender.isRuleEngine;
