/** Who may write and read which of the shared metadata, as an engine holds it (P-66). */

import { describe, expect, it } from 'vitest';
import { definePolicy } from '../../../src/policy-engine/index.ts';
import { FolderRig, serve } from './support/folder-rig.ts';

const CORS = "{ use: cors, params: { allowedOrigins: ['https://shop.example'] } }";
const BOTH = '{ requestHeaders: process, responseHeaders: process }';
const ORIGIN = { headers: { origin: 'https://shop.example' } };

describe('a module', () => {
  it('whose answer writes metadata that its manifest does not declare has failed, and nothing of it is applied (P-66)', async () => {
    const rig = await FolderRig.create();
    await rig.add('cors', BOTH);
    await rig.configure(`routes: [{ key: '*|/a|*', policies: [${CORS}] }]`);
    const engine = await rig.loaded();
    expect((await (await serve(engine))('/a', ORIGIN)).status).toBe(500);
    expect(engine.describe().routes[0]?.positions[0]?.counts?.failures).toEqual({ ACTION_INVALID: 1 });
  });

  it('may write what it declares, and does not see what it does not declare (P-66)', async () => {
    const rig = await FolderRig.create();
    const declared = 'metadata: { reads: [cors_headers], writes: [cors_headers, cors_strip] }';
    await rig.add('cors', BOTH, `inputs: { headers: all }\n${declared}`);
    await rig.configure(`routes: [{ key: '*|/a|*', policies: [${CORS}] }]`);
    const told = (await (await serve(await rig.loaded()))('/a', ORIGIN)).headers;
    expect(told['access-control-allow-origin']).toBe('https://shop.example');
  });
});

describe('a native policy', () => {
  const writing = (metadata?: { reads?: string[]; writes?: string[] }) =>
    definePolicy({
      name: 'writer',
      ...(metadata === undefined ? {} : { metadata }),
      hooks: { onRequestHeaders: () => ({ kind: 'request-changes', metadataPatch: { secretly: 1, known: 2 } }) },
    });
  const reading = (metadata?: { reads?: string[]; writes?: string[] }) =>
    definePolicy({
      name: 'reader',
      ...(metadata === undefined ? {} : { metadata }),
      hooks: {
        onRequestHeaders: ({ gathered }) => ({
          kind: 'request-changes',
          headers: { set: [['x-seen', JSON.stringify(gathered.metadata)]] },
        }),
      },
    });
  const asked = async (policies: ReturnType<typeof definePolicy>[]): Promise<[number, unknown]> => {
    const rig = await FolderRig.create();
    const engine = rig.engine({ policies });
    await engine.load({ routes: [{ key: '*|/a|*', policies: [{ use: 'writer' }, { use: 'reader' }] }] });
    const { status, body } = await (await serve(engine))('/a');
    return [status, status === 200 ? JSON.parse(JSON.parse(body)['x-seen'] as string) : undefined];
  };

  it('writes and reads any metadata where it declares none: it is the service’s own code', async () => {
    expect(await asked([writing(), reading()])).toEqual([200, { secretly: 1, known: 2 }]);
  });

  it('is held to what it declares (P-66)', async () => {
    expect(await asked([writing({ writes: ['known'] }), reading()])).toEqual([500, undefined]);
    const both = writing({ writes: ['known', 'secretly'] });
    expect(await asked([both, reading({ reads: ['known'] })])).toEqual([200, { known: 2 }]);
    expect(await asked([both, reading({})])).toEqual([200, {}]);
  });
});
