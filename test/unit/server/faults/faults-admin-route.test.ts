import { describe, expect, it } from 'vitest';
import { SWITCHES } from '../../../../src/server/faults/switches.ts';
import { SHOP, send, startTestRelay } from '../test-relay.ts';

const PATH = '/edict/v1/faults';

async function start(options: { readonly apiKeys?: readonly string[] } = {}) {
  const test = await startTestRelay(SHOP, { faults: true, ...options });
  const ask = (method: 'GET' | 'PUT' | 'DELETE', body?: string, query = '', headers: Record<string, string> = {}) =>
    send(test.relay.url + PATH + query, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body ?? null,
    });
  return { ...test, ask };
}

describe('/edict/v1/faults', () => {
  it('sets, lists and clears what the API sets, lists and clears', async () => {
    const { relay, ask, post } = await start();
    const put = await ask('PUT', '{"route":"configuration","fault":"status:503+retry-after:7","times":5}');
    expect(put.status).toBe(200);
    expect(put.json()).toEqual({
      faults: [{ route: 'configuration', fault: 'status:503+retry-after:7', remaining: 5 }],
    });
    expect((await post('/v1/flag/configuration')).headers['retry-after']).toBe('7');
    relay.faults.set('bulk', 'weak-etag');
    expect((await ask('GET')).json()).toMatchObject({
      faults: [
        { route: 'configuration', remaining: 4 },
        { route: 'bulk', fault: 'weak-etag' },
      ],
      seen: { configuration: [{ fault: 'status:503+retry-after:7' }], bulk: [], stream: [] },
    });
    expect((await ask('DELETE', undefined, '?route=bulk')).json()).toMatchObject({
      faults: [{ route: 'configuration' }],
    });
    expect((await ask('DELETE')).json()).toEqual({ faults: [] });
    expect(relay.faults.list()).toEqual([]);
  });

  it('tells every switch with what it does', async () => {
    const { ask } = await start();
    const { switches } = (await ask('GET')).json() as { switches: { switch: string; effect: string }[] };
    expect(switches).toHaveLength(SWITCHES.size);
    expect(switches).toContainEqual(
      expect.objectContaining({ switch: 'status:<code>', parameter: 'a status from 201 to 599' }),
    );
  });

  it.each([
    ['', 'the body is not an object'],
    ['[]', 'the body is not an object'],
    ['{', 'not valid JSON'],
    ['{"route":"configuration"}', 'a fault is a text'],
    ['{"route":"configuration","fault":5}', 'a fault is a text'],
    ['{"route":"configuration","fault":"stall"}', 'the nearest is'],
    ['{"route":"config","fault":"status:500"}', 'the nearest is \\"configuration\\"'],
    ['{"fault":"status:500"}', 'there is no route'],
    ['{"route":"configuration","fault":"status:500","times":"2"}', 'times: '],
    ['{"route":"configuration","fault":"status:500","time":2}', 'not \\"time\\"'],
  ])('refuses %j and says why', async (body, reason) => {
    const { relay, ask } = await start();
    const answer = await ask('PUT', body);
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ errorCode: 'INVALID_OPTION' });
    expect(answer.text).toContain(reason);
    expect(relay.faults.list()).toEqual([]);
  });

  it('refuses an unknown route to clear', async () => {
    const { ask } = await start();
    expect((await ask('DELETE', undefined, '?route=all')).status).toBe(400);
  });

  it('wants a key where the other routes want one', async () => {
    const { ask } = await start({ apiKeys: ['k'] });
    for (const method of ['GET', 'PUT', 'DELETE'] as const) expect((await ask(method)).status).toBe(401);
    expect((await ask('GET', undefined, '', { 'x-api-key': 'k' })).status).toBe(200);
  });
});
