import { afterEach, describe, expect, it } from 'vitest';
import { EdictError } from '../../../src/errors.ts';
import { StorePool } from '../../../src/wasm/store-pool.ts';

class Store {
  isPoisoned = false;
}

const open: StorePool<Store>[] = [];
afterEach(async () => {
  for (const pool of open.splice(0)) await pool.close();
});

function pool(size: number, create = () => new Store()): StorePool<Store> {
  const made = new StorePool(size, create);
  open.push(made);
  return made;
}

describe('slots', () => {
  it('are filled on demand only (GOFF-WASM-009)', async () => {
    const stores = pool(3);
    expect(stores.describe()).toEqual({ size: 3, leased: 0, idle: 0, created: 0, destroyed: 0 });
    const store = await stores.acquire();
    expect(stores.describe()).toEqual({ size: 3, leased: 1, idle: 0, created: 1, destroyed: 0 });
    await stores.release(store);
    expect(stores.describe()).toEqual({ size: 3, leased: 0, idle: 1, created: 1, destroyed: 0 });
  });

  it('are never more than the size: who comes late waits for a release (D-03, GOFF-WASM-007)', async () => {
    const stores = pool(2);
    const first = await stores.acquire();
    const second = await stores.acquire();
    let third: Store | undefined;
    const waiting = stores.acquire().then((store) => {
      third = store;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(third).toBeUndefined();
    expect(stores.describe()).toMatchObject({ leased: 2, created: 2 });
    await stores.release(first);
    await waiting;
    expect(third).toBe(first);
    await stores.release(second);
    await stores.release(first);
    expect(stores.describe()).toMatchObject({ leased: 0, idle: 2, created: 2, destroyed: 0 });
  });

  it('turn away who comes when 64 are waiting already, with POOL_EXHAUSTED (D-03)', async () => {
    const stores = pool(1);
    const store = await stores.acquire();
    const waiting = Array.from({ length: 64 }, () => stores.acquire().then((lent) => stores.release(lent)));
    await expect(stores.acquire()).rejects.toMatchObject({ code: 'POOL_EXHAUSTED', openFeatureCode: 'GENERAL' });
    await stores.release(store);
    await Promise.all(waiting);
    expect(stores.describe()).toMatchObject({ leased: 0, created: 1 });
  });
});

describe('a poisoned store', () => {
  it('is destroyed on release, and its slot is filled anew', async () => {
    const stores = pool(1);
    const bad = await stores.acquire();
    bad.isPoisoned = true;
    await stores.release(bad);
    expect(stores.describe()).toMatchObject({ leased: 0, idle: 0, created: 1, destroyed: 1 });
    const good = await stores.acquire();
    expect(good).not.toBe(bad);
    await stores.release(good);
  });

  it('is never lent, even when it was poisoned behind the pool’s back', async () => {
    const stores = pool(1);
    const store = await stores.acquire();
    await stores.release(store);
    store.isPoisoned = true;
    const next = await stores.acquire();
    expect(next).not.toBe(store);
    expect(stores.describe()).toMatchObject({ leased: 1, idle: 0, created: 2, destroyed: 1 });
    await stores.release(next);
  });

  it('frees its slot for whoever waits', async () => {
    const stores = pool(1);
    const bad = await stores.acquire();
    const waiting = stores.acquire();
    bad.isPoisoned = true;
    await stores.release(bad);
    const good = await waiting;
    expect(good.isPoisoned).toBe(false);
    await stores.release(good);
  });
});

describe('a store that cannot be made', () => {
  it('fails its lease with what it threw, once, and the process goes on', async () => {
    let attempts = 0;
    const stores = pool(2, () => {
      attempts++;
      throw new EdictError('MODULE_REJECTED', 'another ABI');
    });
    await expect(stores.acquire()).rejects.toMatchObject({ code: 'MODULE_REJECTED', text: 'another ABI' });
    expect(attempts).toBe(1);
    expect(stores.describe()).toEqual({ size: 2, leased: 0, idle: 0, created: 0, destroyed: 0 });
  });

  it('is MODULE_REJECTED when what it threw is no error of ours', async () => {
    const stores = pool(1, () => {
      throw new RangeError('could not allocate memory');
    });
    await expect(stores.acquire()).rejects.toMatchObject({
      code: 'MODULE_REJECTED',
      message: expect.stringContaining('could not allocate memory'),
      cause: expect.any(RangeError),
    });
  });

  it('takes no slot from the ones that can', async () => {
    let attempts = 0;
    const stores = pool(1, () => {
      if (++attempts <= 3) throw new Error('not yet');
      return new Store();
    });
    for (let i = 0; i < 3; i++) await expect(stores.acquire()).rejects.toThrow('not yet');
    const store = await stores.acquire();
    expect(stores.describe()).toMatchObject({ leased: 1, created: 1 });
    await stores.release(store);
  });
});

describe('close', () => {
  it('destroys every store and lends none any more', async () => {
    const stores = new StorePool(3, () => new Store());
    const lent = [await stores.acquire(), await stores.acquire()];
    for (const store of lent) await stores.release(store);
    await stores.close();
    expect(stores.describe()).toEqual({ size: 3, leased: 0, idle: 0, created: 2, destroyed: 2 });
    await expect(stores.acquire()).rejects.toMatchObject({ code: 'POOL_EXHAUSTED' });
  });

  it('leaves no timer and no handle that would keep the process', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const stores = new StorePool(2, () => new Store());
    await stores.release(await stores.acquire());
    await stores.close();
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before);
  });
});

describe('release', () => {
  it('of a store that is not leased changes nothing', async () => {
    const stores = pool(1);
    const store = await stores.acquire();
    await stores.release(store);
    await stores.release(store);
    await stores.release(new Store());
    expect(stores.describe()).toMatchObject({ leased: 0, idle: 1, created: 1, destroyed: 0 });
  });
});
