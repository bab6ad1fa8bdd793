/** What policies may ask for: the shape of manifests and lists, what two of them have in common, and imports against it. */

import { describe, expect, it } from 'vitest';
import { CoreModulePolicy } from '../../../src/policy/guest/core-module-policy.ts';
import { CAPABILITY_FUNCTIONS, type Capability } from '../../../src/policy/guest/imports.ts';
import { Phase } from '../../../src/policy/model/phases.ts';
import { actionFault } from '../../../src/policy/reduce/check-action.ts';
import { metadataFault } from '../../../src/policy/reduce/metadata.ts';
import {
  actionGrants,
  type Capabilities,
  grantedCapabilities,
  intersectCapabilities,
  NO_CAPABILITIES,
  parseCapabilities,
} from '../../../src/policy-host/capabilities.ts';
import { INFO } from '../policy/guest/support/guest-rig.ts';
import { capabilities, hostOf } from './support/host-rig.ts';
import { importingGuest } from './support/wat-guests.ts';

const ALL = {
  log: true,
  clock: true,
  random: true,
  metrics: true,
  flags: true,
  metadata: true,
  resources: true,
  kv: { namespaces: ['a', 'b'] },
  crypto: ['hash', 'sign'],
  http: { allow: [{ host: 'api.example.com' }] },
};

const tenant = (shape: unknown): Capabilities => {
  const { capabilities: parsed, problems } = parseCapabilities(shape, 'tenant');
  expect(problems).toEqual([]);
  return parsed;
};

describe('the capabilities of a manifest', () => {
  it('are nothing unless they are named', () => {
    expect(capabilities({})).toEqual(NO_CAPABILITIES);
    expect(grantedCapabilities(capabilities({ log: false, hopByHop: true }))).toEqual(new Set());
  });

  it('carry their details, with defaults', () => {
    const parsed = capabilities({ ...ALL, clock: { fine: true }, hopByHop: true });
    expect(parsed.clock).toEqual({ fine: true });
    expect(parsed.kv).toEqual({ namespaces: ['a', 'b'], maxBytes: 4 * 1_048_576 });
    expect(parsed.http?.allow).toEqual([
      [
        {
          scheme: 'https',
          host: 'api.example.com',
          port: 443,
          pathPrefix: '/',
          methods: ['GET'],
          privateAddresses: false,
          redirects: false,
        },
      ],
    ]);
    expect([...grantedCapabilities(parsed)].sort()).toEqual(Object.keys(CAPABILITY_FUNCTIONS).sort());
  });

  it('are refused as a whole, with the place of everything that is wrong', () => {
    const { capabilities: parsed, problems } = parseCapabilities({
      log: 1,
      filesystem: true,
      clock: { fast: true },
      kv: { namespaces: ['ok', '../x'] },
      crypto: ['hash', 'decrypt'],
      http: { allow: [{ host: '*' }, { host: 'a.example', port: 0 }, { host: 'a.example', methods: ['CONNECT'] }] },
      __proto__: { random: true },
    });
    expect(parsed).toBe(NO_CAPABILITIES);
    expect(problems.map(({ path }) => path)).toEqual([
      '/filesystem',
      '/log',
      '/clock',
      '/kv/namespaces',
      '/crypto',
      '/http/allow/0/host',
      '/http/allow/1/port',
      '/http/allow/2/methods',
    ]);
    for (const shape of [undefined, null, [], 'log', 7]) expect(parseCapabilities(shape).problems).toHaveLength(1);
  });

  it('must name namespaces, operations and addresses: everything is for a tenant to allow', () => {
    const { problems } = parseCapabilities({ kv: true, crypto: true, http: true });
    expect(problems.map(({ path }) => path)).toEqual(['/kv', '/crypto', '/http']);
    expect(parseCapabilities({ kv: { namespaces: [], maxBytes: Number.NaN } }).problems[0]?.path).toBe('/kv/maxBytes');
    const many = Array.from({ length: 101 }, (_, index) => `n${index}`);
    expect(parseCapabilities({ kv: { namespaces: many } }).problems).toHaveLength(1);
  });
});

