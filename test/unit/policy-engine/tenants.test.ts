import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/internal/json.ts';
import { definePolicy, type PolicyHookEvent, type TenantStatus } from '../../../src/policy-engine/index.ts';
import { request } from '../policy/support/exchange-rig.ts';
import { FakeClock } from '../relay/support/fake-clock.ts';
import { FolderRig } from './support/folder-rig.ts';
import { swapUnderLoad } from './support/swaps.ts';
import { ask, counting, engineOf, saying, shops } from './support/tenant-asks.ts';

const say = (text: string) => [{ use: 'say', params: { text } }];
const trapping = definePolicy({
  name: 'trap',
  hooks: {
    onRequestHeaders: () => {
      throw new Error('a defect');
    },
  },
});

describe('tenants with the same policy', () => {
  it('share no state: each has instances of its own (V-24, P-32)', async () => {
    const engine = engineOf({ policies: [counting()] });
    const one = [{ use: 'count', scope: 'singleton' }];
    await engine.load(shops({ a: one, b: one }));
    const seen: string[] = [];
    for (const tenant of ['a', 'a', 'b', 'a', 'b']) seen.push(...(await ask(engine, `/${tenant}`)).seen);
    expect(seen).toEqual(['a v1.0.0 1', 'a v1.0.0 2', 'b v1.0.0 1', 'a v1.0.0 3', 'b v1.0.0 2']);
  });

  it('share a module that was compiled once, and no store of it (V-13, V-24)', async () => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', '{ requestHeaders: process }');
    const position = `[{ use: set-headers, params: { requestHeaders: [{ name: x-seen, value: '1' }] } }]`;
    const route = (tenant: string) => `  - { key: '*|/${tenant}|*', tenant: ${tenant}, policies: ${position} }\n`;
    await rig.configure(`routes:\n${route('a')}${route('b')}`);
    const events: PolicyHookEvent[] = [];
    const engine = await rig.loaded({ onHook: (event) => events.push(event) });
    expect((await ask(engine, '/a')).seen).toEqual(['1']);
    expect((await ask(engine, '/b')).seen).toEqual(['1']);
    expect(engine.describe().modules).toMatchObject([{ tenants: { a: { stores: 1 }, b: { stores: 1 } } }]);
    expect(engine.tenants()).toMatchObject([
      { tenant: 'a', sizes: { instances: 1, memoryBytes: expect.any(Number) }, digests: [expect.any(String)] },
      { tenant: 'b', sizes: { instances: 1 } },
    ]);
    // The same input costs the same fuel, and the record tells it.
    const fuel = events.filter(({ tenant }) => tenant === 'a').map((event) => event.fuel);
    expect(fuel[0]).toBeGreaterThan(0);
    expect(events.filter(({ tenant }) => tenant === 'b').map((event) => event.fuel)).toEqual(fuel);
  });
});

