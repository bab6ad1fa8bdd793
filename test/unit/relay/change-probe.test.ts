import { afterEach, describe, expect, it } from 'vitest';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { ChangeProbe, changedFlags, readFlagHashes } from '../../../src/relay/change-probe.ts';
import { RelayConnection } from '../../../src/relay/connection.ts';
import type { Handler } from './support/scripted-relay.ts';
import { inTurn, json, reply, ScriptedRelay } from './support/scripted-relay.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function probing(handler: Handler) {
  const relay = await ScriptedRelay.start(handler);
  const options = resolveOptions({ endpoint: `${relay.url}/base`, apiKey: 'k-123' });
  const connection = new RelayConnection({ ...options, endpoint: options.endpoint ?? [] });
  open.push(connection, relay);
  return { relay, connection, probe: new ChangeProbe(connection) };
}

const HASHES = '{"hash":2915231047,"flags":{"a":1,"b":2}}';
const missing = reply(404, '{"message":"Not Found"}');

describe('the change probe', () => {
  it('asks with credentials and the validator given, and gives the new one', async () => {
    const { probe, relay } = await probing(json(HASHES, { etag: '"1"' }));
    expect(await probe.ask('"0"')).toMatchObject({ kind: 'changed', validator: '"1"' });
    expect(relay.requests[0]).toMatchObject({
      method: 'GET',
      path: '/base/v1/flag/change',
      body: '',
      headers: { 'if-none-match': '"0"', 'x-api-key': 'k-123' },
    });
  });

  it('reads 304 as unchanged, and as a fault when it was not asked for (S-15)', async () => {
    const { probe } = await probing(reply(304, ''));
    expect(await probe.ask('"1"')).toEqual({ kind: 'unchanged' });
    expect(await probe.ask(undefined)).toMatchObject({ error: { code: 'UNEXPECTED_NOT_MODIFIED' } });
  });

  it('reads 404 as a server without the route, until it once had it', async () => {
    const { probe } = await probing(inTurn(missing, missing, json(HASHES), missing));
    expect(await probe.ask(undefined)).toEqual({ kind: 'no-feed' });
    expect(await probe.ask(undefined)).toEqual({ kind: 'no-feed' });
    expect(await probe.ask(undefined)).toMatchObject({ kind: 'changed' });
    expect(await probe.ask(undefined)).toMatchObject({ kind: 'failed', error: { code: 'NOT_FOUND' } });
  });

  it.each([
    [401, 'UNAUTHORIZED'],
    [403, 'FORBIDDEN'],
    [429, 'RATE_LIMITED'],
    [500, 'UNAVAILABLE'],
    [302, 'REDIRECT_REFUSED'],
  ])('reads %s as %s', async (status, code) => {
    const { probe } = await probing(reply(status, ''));
    expect(await probe.ask(undefined)).toMatchObject({ kind: 'failed', error: { code } });
  });

  it('over a closed connection is CLOSED', async () => {
    const { probe, connection } = await probing(json(HASHES));
    await connection.close();
    expect(await probe.ask(undefined)).toMatchObject({ error: { code: 'CLOSED' } });
  });
});

describe('its body', () => {
  const read = (text: string) => readFlagHashes(Buffer.from(text));

  it('has a hash for each flag, whatever the flag is called (D-35)', () => {
    expect([...read('{"hash":1,"flags":{"__proto__":1,"constructor":2}}')]).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });

  it.each(['{"hash":1,"flags":{}}', '{"hash":0,"flags":null}', '{"hash":0}'])('%s has zero flags', (text) => {
    expect(read(text).size).toBe(0);
  });

  it.each([
    '',
    '<html>',
    '[]',
    'null',
    '{}',
    '{"flags":{}}',
    '{"hash":"x","flags":{}}',
    '{"hash":1,"flags":[1]}',
    '{"ha',
  ])('%j is none', (text) => {
    expect(() => read(text)).toThrow(/^INVALID_BODY: /);
  });

  it('tells which flags were added, removed and changed, sorted', () => {
    expect(changedFlags(read(HASHES), read('{"hash":1,"flags":{"b":3,"Z":1,"a":1}}'))).toEqual(['Z', 'b']);
    expect(changedFlags(read(HASHES), read('{"hash":1,"flags":{}}'))).toEqual(['a', 'b']);
    expect(changedFlags(read(HASHES), read('{"hash":9,"flags":{"b":2,"a":1}}'))).toEqual([]);
  });
});
