import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ResourceStores } from '../../../src/policy-host/resources.ts';
import { greeting, PROCESSING, startPolicyRelay } from '../server/policies/support.ts';
import { following } from './support.ts';

const RESOURCES = `resources: { apiKeys: 'file:keys.json', templates: { file: templates.json, shared: true } }
tenants: { shop: { resources: { apiKeys: 'file:shop.json' } } }
`;

describe('stores that a relay pushes', () => {
  it('are read by policies, and change without a chain being built anew (P-40)', async () => {
    const relay = await startPolicyRelay(greeting('1', RESOURCES), {}, async (folder) => {
      await folder.add('set-headers', PROCESSING);
      await writeFile(join(folder.path, 'keys.json'), '{"a":{"of":"default"}}');
      await writeFile(join(folder.path, 'shop.json'), '{"a":{"of":"shop"}}');
      await writeFile(join(folder.path, 'templates.json'), '{"t":{"url":"x"}}');
    });
    const resources = new ResourceStores();
    const { engine, follower, mark } = await following(relay, {}, { host: { resources } });
    const read = (tenant: string, kind: string, id: string): unknown => {
      const bytes = resources.get(tenant, kind, id);
      return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString());
    };
    expect(read('default', 'apiKeys', 'a')).toEqual({ of: 'default' });
    expect(read('shop', 'apiKeys', 'a')).toEqual({ of: 'shop' });
    // A store is one tenant's unless the relay marks it as shared.
    expect(read('blog', 'apiKeys', 'a')).toBeUndefined();
    expect(read('blog', 'templates', 't')).toEqual({ url: 'x' });

    const before = engine.describe();
    let loads = 0;
    engine.onChange(() => loads++);
    await writeFile(join(relay.folder.path, 'shop.json'), '{"b":{"of":"shop"}}');
    await relay.relay.reload();
    expect(await follower.refresh()).toBe('changed');
    expect([read('shop', 'apiKeys', 'a'), read('shop', 'apiKeys', 'b')]).toEqual([undefined, { of: 'shop' }]);
    const after = engine.describe();
    expect([loads, after.generation, after.instances]).toEqual([0, before.generation, before.instances]);
    expect(follower.describe().revision).not.toBe(before.feed?.revision);
    expect(await mark()).toBe('200 1');
  });

  it('are gone when the relay has them no more; two engines of one process share none (P-40)', async () => {
    const relay = await startPolicyRelay(greeting('1', RESOURCES), {}, async (folder) => {
      await folder.add('set-headers', PROCESSING);
      for (const name of ['keys', 'shop', 'templates']) await writeFile(join(folder.path, `${name}.json`), '{"a":{}}');
    });
    const [one, two] = [new ResourceStores(), new ResourceStores()];
    const first = await following(relay, {}, { host: { resources: one } });
    await following(relay, {}, { host: { resources: two } });
    await relay.folder.configure(greeting('1'));
    await relay.relay.reload();
    expect(await first.follower.refresh()).toBe('changed');
    expect(one.describe()).toEqual({ tenants: 0, stores: 0 });
    expect(two.get('shop', 'apiKeys', 'a')).toBeDefined();
  });
});