describe('one broken tenant', () => {
  it.each([
    ['a policy that is not there', [{ use: 'gone' }], {}, /^\/routes\/1\/policies\/0/],
    ['limits that are none', say('2'), { bad: { limits: { fuel: -1 } } }, /^\/tenants\/bad\/limits\/fuel/],
    ['a rule that is none', say('2'), { bad: { onRefusal: { kind: 'open' } } }, /^\/tenants\/bad\/onRefusal\/kind/],
  ])(
    'with %s keeps its last good revision and leaves the others theirs (P-30, P-63)',
    async (_, broken, tenants, path) => {
      const engine = engineOf({ policies: [saying(), counting()] });
      const steady = [{ use: 'count' }];
      await engine.load(shops({ good: say('1'), bad: say('1'), steady }));
      await ask(engine, '/steady');
      const { created } = engine.describe().instances;
      const report = await engine.load(shops({ good: say('2'), bad: broken, steady }, { tenants }));
      expect(report.problems).toEqual([expect.objectContaining({ path: expect.stringMatching(path) })]);
      expect([...report.routes.values()]).toEqual(['active', 'kept', 'active']);
      expect((await ask(engine, '/good')).seen).toEqual(['2']);
      expect((await ask(engine, '/bad')).seen).toEqual(['1']);
      // Its part is what it was, so nothing of it is made anew.
      expect((await ask(engine, '/steady')).seen).toEqual(['steady v1.0.0 2']);
      expect(engine.describe().instances.created).toBe(created + 1);
      const status = (name: string) => engine.tenants().find(({ tenant }) => tenant === name);
      expect(status('bad')).toMatchObject({ state: 'DEGRADED', isServing: true, code: expect.any(String) });
      expect(status('good')).toMatchObject({ state: 'READY', code: null });
    },
  );

  it('keeps the routes too that its new document no longer has', async () => {
    const engine = engineOf({ policies: [saying()] });
    const route = (path: string, policies: ReturnType<typeof say>) => ({ key: `*|${path}|*`, tenant: 'a', policies });
    await engine.load({ routes: [route('/x', say('1')), route('/y', say('1'))] });
    const report = await engine.load({ routes: [route('/z', [{ use: 'gone', params: { text: '' } }])] });
    expect([...report.routes]).toEqual([['*|/z|*', 'closed']]);
    expect((await ask(engine, '/x')).seen).toEqual(['1']);
    expect((await ask(engine, '/z')).status).toBe(503);
    await engine.load({ routes: [route('/z', say('2'))] });
    expect((await ask(engine, '/x')).status).toBe(0);
    expect((await ask(engine, '/z')).seen).toEqual(['2']);
  });

  it('never opens a route whose policy is missing, after a restart neither, whatever its rule says (P-64, V-26)', async () => {
    const onRefusal = { kind: 'default', answer: { kind: 'allow' } } as const;
    for (let restart = 0; restart < 2; restart++) {
      const engine = engineOf({ policies: [saying()], tenants: { onRefusal } });
      const report = await engine.load(shops({ good: say('1'), closed: [{ use: 'gone' }] }));
      expect([...report.routes.values()]).toEqual(['active', 'closed']);
      expect((await ask(engine, '/closed')).status).toBe(503);
      expect((await ask(engine, '/good')).status).toBe(200);
      expect(engine.describe().routes.at(-1)?.refusal).toMatchObject({ code: 'POLICY_MISSING' });
      expect(engine.readiness()).toMatchObject({ isReady: true });
    }
  });

  it('keeps the process from being ready where it is required (V-10)', async () => {
    const engine = engineOf({ policies: [saying()], tenants: { required: ['closed'] } });
    expect(engine.readiness().isReady).toBe(false);
    await engine.load(shops({ closed: [{ use: 'gone' }] }));
    expect(engine.readiness()).toMatchObject({ isReady: false, waitingFor: { closed: 'LOADING' } });
    await engine.load(shops({ closed: say('1') }));
    expect(engine.readiness()).toEqual({ mode: 'required', isReady: true, waitingFor: {} });
  });
});

describe('a tenant whose policy traps', () => {
  it('rests after five failures, alone, and its trial lets it back (V-22)', async () => {
    const clock = new FakeClock();
    const engine = engineOf({ policies: [trapping, saying()], clock, tenants: { onRefusal: { kind: 'deny' } } });
    const load = engine.load(shops({ bad: [{ use: 'trap' }], good: say('1') }));
    await clock.advance(100);
    await load;
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) statuses.push((await ask(engine, '/bad')).status);
    expect(statuses).toEqual([500, 500, 500, 500, 500, 503, 503, 503]);
    expect((await ask(engine, '/good')).status).toBe(200);
    expect(engine.tenants()).toMatchObject([
      { tenant: 'bad', state: 'DEGRADED', breaker: { isOpen: true, opened: 1 }, counters: { faults: 5, refused: 3 } },
      { tenant: 'good', state: 'READY', breaker: { isOpen: false } },
    ]);
    await clock.advance(1_000);
    expect((await ask(engine, '/bad')).status).toBe(500);
    expect((await ask(engine, '/bad')).status).toBe(503);
  });

  it('does not rest where its position fails open: the exchange was decided', async () => {
    const engine = engineOf({ policies: [trapping, saying()] });
    await engine.load(shops({ a: [{ use: 'trap', failureMode: 'open' }, ...say('1')] }));
    for (let i = 0; i < 10; i++) expect((await ask(engine, '/a')).seen).toEqual(['1']);
    expect(engine.tenants()).toMatchObject([{ state: 'READY', breaker: { isOpen: false } }]);
  });

  it('gets the answer of its own rule meanwhile (V-26)', async () => {
    const engine = engineOf({ policies: [trapping, saying()] });
    const rule = (answer: JsonObject) => ({ onRefusal: { kind: 'default', answer } });
    await engine.load(
      shops(
        { a: [{ use: 'trap' }], b: [{ use: 'trap' }] },
        { tenants: { a: rule({ kind: 'respond', status: 429 }), b: rule({ kind: 'allow' }) } },
      ),
    );
    for (const tenant of ['a', 'b']) for (let i = 0; i < 5; i++) await ask(engine, `/${tenant}`);
    expect(await ask(engine, '/a')).toMatchObject({ status: 429, errorId: expect.any(String) });
    expect((await ask(engine, '/b')).status).toBe(200);
  });
});

