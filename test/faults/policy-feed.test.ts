/** A relay that misbehaves in every way it can, and an engine that follows it: the last good policies serve on, and then the new ones. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicyFollower } from '../../src/policy-engine/follow-relay.ts';
import { PolicyEngine } from '../../src/policy-engine/index.ts';
import { ResourceStores } from '../../src/policy-host/resources.ts';
import type { FaultRoute } from '../../src/server/faults/fault-routes.ts';
import { createRelay, type Relay } from '../../src/server/index.ts';
import { SILENT } from '../unit/server/test-relay.ts';
import { VersionedFolder } from './support/versioned-folder.ts';

/** Limits short enough for stalls to be tried, and far longer than anything takes that goes well. */
const LIMITS = { timeoutMs: 2_000, stallTimeoutMs: 400, maxWireBytes: 1_048_576, initTimeoutMs: 20_000 };

/** What a refresh under the fault comes to; whatever it is, nothing that served is lost. */
type Outcome = 'failed' | 'held' | 'unchanged';
type Row = readonly [route: FaultRoute, fault: string, outcome: Outcome];
const row = (route: FaultRoute, fault: string, outcome: Outcome = 'failed'): Row => [route, fault, outcome];

const CONFIGURATION: readonly Row[] = [
  row('policies', 'html-200'),
  row('policies', 'array-200'),
  row('policies', 'empty-object'),
  row('policies', 'error-code-200'),
  row('policies', 'deep-json'),
  row('policies', 'cut-json'),
  row('policies', 'no-routes', 'held'),
  row('policies', '304-no-etag', 'unchanged'),
  row('policies', '304-other-etag', 'unchanged'),
  row('policies', 'status:204'),
  row('policies', 'redirect:other.example'),
  row('policies', 'auth-flip'),
  row('policies', 'status:403'),
  row('policies', 'status:404'),
  row('policies', 'status:429+retry-after:30'),
  row('policies', 'status:500'),
  row('policies', 'status:503+retry-after:garbage'),
  row('policies', 'reset-at:0'),
  row('policies', 'reset-at:1'),
  row('policies', 'reset-at:200'),
  row('policies', 'reset-at:700'),
  row('policies', 'close-early'),
  row('policies', 'stall-headers'),
  row('policies', 'stall-body'),
  row('policies', 'drip:50'),
  row('policies', 'bomb:100'),
  row('policies', 'huge:2000000'),
];

const CONTENTS: readonly Row[] = [
  row('policyModules', 'other-bytes'),
  row('policyModules', 'html-200'),
  row('policyModules', 'cut-json'),
  row('policyModules', 'empty-object'),
  row('policyModules', 'status:404'),
  row('policyModules', 'status:401'),
  row('policyModules', 'status:429+retry-after:30'),
  row('policyModules', 'status:503'),
  row('policyModules', 'status:206'),
  row('policyModules', 'reset-at:0'),
  row('policyModules', 'reset-at:100'),
  row('policyModules', 'reset-at:1500'),
  row('policyModules', 'close-early'),
  row('policyModules', 'stall-headers'),
  row('policyModules', 'stall-body'),
  row('policyModules', 'drip:100'),
  row('policyModules', 'bomb:100'),
  row('policyModules', 'huge:5000000'),
  row('policyManifests', 'other-bytes'),
  row('policyManifests', 'html-200'),
  row('policyManifests', 'status:404'),
  row('policyManifests', 'status:500'),
  row('policyManifests', 'reset-at:300'),
  row('policyManifests', 'stall-body'),
  row('policyManifests', 'huge:2000000'),
  row('policyStores', 'status:503'),
  row('policyStores', 'close-early'),
];

const resources = new ResourceStores();
let folder: VersionedFolder;
let relay: Relay;
let engine: PolicyEngine;
let follower: PolicyFollower;

beforeAll(async () => {
  folder = await VersionedFolder.create();
  await folder.write(0);
  const listening = { port: 0, flags: {}, faults: true, logger: SILENT } as const;
  relay = await createRelay({ ...listening, policies: folder.path });
  engine = new PolicyEngine({ logger: SILENT, host: { resources } });
  const options = { ...LIMITS, endpoint: relay.url, pollIntervalMs: 0, cacheDir: join(folder.path, '..', 'cache') };
  follower = await engine.follow(options);
});

afterAll(async () => {
  await engine?.close();
  await relay?.close();
  await folder?.remove();
});

function storeVersion(): number {
  const bytes = resources.get('default', 'keys', 'id') ?? Buffer.from('{}');
  return (JSON.parse(Buffer.from(bytes).toString()) as { version: number }).version;
}

