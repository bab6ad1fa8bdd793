/** A hook that failed here is asked for elsewhere, unless that would do something twice. */

import { describe, expect, it } from 'vitest';
import type { RemoteCaller } from '../../../../src/policy/chain/remote-fallback.ts';
import type { ImmediateResponse } from '../../../../src/policy/model/actions.ts';
import { type PolicyFailure, policyFailure } from '../../../../src/policy/model/failure.ts';
import type { HookInput } from '../../../../src/policy/model/inputs.ts';
import type { Outcome } from '../../../../src/policy/model/instance.ts';
import { Phase } from '../../../../src/policy/model/phases.ts';
import { MemoryKv } from '../../../../src/policy-host/kv/memory-kv.ts';
import { callOf, hostOf, StillTime } from '../../policy-host/support/host-rig.ts';
import { BuildRig, documentOf } from '../support/build-rig.ts';
import { response } from '../support/exchange-rig.ts';

const ROUTE = 'shop:a';
const TRAP = policyFailure('TRAP', 'x');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

interface Asked {
  readonly caller: RemoteCaller;
  readonly phase: Phase;
}

type Answer = (phase: Phase, input: HookInput) => Outcome | Promise<Outcome>;

/** A policy that fails in every phase it has, before a remote evaluator that is a function. */
function world(answer: Answer | undefined, failure: PolicyFailure = TRAP): { rig: BuildRig; asked: Asked[] } {
  const asked: Asked[] = [];
  const remote = {
    invoke: (caller: RemoteCaller, phase: Phase, input: HookInput) => {
      asked.push({ caller, phase });
      return (answer as Answer)(phase, input);
    },
  };
  const rig = new BuildRig(answer === undefined ? {} : { remote });
  const fail = (): PolicyFailure => failure;
  const hooks = {
    requestHeaders: fail,
    requestBody: fail,
    requestChunk: fail,
    responseHeaders: fail,
    responseBody: fail,
    responseChunk: fail,
    needsMoreRequest: fail as never,
    needsMoreResponse: fail as never,
  };
  const processing = {
    requestHeaders: 'process',
    requestBody: 'stream',
    responseHeaders: 'process',
    responseBody: 'stream',
  };
  rig.add('p', () => hooks, { manifest: { processing } });
  return { rig, asked };
}

const positionWith = (more: object): ReturnType<typeof documentOf> =>
  documentOf({ [ROUTE]: [{ key: 'k', use: 'p', params: { a: 1 }, ...more }] });

/** What each phase comes to: a status where the client is answered, else what goes on. */
async function outcomes(rig: BuildRig): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  const one = rig.exchange(ROUTE).exchange;
  const heads = await one.requestHeaders('stream');
  found.requestHeaders = heads.kind === 'respond' ? heads.response.status : 'forward';
  const two = rig.exchange(ROUTE).exchange;
  const part = { data: bytes('abc'), endOfStream: false, streamId: 1 };
  const chunk = await two.requestChunk(part);
  found.requestChunk = chunk.failed ? 'failed' : Buffer.from(chunk.data).toString();
  found.needsMore = await two.needsMore('request', { fresh: bytes('a'), total: 1, streamId: 1 });
  const three = rig.exchange(ROUTE).exchange;
  found.responseHeaders = (await three.responseHeaders(response(), 'stream')).response.status;
  const back = await rig.exchange(ROUTE).exchange.responseChunk(part);
  found.responseChunk = back.failed ? 'failed' : Buffer.from(back.data).toString();
  return found;
}

const REFUSED: ImmediateResponse = { kind: 'immediate', status: 403 };
const fitting: Answer = (phase) =>
  phase === Phase.requestBodyChunk || phase === Phase.responseBodyChunk
    ? { kind: 'action', action: { kind: 'forward', body: bytes('R') } }
    : { kind: 'action', action: REFUSED };
