/** The exports of the test guest: the JSONLogic interpreter alone, with its number conversions within reach. */

export { arenaAlloc, arenaInit, arenaMark, arenaReset, fault, steps } from '../../../assembly/flags/arena';
export { matchJsonLogic } from '../../../assembly/flags/jsonlogic';
export { operatorOf } from '../../../assembly/flags/jsonlogic-codes';
export { formatFloat, formattedBytes } from '../../../assembly/flags/jsonlogic-format-float';
export { parseFloatText, parseStatus } from '../../../assembly/flags/jsonlogic-parse-float';
export { verifyRule } from '../../../assembly/flags/jsonlogic-verify';