describe('a fault of the relay', () => {
  it('is one of at least thirty, and each is tried once (P-79)', () => {
    const rows = [...CONFIGURATION, ...CONTENTS].map(([route, fault]) => `${route} ${fault}`);
    expect(new Set(rows).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThanOrEqual(30);
  });

  it.each([...CONFIGURATION, ...CONTENTS])(
    '%s %s keeps the last good policies, and is over when it is over (P-79)',
    async (route, fault, outcome) => {
      const before = folder.version;
      expect(folder.mark(engine)).toBe(before);
      await folder.write(before + 1);
      await relay.reload();
      relay.faults.set(route, fault);
      expect(await follower.refresh()).toBe(outcome);
      expect(folder.mark(engine)).toBe(before);
      expect(engine.describe().routes.map(({ refusal }) => refusal)).toEqual([undefined]);
      relay.faults.clear();
      expect(await follower.refresh()).toBe('changed');
      expect(folder.mark(engine)).toBe(before + 1);
      expect(engine.describe().feed).toMatchObject({ state: 'current', missing: [] });
    },
  );

  it.each(['other-bytes', 'array-200', 'status:404'])(
    'policyStores %s keeps the store that is there, beside the chains of the new document (P-79)',
    async (fault) => {
      const before = folder.version;
      await folder.write(before + 1);
      await relay.reload();
      relay.faults.set('policyStores', fault);
      expect(await follower.refresh()).toBe('failed');
      expect([folder.mark(engine), storeVersion()]).toEqual([before + 1, before]);
      expect(engine.describe().feed?.missing).toHaveLength(1);
      relay.faults.clear();
      expect(await follower.refresh()).toBe('changed');
      expect([folder.mark(engine), storeVersion()]).toEqual([before + 1, before + 1]);
    },
  );

  it('for one module only leaves the other routes theirs, and is asked for again (P-64)', async () => {
    await folder.write(folder.version + 1, { second: true });
    await relay.reload();
    relay.faults.set('policyModules', 'status:404', { times: 1 });
    expect(await follower.refresh()).toBe('failed');
    const { routes, feed } = engine.describe();
    // One of the two modules was not there: its route is kept, or closed where it is new; never open.
    expect(routes.filter(({ refusal }) => refusal === undefined).length).toBeGreaterThan(0);
    expect(feed?.missing.length).toBe(1);
    expect(await follower.refresh()).toBe('changed');
    expect(engine.describe().feed?.missing).toEqual([]);
    expect(folder.mark(engine)).toBe(folder.version);
  });

  it('for one module that does not pass keeps the rest waiting for three refreshes, not for ever', async () => {
    await folder.write(folder.version + 1);
    await relay.reload();
    const before = folder.mark(engine);
    relay.faults.set('policyModules', 'status:503');
    for (let i = 0; i < 2; i++) expect(await follower.refresh()).toBe('failed');
    expect(engine.describe().feed?.missing).toEqual([]);
    expect(await follower.refresh()).toBe('failed');
    expect(engine.describe().feed?.missing).toHaveLength(1);
    expect(folder.mark(engine)).toBe(before);
    relay.faults.clear();
    expect(await follower.refresh()).toBe('changed');
    expect(folder.mark(engine)).toBe(folder.version);
  });

  it('resumes a download where it broke off', async () => {
    await folder.write(folder.version + 1);
    await relay.reload();
    const { resumed = 0 } = follower.describe().downloads ?? {};
    relay.faults.set('policyModules', 'reset-at:3000', { times: 1 });
    expect(await follower.refresh()).toBe('changed');
    expect(follower.describe().downloads?.resumed).toBe(resumed + 1);
    expect(folder.mark(engine)).toBe(folder.version);
  });

  it('zero routes: believed when they come twice in a row, not when something else comes between (P-79)', async () => {
    relay.faults.set('policies', 'no-routes');
    expect(await follower.refresh()).toBe('held');
    relay.faults.clear();
    expect(await follower.refresh()).toBe('unchanged');
    relay.faults.set('policies', 'no-routes');
    expect(await follower.refresh()).toBe('held');
    expect(folder.mark(engine)).toBe(folder.version);
    expect(await follower.refresh()).toBe('changed');
    expect(engine.describe().routes).toEqual([]);
    relay.faults.clear();
    expect(await follower.refresh()).toBe('changed');
    expect(folder.mark(engine)).toBe(folder.version);
  });

  it('of the folder keeps what the relay serves', async () => {
    await writeFile(join(folder.path, 'policies.yaml'), 'routes: [');
    await relay.reload();
    expect(await follower.refresh()).toBe('unchanged');
    expect(folder.mark(engine)).toBe(folder.version);
  });
});
