import { describe, expect, it } from 'vitest';
import { FaultBoard, NO_FAULTS } from '../../../../src/server/faults/fault-board.ts';
import type { FaultRoute } from '../../../../src/server/faults/fault-routes.ts';
import { SHOP, startTestRelay } from '../test-relay.ts';

describe('the faults in force', () => {
  it('end after the requests they were set for, and are gone before anybody asks', async () => {
    const { relay, post } = await startTestRelay(SHOP, { faults: true });
    relay.faults.set('configuration', 'status:503', { times: 2 });
    expect(relay.faults.list()).toEqual([{ route: 'configuration', fault: 'status:503', remaining: 2 }]);
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await post('/v1/flag/configuration')).status);
    expect(statuses).toEqual([503, 503, 200]);
    expect(relay.faults.list()).toEqual([]);
  });

  it('touch their own route only, until they are cleared', async () => {
    const { relay, post, get } = await startTestRelay(SHOP, { faults: true });
    relay.faults.set('configuration', 'status:503');
    relay.faults.set('bulk', 'status:502');
    expect((await get('/v1/flag/change')).status).toBe(200);
    expect((await get('/health')).status).toBe(200);
    expect((await post('/ofrep/v1/evaluate/flags/checkout', { context: {} })).status).toBe(200);
    expect((await post('/ofrep/v1/evaluate/flags', { context: {} })).status).toBe(502);
    relay.faults.clear('configuration');
    expect((await post('/v1/flag/configuration')).status).toBe(200);
    expect(relay.faults.list().map(({ route }) => route)).toEqual(['bulk']);
    relay.faults.clear();
    expect(relay.faults.list()).toEqual([]);
  });

  it('replace what was set on the route before', () => {
    const board = new FaultBoard();
    board.set('bulk', 'status:503', { times: 1 });
    board.set('bulk', 'weak-etag');
    expect(board.list()).toEqual([{ route: 'bulk', fault: 'weak-etag', remaining: undefined }]);
  });

  it('stay as they are when the next one is refused', () => {
    const board = new FaultBoard();
    board.set('bulk', 'status:503');
    expect(() => board.set('bulk', 'nonsense')).toThrow('INVALID_OPTION');
    for (const times of [0, -1, 1.5, Number.NaN, '2' as unknown as number]) {
      expect(() => board.set('bulk', 'status:500', { times })).toThrow('INVALID_OPTION: times: ');
    }
    expect(() => board.set('config' as FaultRoute, 'status:500')).toThrow('the nearest is "configuration"');
    expect(() => board.clear('streams' as FaultRoute)).toThrow('the nearest is "stream"');
    expect(board.list()).toEqual([{ route: 'bulk', fault: 'status:503', remaining: undefined }]);
  });

  it('leave a trace of what was asked, at most a hundred requests a route', async () => {
    const { relay, post } = await startTestRelay(SHOP, { faults: true });
    const { headers } = await post('/v1/flag/configuration');
    relay.faults.set('configuration', 'no-etag', { times: 1 });
    await post('/v1/flag/configuration', undefined, { 'if-none-match': String(headers.etag) });
    expect(relay.faults.seen('configuration')).toEqual([
      { ifNoneMatch: undefined, fault: undefined },
      { ifNoneMatch: headers.etag, fault: 'no-etag' },
    ]);
    expect(relay.faults.seen('bulk')).toEqual([]);

    const board = new FaultBoard();
    for (let i = 0; i < 150; i += 1) board.take('bulk', String(i));
    expect(board.seen('bulk').map(({ ifNoneMatch }) => ifNoneMatch)).toEqual(
      Array.from({ length: 100 }, (_, i) => String(i + 50)),
    );
  });
});

describe('a relay without test mode', () => {
  it('refuses to be told of a fault, and has no admin route', async () => {
    const { relay, get, post } = await startTestRelay(SHOP);
    expect(relay.faults).toBe(NO_FAULTS);
    expect(() => relay.faults.set('configuration', 'status:503')).toThrow('INVALID_OPTION: faults: ');
    relay.faults.clear();
    expect([relay.faults.list(), relay.faults.seen('configuration')]).toEqual([[], []]);
    expect((await get('/edict/v1/faults')).status).toBe(404);
    expect((await post('/v1/flag/configuration')).status).toBe(200);
  });
});
