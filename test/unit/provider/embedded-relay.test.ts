/** The whole way: a flag file, the embedded relay, the provider, the SDK's client, and a change of the file. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OpenFeature } from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EdictProvider } from '../../../src/index.ts';
import { createRelay, type Relay } from '../../../src/server/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'edict-provider-'));
const flagFile = join(folder, 'flags.yaml');
let relay: Relay;

const writeFlags = (staff: boolean): void =>
  writeFileSync(
    flagFile,
    `new-checkout:
  variations: { enabled: true, disabled: false }
  targeting:
    - name: staff
      query: email ew "@example.com"
      variation: ${staff ? 'enabled' : 'disabled'}
  defaultRule: { variation: disabled }
`,
  );

beforeAll(async () => {
  writeFlags(true);
  relay = await createRelay({ flagFiles: [flagFile], port: 0 });
});
afterAll(async () => {
  await OpenFeature.clearProviders();
  await relay.close();
  rmSync(folder, { recursive: true });
});

describe('the ten lines of the README', () => {
  it('decide a flag of a file, and see it change', async () => {
    const provider = new EdictProvider({ endpoint: relay.url, pollIntervalMs: 200 });
    await OpenFeature.setProviderAndWait(provider);
    const client = OpenFeature.getClient();
    const user = { targetingKey: 'user-1', email: 'ann@example.com' };

    expect(await client.getBooleanDetails('new-checkout', false, user)).toMatchObject({
      value: true,
      variant: 'enabled',
      reason: 'TARGETING_MATCH',
      flagMetadata: { evaluatedRuleName: 'staff' },
    });
    expect(await client.getBooleanValue('new-checkout', true, { targetingKey: 'user-2' })).toBe(false);

    const changed = new Promise<unknown>((resolve) => {
      client.addHandler('PROVIDER_CONFIGURATION_CHANGED' as never, (details) => resolve(details));
    });
    writeFlags(false);
    expect(await changed).toMatchObject({ flagsChanged: ['new-checkout'] });
    expect(await client.getBooleanValue('new-checkout', true, user)).toBe(false);
  });
});
