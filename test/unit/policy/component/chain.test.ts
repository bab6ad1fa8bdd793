/** Policies in every form in one chain. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { positionOf } from '../../../../src/policy/chain/position.ts';
import type { PolicyInstance } from '../../../../src/policy/model/instance.ts';
import { compile, instanceOf as coreInstanceOf, shipped } from '../guest/support/guest-rig.ts';
import { bodyOf, ExchangeRig, type Hooks, position, request, response, text } from '../support/exchange-rig.ts';
import { instanceOf, load, policyOf, rustComponent } from './support/component-rig.ts';

const native = (prefix: string): Hooks => ({
  requestBody: ({ request: { body } }) => ({
    kind: 'request-changes',
    body: Buffer.from(`${prefix}${text(body.content)}`),
  }),
  responseBody: ({ response: answer }) => ({
    kind: 'response-changes',
    body: Buffer.from(`${prefix}${text(answer?.body.content ?? new Uint8Array(0))}`),
  }),
});

describe('one chain', () => {
  it('P-37: mixes native, core-module and component policies; each sees what those before it did', async () => {
    const c = compile(readFileSync(new URL('../../../../examples/policies/c/four-hooks.wasm', import.meta.url)));
    const guest = (key: string, instance: PolicyInstance) =>
      positionOf({ key, policy: { name: key, version: 'v1.0.0' }, instance });
    const rig = new ExchangeRig(
      [
        position('native', native('n')),
        guest('assembly-script', await coreInstanceOf(shipped('four-hooks'), { prefix: 'a' })),
        guest('c', await coreInstanceOf(c, { prefix: 'c' })),
        guest('rust', await instanceOf(policyOf(load(rustComponent())), { prefix: 'r' })),
      ],
      request({ headers: [['user-agent', 'me']] }),
    );
    void rig.exchange.requestHeaders('buffer');
    expect(rig.exchange.requestBody(bodyOf('|in'))).toMatchObject({ kind: 'forward' });
    void rig.exchange.responseHeaders(response(), 'buffer');
    void rig.exchange.responseBody(bodyOf('|out'));
    expect(rig.outcomes.filter((outcome) => !outcome.endsWith(': changed'))).toEqual([]);
    expect(rig.outcomes).toHaveLength(14);
    const { request: seen, response: answered } = rig.exchange;
    expect(text(seen.body.content)).toBe('rcan|in');
    expect(seen.headers.get('x-seen-agent')).toEqual(['me']);
    expect(text(answered?.body.content ?? new Uint8Array(0))).toBe('nacr|out');
  });
});