describe('a rollback', () => {
  it('goes to a kept revision with its routes and modules, and stays there until the tenant has news (P-62)', async () => {
    const rig = await FolderRig.create();
    const both = '{ requestHeaders: process }';
    const text = (revision: string, path: string, name: string, value: string) =>
      `revision: ${revision}\nroutes:\n  - { key: '*|/other|*', tenant: b, policies: [] }\n` +
      `  - { key: '*|${path}|*', tenant: a, policies: [{ use: ${name}, params: { requestHeaders: [{ name: x-seen, value: '${value}' }] } }] }\n`;
    await rig.add('set-headers', both);
    await rig.configure(text('r1', '/one', 'set-headers', '1'));
    const engine = await rig.loaded({ policies: [saying('set-headers-next')] });
    // The module of r1 is gone from the folder when r2 serves.
    await rm(`${rig.path}/set-headers`, { recursive: true });
    await rig.configure(text('r2', '/two', 'set-headers-next', '2'));
    await engine.load(rig.path);
    expect((await ask(engine, '/one')).status).toBe(0);
    expect(await engine.rollback('a')).toEqual({ outcome: 'active', revision: 'r1' });
    expect((await ask(engine, '/one')).seen).toEqual(['1']);
    // What the document declares is not open because the revision before knows nothing of it.
    expect((await ask(engine, '/two')).status).toBe(503);
    await engine.load(rig.path);
    expect((await ask(engine, '/one')).seen).toEqual(['1']);
    await rig.configure(text('r3', '/two', 'set-headers-next', '3'));
    await engine.load(rig.path);
    expect((await ask(engine, '/two')).status).toBe(200);
    expect((await ask(engine, '/one')).status).toBe(0);
    expect(await engine.rollback('a', 'r9')).toMatchObject({
      outcome: 'refused',
      code: 'POLICY_MISSING',
      revision: 'r3',
    });
    expect(await engine.rollback('nobody')).toMatchObject({ outcome: 'refused', code: 'NOT_READY', revision: null });
  });
});

describe('more tenants than there is room for', () => {
  it('leave memory, least recently used first, and are served when they come back (V-19, V-20)', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const engine = engineOf({ policies: [counting()], tenants: { maxInstances: 2, minResidencyMs: 0 } });
    await engine.load(shops(Object.fromEntries(names.map((name) => [name, [{ use: 'count' }]]))));
    const there = () => engine.tenants().flatMap(({ tenant, state }) => (state === 'ABSENT' ? [] : [tenant]));
    expect(there()).toEqual(['a', 'b']);
    expect((await ask(engine, '/a')).seen).toEqual(['a v1.0.0 1']);
    // b was used longest ago.
    expect((await ask(engine, '/c')).seen).toEqual(['c v1.0.0 1']);
    expect(there()).toEqual(['a', 'c']);
    expect((await ask(engine, '/a')).seen).toEqual(['a v1.0.0 2']);
    expect((await ask(engine, '/b')).seen).toEqual(['b v1.0.0 1']);
    expect(there()).toEqual(['a', 'b']);
  });

  it('are checked all the same: no mistake is first met by a request (P-63)', async () => {
    const engine = engineOf({ policies: [saying()], tenants: { maxInstances: 1 } });
    const report = await engine.load(shops({ a: say('1'), b: [{ use: 'gone' }] }));
    expect(report.problems).toMatchObject([{ path: '/routes/1/policies/0', code: 'POLICY_MISSING' }]);
  });
});

describe('fifty tenants at once', () => {
  it('are all served while one of them takes its time (P-78)', async () => {
    let finish: () => void = () => undefined;
    const slow = definePolicy({
      name: 'slow',
      processing: { requestHeaders: 'process' },
      hooks: async () => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return { onRequestHeaders: () => undefined };
      },
    });
    const engine = engineOf({ policies: [slow, saying()], tenants: { readiness: 'all' } });
    await engine.load({ routes: [] });
    const names = Array.from({ length: 49 }, (_, i) => `t${i}`);
    const document = shops({ slow: [{ use: 'slow' }], ...Object.fromEntries(names.map((name) => [name, say(name)])) });
    const load = engine.load(document);
    const waitFor = async (isSo: () => boolean) => {
      while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await waitFor(() => engine.tenants().filter(({ state }) => state === 'READY').length === 49);
    for (const name of names) expect((await ask(engine, `/${name}`)).seen).toEqual([name]);
    expect(engine.readiness()).toMatchObject({ isReady: false, waitingFor: { slow: 'LOADING' } });
    finish();
    expect([...(await load).routes.values()].every((outcome) => outcome === 'active')).toBe(true);
    expect(engine.readiness().isReady).toBe(true);
  });
});

