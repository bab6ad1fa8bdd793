/** What policies tell analytics: how it adds up over policies, phases and directions. */

import { describe, expect, it } from 'vitest';
import type { Observations } from '../../../../src/policy/model/actions.ts';
import { ExchangeRig, position, request, response } from '../support/exchange-rig.ts';

const onRequest = (observations: Observations) => ({ kind: 'request-changes' as const, observations });
const onResponse = (observations: Observations) => ({ kind: 'response-changes' as const, observations });

/** The gathered observations after both directions. */
function gatheredAfter(first: readonly Observations[], later: readonly Observations[]) {
  const rig = new ExchangeRig([
    ...first.map((one, i) => position(`request-${i}`, { requestHeaders: () => onRequest(one) })),
    // Responses walk backwards.
    ...later.map((one, i) => position(`response-${i}`, { responseHeaders: () => onResponse(one) })).reverse(),
  ]);
  void rig.exchange.requestHeaders('none');
  void rig.exchange.responseHeaders(response(), 'none');
  return rig.exchange.gathered;
}

describe('observations (P-19)', () => {
  it('of analytics merge over all phases, and the last one wins', () => {
    const { analyticsMetadata } = gatheredAfter(
      [{ analyticsMetadata: { a: 1, b: { deep: true } } }, { analyticsMetadata: { c: 3 } }],
      [{ analyticsMetadata: { b: 'flat' } }],
    );
    expect(analyticsMetadata).toEqual({ a: 1, b: 'flat', c: 3 });
  });

  it('of a namespace merge within it, without the keys that are the engine’s own', () => {
    const { dynamicMetadata } = gatheredAfter(
      [{ dynamicMetadata: { ns: { a: 1, path: '/forged', method: 'GET' } } }],
      [{ dynamicMetadata: { ns: { b: 2, host: 'forged', analytics_data: {} }, other: { a: 3 } } }],
    );
    expect(dynamicMetadata).toEqual({ ns: { a: 1, b: 2 }, other: { a: 3 } });
  });

  it('filter headers by direction: the last filter that names any holds', () => {
    const { analyticsHeaderFilters } = gatheredAfter(
      [
        { analyticsHeaderFilter: { mode: 'deny', names: ['Cookie'] } },
        { analyticsHeaderFilter: { mode: 'allow', names: ['X-Request-ID'] } },
        { analyticsHeaderFilter: { mode: 'deny', names: [] } },
      ],
      [{ analyticsHeaderFilter: { mode: 'deny', names: ['set-cookie'] } }],
    );
    expect(analyticsHeaderFilters).toEqual({
      request: { mode: 'allow', names: ['X-Request-ID'] },
      response: { mode: 'deny', names: ['set-cookie'] },
    });
  });

  it('are kept when a policy answers in place of the upstream, those of the answer included', () => {
    const rig = new ExchangeRig(
      [
        position('first', { requestHeaders: () => onRequest({ analyticsMetadata: { first: true } }) }),
        position('answer', {
          requestHeaders: () => ({
            kind: 'immediate',
            status: 403,
            observations: {
              analyticsMetadata: { denied: true },
              analyticsHeaderFilter: { mode: 'deny', names: ['authorization'] },
            },
          }),
        }),
      ],
      request({ headers: [['authorization', 'secret']] }),
    );
    expect(rig.exchange.requestHeaders('none')).toMatchObject({ kind: 'respond', response: { status: 403 } });
    const { analyticsMetadata, analyticsHeaderFilters } = rig.exchange.gathered;
    expect(analyticsMetadata).toEqual({ first: true, denied: true });
    expect(analyticsHeaderFilters).toEqual({ request: { mode: 'deny', names: ['authorization'] } });
  });
});
