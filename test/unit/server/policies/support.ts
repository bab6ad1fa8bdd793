/** A relay over a folder of policies that a test writes. */

import type { JsonObject } from '../../../../src/internal/json.ts';
import type { RelayOptions } from '../../../../src/server/options.ts';
import { FolderRig } from '../../policy-engine/support/folder-rig.ts';
import { startTestRelay, type TestRelay } from '../test-relay.ts';

export interface PolicyRelay extends TestRelay {
  readonly folder: FolderRig;
  /** The whole document. */
  document(filter?: JsonObject): Promise<JsonObject>;
}

export const PROCESSING = '{ requestHeaders: process, responseHeaders: process }';

/** One route whose answers say `x-m: <value>`. */
export const greeting = (value: string, more = ''): string => `routes:
  - key: 'GET|/pets|*'
    name: pets
    policies:
      - use: set-headers
        params: { requestHeaders: [{ name: x-m }], responseHeaders: [{ name: x-m, value: '${value}' }] }
${more}`;

/** With the module `set-headers` and `policies.yaml`, unless `prepare` says otherwise. */
export async function startPolicyRelay(
  yaml = greeting('1'),
  options: Partial<RelayOptions> = {},
  prepare: (folder: FolderRig) => Promise<unknown> = (folder) => folder.add('set-headers', PROCESSING),
): Promise<PolicyRelay> {
  const folder = await FolderRig.create();
  await folder.configure(yaml);
  await prepare(folder);
  const relay = await startTestRelay({}, { policies: folder.path, ...options });
  return {
    ...relay,
    folder,
    document: async (filter = {}) => (await relay.post('/v1/policy/configuration', filter)).json() as JsonObject,
  };
}