describe('a configuration under load', () => {
  it('is replaced a hundred times and no request fails or sees half of it (P-59, P-30)', async () => {
    expect(await swapUnderLoad(100)).toEqual({ statuses: [200], seen: ['100'], live: 2, referenced: 2 });
  });

  it('moves a route from one tenant to another without a gap', async () => {
    const engine = engineOf({ policies: [saying()] });
    const route = (tenant: string) => ({ key: '*|/r|*', tenant, policies: say(tenant) });
    await engine.load({ routes: [route('a')] });
    const load = engine.load({ routes: [route('b')] });
    const seen = new Set<string>();
    let isOver = false;
    void load.then(() => {
      isOver = true;
    });
    while (!isOver) {
      const { status, seen: by } = await ask(engine, '/r');
      seen.add(`${status} ${by[0]}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await ask(engine, '/r')).seen).toEqual(['b']);
    for (const one of seen) expect(['200 a', '200 b']).toContain(one);
    expect(engine.tenants().map(({ tenant }) => tenant)).toEqual(['b']);
  });
});

describe('the options of tenants', () => {
  it.each([
    [{ maxInstances: 0 }, 'maxInstances'],
    [{ limits: { fuel: 0 } }, 'limits.fuel'],
    [{ limits: { cpu: 1 } as never }, 'limits.cpu'],
    [{ readiness: 'some' as never }, 'readiness'],
    [{ onRefusal: { kind: 'default', answer: { kind: 'respond', status: 200 } } } as never, 'onRefusal'],
  ])('are checked before anything begins: %o', (tenants, name) => {
    expect(() => engineOf({ tenants })).toThrow(name);
  });

  it('tell the status when it changes, with labels and without secrets (V-11, V-18, P-26)', async () => {
    const told: TenantStatus[] = [];
    const engine = engineOf({
      policies: [saying()],
      secret: () => 'hunter2-hunter2',
      tenants: { onStatus: (statuses) => told.push(...statuses) },
    });
    const tenants = { a: { labels: { team: 'hunter2-hunter2', tier: 'gold' } } };
    await engine.load(shops({ a: say('{{ secret "s" }}') }, { tenants }));
    while (!told.some(({ state }) => state === 'READY')) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(JSON.stringify(told)).not.toContain('hunter2');
    expect(engine.tenants()).toMatchObject([
      { tenant: 'a', labels: { team: '[redacted]', tier: 'gold' }, revision: 'r1' },
    ]);
  });

  it('bound bodies: of one request by the tenant, of all together by the process (V-21, V-28)', async () => {
    const engine = engineOf({ policies: [saying()] });
    await engine.load(shops({ a: say('1'), b: say('1') }, { tenants: { a: { limits: { bodyBytes: 10 } } } }));
    const open = (path: string) => {
      const opened = engine.open(request({ path, method: 'GET' }), { clientIp: undefined });
      if (opened === undefined || !('exchange' in opened)) throw new Error('no exchange');
      return opened;
    };
    const [a, b] = [open('/a'), open('/b')];
    expect([a.maxBodyBytes, (b.maxBodyBytes ?? 0) > 1e9]).toEqual([10, true]);
    expect([a.bodies?.hold(104_857_600), b.bodies?.hold(1)]).toEqual([true, false]);
    a.exchange.end('completed', 1);
    expect(b.bodies?.hold(1)).toBe(true);
    b.exchange.end('completed', 2);
  });

  it('take a secret that has changed though the document has not', async () => {
    let secret = 'first-secret';
    const engine = engineOf({ policies: [saying()], secret: () => secret });
    await engine.load(shops({ a: say('{{ secret "s" }}') }));
    secret = 'second-secret';
    await engine.load(shops({ a: say('{{ secret "s" }}') }));
    expect((await ask(engine, '/a')).seen).toEqual(['second-secret']);
  });

  it('bound what a tenant may use of a module, and changed ones make its instances anew (V-21)', async () => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', '{ requestHeaders: process }');
    const position = `[{ use: set-headers, params: { requestHeaders: [{ name: x-seen, value: '1' }] } }]`;
    const configure = (limits: string) =>
      rig.configure(`
tenants: { a: { limits: ${limits} } }
routes:
  - { key: '*|/a|*', tenant: a, policies: ${position} }
  - { key: '*|/b|*', tenant: b, policies: ${position} }
`);
    await configure('{ fuel: 10 }');
    const engine = await rig.loaded();
    expect((await ask(engine, '/a')).status).toBe(500);
    expect((await ask(engine, '/b')).seen).toEqual(['1']);
    expect(engine.describe().routes[0]?.positions[0]?.counts?.failures).toEqual({ FUEL_EXHAUSTED: 1 });
    await configure('{ fuel: 1000000 }');
    await engine.load(rig.path);
    expect((await ask(engine, '/a')).seen).toEqual(['1']);
    await configure('{ memoryBytes: 65536 }');
    const { problems } = await engine.load(rig.path);
    expect(problems).toMatchObject([{ path: '/routes/0/policies/0' }]);
    // What was good before is not lost to a limit that is too small.
    expect((await ask(engine, '/a')).seen).toEqual(['1']);
  });
});
