import { describe, expect, it, onTestFinished } from 'vitest';
import type { OpenExchange, PolicyGate } from '../../../../src/gateway/http/index.ts';
import { policyMiddleware } from '../../../../src/gateway/http/index.ts';
import { position } from '../../policy/support/exchange-rig.ts';
import { gateOf, HttpRig } from './support/http-rig.ts';

const buffering = position('buffer', { requestBody: () => undefined, responseBody: () => undefined });

/** A service that answers with `answer` behind a gate that adds its own limits. */
async function rigOf(limits: Partial<OpenExchange>, answer = 'fine'): Promise<HttpRig> {
  const inner = gateOf([buffering]);
  const gate: PolicyGate = {
    open: (request, origin) => ({ ...(inner.open(request, origin) as OpenExchange), ...limits }),
  };
  const middleware = policyMiddleware(gate);
  const rig = await HttpRig.start((request, response) =>
    middleware(request, response, () => {
      request.resume();
      response.end(answer);
    }),
  );
  onTestFinished(() => rig.close());
  return rig;
}

/** Room for so many bytes in all. */
function room(bytes: number) {
  let left = bytes;
  const asked: number[] = [];
  return {
    asked,
    hold: (wanted: number) => {
      asked.push(wanted);
      if (wanted > left) return false;
      left -= wanted;
      return true;
    },
  };
}

describe('a gate with limits of its own', () => {
  it('has a request body over them answered 413, and one that the process has no room for 503 (V-21, V-28)', async () => {
    const small = await rigOf({ maxBodyBytes: 10 });
    expect((await small.send({ method: 'POST', body: 'more than ten bytes' })).status).toBe(413);
    expect((await small.send({ method: 'POST', body: 'short' })).status).toBe(200);
    const full = await rigOf({ bodies: room(10) });
    const refused = await full.send({ method: 'POST', body: 'more than ten bytes' });
    expect(refused.status).toBe(503);
    expect(JSON.parse(refused.body)).toMatchObject({ error: 'Service unavailable', error_id: expect.any(String) });
  });

  it('has a response body that there is no room for replaced by 503, and counts every byte once (V-28)', async () => {
    const rig = await rigOf({ bodies: room(10) }, 'more than ten bytes');
    expect((await rig.send({ method: 'GET' })).status).toBe(503);
    const bodies = room(100);
    const roomy = await rigOf({ bodies }, '0123456789');
    expect((await roomy.send({ method: 'POST', body: 'abcde' })).body).toBe('0123456789');
    expect(bodies.asked.reduce((sum, bytes) => sum + bytes, 0)).toBe(15);
  });
});

describe('a gate whose decider is on the way', () => {
  it('is asked again when it has come, and the body of the request is whole', async () => {
    const inner = gateOf([buffering]);
    let asked = 0;
    const middleware = policyMiddleware({
      open: (request, origin) => (asked++ === 0 ? Promise.resolve() : inner.open(request, origin)),
    });
    const rig = await HttpRig.start((request, response) =>
      middleware(request, response, () => {
        let body = '';
        request.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        request.on('end', () => response.end(body));
      }),
    );
    onTestFinished(() => rig.close());
    expect((await rig.send({ method: 'POST', body: 'whole' })).body).toBe('whole');
    expect(asked).toBe(2);
  });
});
