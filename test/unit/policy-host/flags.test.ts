/** Flags inside exchanges: one snapshot, one evaluation a key, and the answers of the flag evaluator itself. */

import { afterEach, describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import type { Resolution } from '../../../src/evaluator/resolution.ts';
import { isJsonObject, type JsonObject } from '../../../src/internal/json.ts';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import type { AuthLayer } from '../../../src/policy/model/actions.ts';
import { HeaderMap } from '../../../src/policy/model/headers.ts';
import type { HookInput } from '../../../src/policy/model/inputs.ts';
import { NOTHING_GATHERED } from '../../../src/policy/model/views.ts';
import {
  ExchangeFlags,
  type ExchangeFlagsOptions,
  exchangeContext,
  flagSourceOf,
} from '../../../src/policy-host/exchange-flags.ts';
import { EXCHANGE, hookInput } from '../policy/guest/support/guest-rig.ts';
import { callOf, foreignCall, freshInput, hostOf, OUTSIDE } from './support/host-rig.ts';

const open: InProcessEvaluator[] = [];
afterEach(async () => {
  for (const evaluator of open.splice(0)) await evaluator.close();
});

const flag = (variation: string, more: JsonObject = {}): JsonObject => ({
  variations: { on: true, off: false },
  defaultRule: { variation },
  ...more,
});

const DOCUMENT: JsonObject = {
  flags: {
    beta: flag('off', { targeting: [{ query: 'targetingKey eq "anna"', variation: 'on' }] }),
    route: flag('off', { targeting: [{ query: 'api.name eq "PetStore" and method eq "POST"', variation: 'on' }] }),
    limit: { variations: { low: 10, high: 100 }, defaultRule: { variation: 'low' } },
    plan: { variations: { a: { rate: 1, list: [1, 2] } }, defaultRule: { variation: 'a' } },
    word: { variations: { x: 'plain' }, defaultRule: { variation: 'x' } },
    disabled: flag('on', { disable: true }),
  },
};

async function rig(options: ExchangeFlagsOptions = {}) {
  const evaluator = new InProcessEvaluator({ bootstrap: DOCUMENT });
  open.push(evaluator);
  await evaluator.initialize();
  const evaluated: Resolution[] = [];
  const flags = new ExchangeFlags(flagSourceOf(evaluator), {
    ...options,
    onEvaluated: (resolution) => evaluated.push(resolution),
  });
  return { evaluator, flags, evaluated, host: hostOf({ flags: true }, { flags }) };
}

const parsed = (answer: unknown): JsonObject => {
  const value: unknown = JSON.parse(answer as string);
  if (!isJsonObject(value)) throw new Error('no object');
  return value;
};

function as(subject: string): HookInput {
  const auth: AuthLayer = { authenticated: true, authorized: true, authType: 'jwt', subject, scopes: ['read'] };
  return freshInput({ gathered: { ...NOTHING_GATHERED, auth: [auth] } });
}

describe('the flag function', () => {
  it('P-71 answers as the flag evaluator does, for every kind of value', async () => {
    const { evaluator, host } = await rig();
    const input = as('anna');
    const call = callOf(input);
    const context = exchangeContext(input);
    const cases = [
      ['beta', 'boolean', 'false', true],
      ['route', 'boolean', 'false', true],
      ['limit', 'number', '1', 10],
      ['plan', 'object', '{}', { rate: 1, list: [1, 2] }],
      ['word', 'string', '""', 'plain'],
    ] as const;
    for (const [key, kind, otherwise, value] of cases) {
      const { variant, reason } = evaluator.evaluate(key, context);
      expect(parsed(host.flag(call, key, kind, otherwise, undefined))).toEqual({ value, variant, reason });
    }
  });

  it('gives the default, with why, for flags that are missing, disabled or of another kind', async () => {
    const { host } = await rig();
    const call = callOf(as('bert'));
    expect(parsed(host.flag(call, 'missing', 'number', '7', undefined))).toEqual({
      value: 7,
      variant: 'SdkDefault',
      reason: 'ERROR',
      errorCode: 'FLAG_NOT_FOUND',
    });
    expect(parsed(host.flag(call, 'disabled', 'boolean', 'true', undefined))).toMatchObject({
      value: true,
      reason: 'DISABLED',
    });
    expect(parsed(host.flag(call, 'word', 'boolean', 'false', undefined))).toEqual({
      value: false,
      variant: 'SdkDefault',
      reason: 'ERROR',
      errorCode: 'TYPE_MISMATCH',
    });
    expect(parsed(host.flag(call, '__proto__', 'boolean', 'true', undefined))).toMatchObject({ value: true });
  });

  it('P-71 evaluates a key once in an exchange and reports it once, whoever asks', async () => {
    const { flags, evaluated, host } = await rig();
    const other = hostOf({ flags: true }, { flags }, { policy: 'another' });
    const input = as('anna');
    for (let i = 0; i < 3; i++) {
      host.flag(callOf(input), 'beta', 'boolean', 'false', undefined);
      other.flag(callOf(input), 'beta', 'string', '"x"', undefined);
      flags.resolve(input, 'beta');
    }
    expect(evaluated.map(({ flagKey }) => flagKey)).toEqual(['beta']);
    host.flag(callOf(input), 'limit', 'number', '0', undefined);
    host.flag(callOf(as('anna')), 'beta', 'boolean', 'false', undefined);
    expect(evaluated.map(({ flagKey }) => flagKey)).toEqual(['beta', 'limit', 'beta']);
  });

  it('keeps the first answer when an auth policy runs between two questions', async () => {
    const { flags } = await rig();
    const before = freshInput();
    const { gathered } = as('anna');
    expect(flags.resolve(before, 'beta').value).toBe(false);
    expect(flags.resolve({ ...before, gathered }, 'beta').value).toBe(false);
    expect(flags.resolve(as('anna'), 'beta').value).toBe(true);
  });

  it('takes a context of the guest instead of the exchange\u2019s, and remembers short ones', async () => {
    const { evaluated, host } = await rig();
    const call = callOf(as('bert'));
    const asked = (context: string) => parsed(host.flag(call, 'beta', 'boolean', 'false', context)).value;
    expect(asked('{"targetingKey":"anna"}')).toBe(true);
    expect(asked('{"targetingKey":"anna"}')).toBe(true);
    expect(asked('{"targetingKey":"bert"}')).toBe(false);
    expect(evaluated).toHaveLength(2);
    const long = JSON.stringify({ targetingKey: 'anna', note: 'x'.repeat(3_000) });
    expect([asked(long), asked(long)]).toEqual([true, true]);
    expect(evaluated).toHaveLength(4);
  });

  it.each([
    ['boolean', 'x', undefined],
    ['boolean', '', undefined],
    ['boolean', '1', undefined],
    ['object', 'null', undefined],
    ['number', '1e999x', undefined],
    ['boolean', 'true', '[]'],
    ['boolean', 'true', 'null'],
    ['boolean', 'true', '{'],
    ['boolean', 'true', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`],
    ['object', '['.repeat(100_000), undefined],
  ] as const)('refuses what is no default or context (%#)', async (kind, otherwise, context) => {
    const { evaluated, host } = await rig();
    expect(host.flag(callOf(), 'beta', kind, otherwise, context)).toBe(hostFault('bad-argument'));
    expect(evaluated).toEqual([]);
  });

  it('is denied without the grant, outside of hooks and to other tenants; unavailable without an evaluator', async () => {
    const { flags, host } = await rig();
    for (const call of [OUTSIDE, foreignCall()]) {
      expect(host.flag(call, 'beta', 'boolean', 'false', undefined)).toBe(hostFault('denied'));
    }
    expect(hostOf({}, { flags }).flag(callOf(), 'beta', 'boolean', 'false', undefined)).toBe(hostFault('denied'));
    expect(hostOf({ flags: true }).flag(callOf(), 'beta', 'boolean', 'false', undefined)).toBe(
      hostFault('unavailable'),
    );
  });

  it('answers the same when whoever counts usage throws', async () => {
    const { evaluator } = await rig();
    const flags = new ExchangeFlags(flagSourceOf(evaluator), {
      onEvaluated: () => {
        throw new Error('full');
      },
    });
    expect(flags.resolve(as('anna'), 'beta').value).toBe(true);
  });
});

describe('the snapshot of an exchange', () => {
  it('is the one of its first question, whatever is loaded before the next', async () => {
    const { evaluator, flags } = await rig();
    const early = as('anna');
    expect(flags.resolve(early, 'limit').value).toBe(10);
    await evaluator.load({
      flags: {
        ...(DOCUMENT['flags'] as JsonObject),
        limit: { variations: { low: 10, high: 100 }, defaultRule: { variation: 'high' } },
        beta: flag('off'),
        route: flag('off', { targeting: [{ query: 'api.name eq "Other"', variation: 'on' }] }),
      },
    });
    expect(flags.resolve(early, 'beta').value).toBe(true);
    expect(flags.resolve(as('anna'), 'beta').value).toBe(false);
    expect(flags.resolve(early, 'route').value).toBe(true);
    expect(flags.resolve(as('anna'), 'limit').value).toBe(100);
    expect(flags.resolve(early, 'limit').value).toBe(10);
  });

  it('is held by a pin over many loads, and a pin from before the first load finds nothing', async () => {
    const empty = new InProcessEvaluator({ bootstrap: DOCUMENT });
    open.push(empty);
    const nothing = empty.pin();
    await empty.initialize();
    expect(nothing.evaluate('beta', {}, true)).toMatchObject({ value: true, reason: 'ERROR' });
    const pin = empty.pin();
    for (let i = 0; i < 4; i++) {
      await empty.load({ flags: { beta: flag(i % 2 === 0 ? 'on' : 'off', { targeting: [] }) } });
      expect(pin.evaluate('beta', { targetingKey: 'anna' }).value).toBe(true);
      expect(pin.evaluate('beta', { targetingKey: 'bert' }).value).toBe(false);
      expect(pin.evaluate('limit', {}, 0, 'number').value).toBe(10);
      expect(empty.evaluate('beta', { targetingKey: 'bert' }).value).toBe(i % 2 === 0);
      expect(pin.evaluate('gone', {}, 'x').value).toBe('x');
    }
  });
});

describe('what flags see of an exchange', () => {
  it('is the caller, the route and the request, and no header but the one for the targeting key', () => {
    const request = {
      ...hookInput().request,
      headers: HeaderMap.from([
        ['x-user', 'carl'],
        ['authorization', 'Bearer t'],
      ]),
    };
    const input = freshInput({ request, exchange: { ...EXCHANGE, clientIp: '192.0.2.7' } });
    const context = exchangeContext(input, 'X-User');
    expect(context).toEqual({
      targetingKey: 'carl',
      tenant: 'shop',
      route: 'pets-get',
      api: { id: 'a1', name: 'PetStore', version: 'v1.0.0', kind: 'RestApi', context: '/petstore' },
      method: 'POST',
      clientIp: '192.0.2.7',
    });
    const known = exchangeContext({ ...as('anna'), request }, 'x-user');
    expect(known).toMatchObject({
      targetingKey: 'anna',
      auth: { authenticated: true, type: 'jwt', scopes: ['read'] },
    });
    expect(exchangeContext(input)).not.toHaveProperty('targetingKey');
    expect(JSON.stringify([context, known])).not.toContain('Bearer');
  });
});