const CLOSED = {
  requestHeaders: 500,
  requestChunk: 'failed',
  needsMore: false,
  responseHeaders: 500,
  responseChunk: 'failed',
};
const OPEN = {
  requestHeaders: 'forward',
  requestChunk: 'abc',
  needsMore: false,
  responseHeaders: 200,
  responseChunk: 'abc',
};
const REMOTE = { requestHeaders: 403, requestChunk: 'R', needsMore: false, responseHeaders: 403, responseChunk: 'R' };
const CANNED = { ...CLOSED, requestHeaders: 429, responseHeaders: 429 };
const remote = { fallbackEvaluator: 'remote' };

describe('P-51: a failure in every phase', () => {
  it.each<[string, object, Answer, object]>([
    ['closed', { failureMode: 'closed' }, fitting, CLOSED],
    ['open', { failureMode: 'open' }, fitting, OPEN],
    ['fallback', { failureMode: { fallback: { kind: 'immediate', status: 429 } } }, fitting, CANNED],
    ['remote', remote, fitting, REMOTE],
    ['remote, later', remote, async (...given) => fitting(...given), REMOTE],
    ['remote that fails, closed', remote, () => policyFailure('REMOTE_TIMEOUT', 'y'), CLOSED],
    [
      'remote that fails, open',
      { ...remote, failureMode: 'open' },
      async () => policyFailure('REMOTE_TIMEOUT', 'y'),
      OPEN,
    ],
  ])('%s', async (_, more, answer, expected) => {
    const { rig } = world(answer);
    expect((await rig.sets.activate(positionWith(more))).problems).toEqual([]);
    expect(await outcomes(rig)).toEqual(expected);
  });

  it('is told to the remote evaluator with policy, parameters and position; questions are not', async () => {
    const { rig, asked } = world(fitting);
    await rig.sets.activate(positionWith(remote));
    await outcomes(rig);
    expect(asked.map(({ phase }) => phase)).toEqual([1, 6, 3, 8]);
    expect(asked[0]?.caller).toMatchObject({ position: 'k', init: { info: { name: 'p' }, params: { a: 1 } } });
  });

  it('that had effects outside is not repeated elsewhere, unless the position says so', async () => {
    const failure: PolicyFailure = { ...TRAP, hadEffects: true };
    const careful = world(fitting, failure);
    await careful.rig.sets.activate(positionWith(remote));
    expect(await outcomes(careful.rig)).toEqual(CLOSED);
    expect(careful.asked).toEqual([]);
    const bold = world(fitting, failure);
    await bold.rig.sets.activate(positionWith({ ...remote, retryAfterEffects: true }));
    expect(await outcomes(bold.rig)).toEqual(REMOTE);
  });

  it('needs a remote evaluator where the document asks for one (P-63)', async () => {
    const { rig } = world(undefined);
    const { problems } = await rig.sets.activate(positionWith(remote));
    expect(problems).toMatchObject([{ path: '/chains/chain-shop:a/api/0/fallbackEvaluator' }]);
  });
});

describe('a host', () => {
  it('tells failures that came after a write from others, also where hooks overlap', () => {
    const shape = { kv: { namespaces: ['n'] } };
    const host = hostOf(shape, { kv: new MemoryKv(new StillTime()), time: new StillTime() });
    const [writes, reads, later] = [callOf(), callOf(), callOf()];
    const fails = ({ input }: ReturnType<typeof callOf>): Outcome => host.settle(input as HookInput, TRAP);
    host.kvSet(writes, 'n', 'k', bytes('v'), 0);
    host.kvGet(reads, 'n', 'k');
    host.kvIncrement(later, 'n', 'count', 1, 0, false);
    expect(fails(reads)).toEqual(TRAP);
    expect(fails(writes)).toEqual({ ...TRAP, hadEffects: true });
    expect(fails(later)).toEqual({ ...TRAP, hadEffects: true });
    expect(fails(later)).toEqual(TRAP);
  });
});
