import { describe, expect, it } from 'vitest';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { callNow, INFO, instanceOf, policyOf, shipped } from './support/guest-rig.ts';

const guest = shipped('set-headers');

describe('set-headers, written in AssemblyScript', () => {
  it('sets, appends and removes headers of the request, names in lower case', async () => {
    const instance = await instanceOf(guest, {
      requestHeaders: [
        { name: 'X-One', value: 'caf\u00e9' },
        { name: 'x-two', value: '2', action: 'append' },
        { name: 'Cookie', action: 'remove' },
      ],
    });
    expect(instance.modes).toEqual({
      requestHeaders: 'process',
      requestBody: 'skip',
      responseHeaders: 'skip',
      responseBody: 'skip',
    });
    const outcome = callNow(instance, Phase.requestHeaders);
    expect(outcome).toEqual({
      kind: 'action',
      action: {
        kind: 'request-changes',
        headers: { set: [['x-one', 'caf\u00e9']], append: [['x-two', '2']], remove: ['cookie'] },
      },
    });
    expect(callNow(instance, Phase.requestHeaders)).toEqual(outcome);
    expect(callNow(instance, Phase.responseHeaders)).toEqual({ kind: 'none' });
  });

  it('refuses params that give no header, with the place of what is wrong', async () => {
    const policy = policyOf(guest);
    expect(await policy.create({ info: INFO, params: {} })).toMatchObject({ code: 'PARAMS_INVALID' });
    const params = {
      responseHeaders: [
        { name: 'a', value: '1' },
        { name: 'b c', value: '1' },
      ],
    };
    expect(await policy.create({ info: INFO, params })).toEqual({
      kind: 'failure',
      code: 'PARAMS_INVALID',
      message: 'the policy refused its parameters: /responseHeaders/1: the name is no header name',
    });
  });
});
