import { describe, expect, it } from 'vitest';
import type { Outcome, PolicyInstance } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import {
  type NativeFactory,
  type NativeHooks,
  NativePolicy,
  RefusedParams,
} from '../../../../src/policy/native/native-policy.ts';
import { hookInput, INFO } from '../guest/support/guest-rig.ts';

function create(make: NativeFactory, params = {}): ReturnType<NativePolicy['create']> {
  return new NativePolicy('under-test', 'v1.0.0', make).create({ info: INFO, params });
}

async function instanceOf(hooks: NativeHooks): Promise<PolicyInstance> {
  const made = await create(() => hooks);
  if ('kind' in made) throw new Error(made.message);
  return made;
}

const HEADERS: NativeHooks['modes'] = { requestHeaders: 'process' };

describe('a native policy', () => {
  it('is asked by phase, and gives none, an action, a decision, or a promise of one', async () => {
    const instance = await instanceOf({
      modes: { requestBody: 'stream', responseHeaders: 'process', requestHeaders: 'process' },
      onRequestHeaders: () => undefined,
      onRequestBody: ({ request }) => ({ kind: 'request-changes', path: `${request.path}&x` }),
      onRequestBodyChunk: () => ({ kind: 'forward' }),
      needsMoreRequestData: () => true,
      onResponseHeaders: async () => ({ kind: 'response-changes', status: 204 }),
    });
    const call = (phase: Phase) => instance.call(phase, hookInput());
    expect(call(Phase.requestHeaders)).toEqual({ kind: 'none' });
    expect(call(Phase.requestBody)).toMatchObject({ action: { path: '/petstore/pets/7?verbose=1&x' } });
    expect(call(Phase.requestBodyChunk)).toEqual({ kind: 'action', action: { kind: 'forward' } });
    expect(call(Phase.needsMoreRequestData)).toEqual({ kind: 'decision', needsMore: true });
    expect(call(Phase.needsMoreResponseData)).toEqual({ kind: 'none' });
    expect(call(Phase.responseHeaders)).toBeInstanceOf(Promise);
    expect(await call(Phase.responseHeaders)).toEqual({
      kind: 'action',
      action: { kind: 'response-changes', status: 204 },
    });
  });

  it('is refused with all contradictions between modes and hooks at once (P-03)', async () => {
    const hooks: NativeHooks = {
      modes: { requestHeaders: 'process', requestBody: 'stream' },
      onRequestBody: () => undefined,
      onResponseBody: () => undefined,
    };
    expect(await create(() => hooks)).toMatchObject({
      code: 'INIT_FAILED',
      message: expect.stringMatching(/requestHeaders: .*; requestBody: .*streaming.*; responseBody: .*skip/),
    });
  });

  it('that throws has failed; nobody else notices', async () => {
    const boom = () => {
      throw new Error('boom');
    };
    const outcomes: (Outcome | Promise<Outcome>)[] = [];
    const thrower = await instanceOf({ modes: HEADERS, onRequestHeaders: boom, onStreamEnd: boom, destroy: boom });
    outcomes.push(thrower.call(Phase.requestHeaders, hookInput()));
    const rejecter = await instanceOf({ modes: HEADERS, onRequestHeaders: async () => boom() });
    outcomes.push(rejecter.call(Phase.requestHeaders, hookInput()));
    for (const outcome of outcomes) {
      expect(await outcome).toEqual({
        kind: 'failure',
        code: 'TRAP',
        message: 'under-test threw in onRequestHeaders: boom',
      });
    }
    thrower.streamEnd?.(1, 'completed');
    await thrower.destroy();
  });

  it('refuses its parameters, or cannot be made', async () => {
    const refuse = () => {
      throw new RefusedParams('/x: wrong');
    };
    expect(await create(refuse)).toMatchObject({ code: 'PARAMS_INVALID', message: 'under-test: /x: wrong' });
    expect(await create(() => Promise.reject('down'))).toMatchObject({
      code: 'INIT_FAILED',
      message: 'under-test: down',
    });
  });

  it('is destroyed once and not called after', async () => {
    let destroyed = 0;
    const instance = await instanceOf({
      modes: HEADERS,
      onRequestHeaders: () => undefined,
      destroy: () => void destroyed++,
    });
    await instance.destroy();
    await instance.destroy();
    expect(destroyed).toBe(1);
    expect(instance.call(Phase.requestHeaders, hookInput())).toMatchObject({ code: 'CLOSED' });
  });
});
