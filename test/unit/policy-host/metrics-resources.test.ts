/** Series of policies with bounded labels, and read-only stores. */

import { describe, expect, it } from 'vitest';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import { MAX_LABEL_VALUES, OTHER, type SeriesDeclaration, seriesProblems } from '../../../src/policy-host/metrics.ts';
import { apiKeyId, EVERY_TENANT, ResourceStores } from '../../../src/policy-host/resources.ts';
import { EXCHANGE, hookInput } from '../policy/guest/support/guest-rig.ts';
import { callOf, foreignCall, freshInput, hostOf, OUTSIDE } from './support/host-rig.ts';

const SERIES: readonly SeriesDeclaration[] = [
  { name: 'hits', kind: 'counter', labels: ['route', 'method'] },
  { name: 'cost', kind: 'histogram', labels: ['status'] },
  { name: 'plain', kind: 'counter' },
];

function recorded(series: readonly SeriesDeclaration[] = SERIES, shape: object = { metrics: true }) {
  const values: unknown[][] = [];
  const sink = {
    record: ({ name }: SeriesDeclaration, value: number, labels: object, { policy }: { policy: string }) =>
      void values.push([name, value, { ...labels }, policy]),
  };
  return { values, host: hostOf(shape as Record<string, unknown>, { metrics: sink }, { series }) };
}

describe('metrics', () => {
  it('are recorded by the place of their declaration, split by facts of the exchange', () => {
    const { values, host } = recorded();
    host.counterAdd(callOf(), 0, 2);
    host.histogramRecord(callOf(), 1, -0.5);
    host.counterAdd(OUTSIDE, 0, 1);
    expect(values).toEqual([
      ['hits', 2, { route: 'pets-get', method: 'POST' }, 'under-test'],
      ['cost', -0.5, { status: '201' }, 'under-test'],
      ['hits', 1, { route: '', method: '' }, 'under-test'],
    ]);
  });

  it('that were not declared, or of another kind, or no number for it, are thrown away and counted', () => {
    const { values, host } = recorded();
    host.counterAdd(callOf(), 3, 1);
    host.counterAdd(callOf(), 0xffff_ffff, 1);
    host.counterAdd(callOf(), 1, 1);
    host.histogramRecord(callOf(), 0, 1);
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY]) host.counterAdd(callOf(), 2, value);
    host.histogramRecord(callOf(), 1, Number.NaN);
    expect(values).toEqual([]);
    expect(host.describe().refusedMetrics).toBe(8);
  });

  it('tell a hundred values of a label apart, then say "other"', () => {
    const { values, host } = recorded();
    for (let i = 0; i < MAX_LABEL_VALUES * 3; i++) {
      const { request } = hookInput();
      host.counterAdd(callOf(freshInput({ request: { ...request, method: `M${i}` } })), 0, 1);
    }
    const methods = new Set(values.map(([, , labels]) => (labels as { method: string }).method));
    expect(methods.size).toBe(MAX_LABEL_VALUES + 1);
    expect(methods.has(OTHER)).toBe(true);
    host.counterAdd(callOf(freshInput({ request: { ...hookInput().request, method: 'M0' } })), 0, 1);
    expect(values.at(-1)?.[2]).toMatchObject({ method: 'M0' });
  });

  it('go nowhere without the grant, and a sink that throws harms nobody', () => {
    const { values, host } = recorded(SERIES, {});
    host.counterAdd(callOf(), 0, 1);
    expect(values).toEqual([]);
    const record = (): never => {
      throw new Error('full');
    };
    const broken = hostOf({ metrics: true }, { metrics: { record } }, { series: SERIES });
    expect(() => broken.counterAdd(callOf(), 0, 1)).not.toThrow();
  });

  it('are at most twenty a policy, with plain names, known kinds and labels', () => {
    expect(seriesProblems(SERIES)).toEqual([]);
    const many = Array.from({ length: 21 }, (_, index) => ({ name: `s${index}`, kind: 'counter' as const }));
    expect(seriesProblems(many)).toEqual(['at most 20 series can be declared, not 21']);
    const odd = [
      { name: 'a b', kind: 'counter' },
      { name: 'x', kind: 'gauge' },
      { name: 'x', kind: 'counter', labels: ['path'] },
    ] as unknown as SeriesDeclaration[];
    expect(seriesProblems(odd)).toHaveLength(4);
    const { values, host } = recorded(many);
    host.counterAdd(callOf(), 20, 1);
    expect(values).toEqual([]);
  });
});

describe('resources', () => {
  const keys = { digest: 'sha256:1', items: { [apiKeyId('secret-key')]: { app: 'web' } } };

  it('are read as JSON by kind and id, and absent otherwise', () => {
    const resources = new ResourceStores();
    resources.load('shop', 'api-keys', keys);
    const host = hostOf({ resources: true }, { resources });
    const found = host.resourceGet(callOf(), 'api-keys', apiKeyId('secret-key'));
    expect(Buffer.from(found as Uint8Array).toString()).toBe('{"app":"web"}');
    for (const [kind, id] of [
      ['api-keys', 'secret-key'],
      ['api-keys', '__proto__'],
      ['other', apiKeyId('secret-key')],
      ['__proto__', 'toString'],
    ] as const) {
      expect(host.resourceGet(callOf(), kind, id)).toBeUndefined();
    }
    expect(JSON.stringify(keys)).not.toContain('secret-key');
  });

  it('belong to a tenant unless they are shared; its own go first', () => {
    const resources = new ResourceStores();
    resources.load('other', 'templates', { digest: 'd1', items: { a: 'other' } });
    const host = hostOf({ resources: true }, { resources });
    expect(host.resourceGet(callOf(), 'templates', 'a')).toBeUndefined();
    resources.load(EVERY_TENANT, 'templates', { digest: 'd2', items: { a: 'shared', b: 'shared' } });
    resources.load('shop', 'templates', { digest: 'd3', items: { a: 'own' } });
    const text = (id: string) => Buffer.from(host.resourceGet(callOf(), 'templates', id) as Uint8Array).toString();
    expect([text('a'), text('b')]).toEqual(['"own"', '"shared"']);
    expect(host.resourceGet(foreignCall(), 'templates', 'b')).toBe(hostFault('denied'));
    expect(hostOf({}, { resources }).resourceGet(callOf(), 'templates', 'b')).toBe(hostFault('denied'));
    expect(hostOf({ resources: true }).resourceGet(callOf(), 'templates', 'b')).toBe(hostFault('unavailable'));
  });

  it('P-40 are replaced under a running policy, held once for each digest, and let go', () => {
    const resources = new ResourceStores();
    const host = hostOf({ resources: true }, { resources });
    expect(resources.load('shop', 'k', { digest: 'd1', items: { a: 1 } })).toBe(true);
    expect(resources.load('shop', 'k', { digest: 'd1', items: { a: 'not read' } })).toBe(false);
    resources.load('other', 'k', { digest: 'd1', items: { a: 'not read' } });
    expect(resources.describe()).toEqual({ tenants: 2, stores: 1 });
    const read = () => Buffer.from(host.resourceGet(callOf(), 'k', 'a') as Uint8Array).toString();
    expect(read()).toBe('1');
    resources.load('shop', 'k', { digest: 'd2', items: { a: 2 } });
    expect(read()).toBe('2');
    expect(resources.describe()).toEqual({ tenants: 2, stores: 2 });
    resources.forget('other');
    resources.forget('shop');
    resources.forget('nobody');
    expect(resources.describe()).toEqual({ tenants: 0, stores: 0 });
    expect(EXCHANGE.tenant).toBe('shop');
  });
});
