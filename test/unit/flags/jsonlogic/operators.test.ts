/** The operator table of the host against the guest's. */

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { OPERATOR_CODES, SLOT_OR_CODE } from '../../../../src/flags/jsonlogic/operators.ts';
import { JsonLogicRig } from '../../guest/jsonlogic-rig.ts';

let rig: JsonLogicRig;
beforeAll(async () => {
  rig = await JsonLogicRig.start();
}, 120_000);

function codeInGuest(name: string): number {
  return rig.guest.operatorOf(...rig.placeText(name));
}

describe('JSONLogic operators', () => {
  it('have the same numbers in host and guest', () => {
    for (const [name, code] of OPERATOR_CODES) expect([name, codeInGuest(name)]).toEqual([name, code]);
    expect(OPERATOR_CODES.size).toBe(39);
  });

  it('have a constant each in the guest, and the slot with default comes behind them', () => {
    const source = readFileSync(new URL('../../../../assembly/flags/jsonlogic-codes.ts', import.meta.url), 'utf8');
    const constants = [...source.matchAll(/^export const (JL_\w+): u32 = (\d+);$/gm)];
    expect(constants.map(([, , code]) => Number(code))).toEqual(Array.from({ length: SLOT_OR_CODE + 1 }, (_, i) => i));
    expect(constants.at(-1)?.[1]).toBe('JL_SLOT_OR');
    expect(SLOT_OR_CODE).toBe(OPERATOR_CODES.size + 1);
  });

  it.each([
    '',
    'AND',
    'an',
    'andd',
    'and ',
    ' and',
    'and or',
    'missing_',
    'some ',
    'contains',
    'log',
    '= =',
    'constructor',
    'é',
  ])('do not include %j', (name) => {
    expect(codeInGuest(name)).toBe(0);
    expect(OPERATOR_CODES.has(name)).toBe(false);
  });
});
