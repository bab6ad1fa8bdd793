import { describe, expect, it } from 'vitest';
import type { TestRelay } from '../test-relay.ts';
import { SHOP, startTestRelay } from '../test-relay.ts';
import { CONFIGURATION, raw } from './raw-client.ts';

const ROUTE = '/v1/flag/configuration';
const start = (): Promise<TestRelay> => startTestRelay(SHOP, { faults: true });

describe('validators against content', () => {
  it('weak-etag weakens the validator of a 200 and leaves that of a 304 strong', async () => {
    const { relay, post } = await start();
    const strong = String((await post(ROUTE)).headers.etag);
    relay.faults.set('configuration', 'weak-etag');
    const full = await post(ROUTE);
    expect(full.headers.etag).toBe(`W/${strong}`);
    const same = await post(ROUTE, undefined, { 'if-none-match': `W/${strong}` });
    expect([same.status, same.headers.etag]).toEqual([304, strong]);
  });

  it('no-etag never sends one, and never answers 304', async () => {
    const { relay, post } = await start();
    const etag = String((await post(ROUTE)).headers.etag);
    relay.faults.set('configuration', 'no-etag');
    const answer = await post(ROUTE, undefined, { 'if-none-match': etag });
    expect([answer.status, answer.headers.etag]).toEqual([200, undefined]);
    expect(answer.json()).toHaveProperty('flags.checkout');
  });

  it('huge-etag sends 64 KiB of it', async () => {
    const { relay } = await start();
    relay.faults.set('configuration', 'huge-etag');
    const client = raw(relay.port, CONFIGURATION);
    await client.end();
    const [, etag] = /\r\nETag: ("e+")\r\n/.exec(client.text) ?? [];
    expect(etag).toHaveLength(65_536);
  });

  it('etag-frozen is the same over different contents, etag-random different over the same', async () => {
    const { relay, post, write } = await start();
    relay.faults.set('configuration', 'etag-frozen');
    const before = await post(ROUTE);
    await write('other: { variations: { a: 1 }, defaultRule: { variation: a } }');
    await relay.reload();
    const after = await post(ROUTE, undefined, { 'if-none-match': String(before.headers.etag) });
    expect([before.headers.etag, after.headers.etag]).toEqual(['"frozen"', '"frozen"']);
    expect(after.status).toBe(200);
    expect(after.text).not.toBe(before.text);

    relay.faults.set('configuration', 'etag-random');
    const one = await post(ROUTE);
    const two = await post(ROUTE, undefined, { 'if-none-match': String(one.headers.etag) });
    expect(two.text).toBe(one.text);
    expect(two.headers.etag).not.toBe(one.headers.etag);
  });

  it('leaves an error without a validator', async () => {
    const { relay, post } = await start();
    relay.faults.set('configuration', 'etag-random+status:503');
    expect((await post(ROUTE)).headers.etag).toBeUndefined();
  });
});

describe('dates', () => {
  it.each([
    ['120', /^120$/],
    ['garbage', /^soon$/],
    ['Sun, 06 Nov 1994 08:49:37 GMT', /^Sun, 06 Nov 1994 08:49:37 GMT$/],
  ])('retry-after:%s', async (parameter, expected) => {
    const { relay, post } = await start();
    relay.faults.set('configuration', `status:429+retry-after:${parameter}`);
    const answer = await post(ROUTE);
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toMatch(expected);
  });

  it.each([3_600, -3_600])('retry-after:date:%i is that far from now', async (seconds) => {
    const { relay, post } = await start();
    relay.faults.set('configuration', `status:503+retry-after:date:${seconds}`);
    const date = Date.parse(String((await post(ROUTE)).headers['retry-after']));
    expect(Math.abs(date - Date.now() - seconds * 1_000)).toBeLessThan(60_000);
  });

  it('last-modified moves the date and shows it on the clock of a zone', async () => {
    const { relay, post } = await start();
    const header = async (parameter: string): Promise<string> => {
      relay.faults.set('configuration', `last-modified:${parameter}`);
      return String((await post(ROUTE)).headers['last-modified']);
    };
    const utc = await header('-1d');
    expect(utc).toMatch(/ UTC$/);
    expect(Math.abs(Date.parse(utc) - Date.now() + 86_400_000)).toBeLessThan(60_000);
    expect(Math.abs(Date.parse(await header('7200,UTC')) - Date.now() - 7_200_000)).toBeLessThan(60_000);
    expect(await header('0,America/Sao_Paulo')).toMatch(/ -03$/);
    expect(await header('0s,Asia/Tokyo')).toMatch(/ (JST|\+09)$/);
    expect(await header('garbage')).toBe('the day before yesterday');
    expect(await header('none')).toBe('undefined');
  });
});