describe('what a manifest and the list of a tenant agree on', () => {
  const wanted = capabilities(ALL);

  it('is nothing where the list says nothing', () => {
    const agreed = intersectCapabilities(wanted, NO_CAPABILITIES);
    expect(agreed).toEqual(NO_CAPABILITIES);
    expect(grantedCapabilities(agreed).size).toBe(0);
  });

  it('is the smaller of two details', () => {
    const allowed = tenant({ ...ALL, clock: true, kv: { namespaces: ['b', 'c'], maxBytes: 2_048 }, crypto: ['sign'] });
    const agreed = intersectCapabilities(capabilities({ ...ALL, clock: { fine: true } }), allowed);
    expect(agreed.clock).toEqual({ fine: false });
    expect(agreed.kv).toEqual({ namespaces: ['b'], maxBytes: 2_048 });
    expect(agreed.crypto).toEqual(['sign']);
  });

  it('asks both lists of addresses, and takes no private address from a manifest alone', () => {
    const greedy = capabilities({
      http: { allow: [{ host: 'api.example.com', privateAddresses: true, redirects: true }] },
    });
    const [only] = intersectCapabilities(greedy, tenant({ http: true })).http?.allow ?? [];
    expect(only?.[0]).toMatchObject({ privateAddresses: false, redirects: false });
    const listed = tenant({ http: { allow: [{ host: '*.example.com', privateAddresses: true }] } });
    expect(intersectCapabilities(greedy, listed).http?.allow).toHaveLength(2);
  });
});

describe('what actions of a policy may do', () => {
  it('P-66 is to write the metadata that is declared, and no header of the connection unless granted', () => {
    const declared = actionGrants(capabilities({}), ['mine']);
    const patch = (key: string) => ({ kind: 'request-changes' as const, metadataPatch: { [key]: 1 } });
    expect(metadataFault({}, patch('mine').metadataPatch, declared.metadataWrites)).toBeUndefined();
    expect(metadataFault({}, patch('other').metadataPatch, declared.metadataWrites)).toContain('"other"');
    const upgrade = { kind: 'request-changes' as const, headers: { set: [['upgrade', 'x'] as const] } };
    expect(actionFault(upgrade, Phase.requestHeaders, declared)).toContain('hopByHop');
    expect(actionFault(upgrade, Phase.requestHeaders, actionGrants(capabilities({ hopByHop: true })))).toBeUndefined();
  });
});

describe('P-73 a module that imports what it was not granted', () => {
  const everything = new Set(Object.keys(CAPABILITY_FUNCTIONS) as Capability[]);

  const create = (imports: readonly string[], granted: Iterable<Capability>) =>
    new CoreModulePolicy({
      name: 'imports',
      version: 'v1.0.0',
      guest: importingGuest(imports),
      tier: 'trusted',
      inputs: {},
      granted,
      host: hostOf({}),
    }).create({ info: INFO, params: {} });

  it.each(Object.entries(CAPABILITY_FUNCTIONS))('is refused by name at load, for %s', async (name, functions) => {
    const others = new Set([...everything].filter((one) => one !== name));
    for (const imported of functions) {
      const refused = await create([imported], others);
      expect(refused).toMatchObject({ kind: 'failure', code: 'MODULE_INVALID' });
      expect((refused as { message: string }).message).toContain(`edict.${imported} (${name})`);
    }
    // A call that blocks is granted as well, and is for workers alone.
    const inline = functions.filter((one) => one !== 'http_call');
    const granted = await create(inline, [name as Capability]);
    expect(granted).not.toHaveProperty('code');
    if (!('code' in granted)) await granted.destroy();
  });

  it('is refused when the manifest asks and the tenant does not allow', async () => {
    const agreed = intersectCapabilities(capabilities(ALL), tenant({ log: true }));
    const refused = await create(['log', 'kv_incr', 'sign'], grantedCapabilities(agreed));
    expect(refused).toMatchObject({ code: 'MODULE_INVALID' });
    expect((refused as { message: string }).message).toContain('edict.kv_incr (kv), edict.sign (crypto)');
    expect((refused as { message: string }).message).not.toContain('edict.log');
  });
});
