/** Hooks that were recorded decide the same again, from nothing but their record and the policy. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { replayPolicy } from '../../../src/cli/policy/replay.ts';
import type { JsonObject } from '../../../src/internal/json.ts';
import { advancedRatelimit } from '../../../src/policy/catalogue/advanced-ratelimit.ts';
import type { HookInput, PolicyInfo } from '../../../src/policy/model/inputs.ts';
import type { PolicyFactory, PolicyInstance } from '../../../src/policy/model/instance.ts';
import { Phase } from '../../../src/policy/model/phases.ts';
import { EngineCatalog } from '../../../src/policy-engine/engine-catalog.ts';
import { type PolicyPackage, readPackage } from '../../../src/policy-engine/policy-package.ts';
import { replayedPackage } from '../../../src/policy-engine/replay-package.ts';
import { parseCapabilities } from '../../../src/policy-host/capabilities.ts';
import { HostedPolicy } from '../../../src/policy-host/hosted-policy.ts';
import { MemoryKv } from '../../../src/policy-host/kv/memory-kv.ts';
import { createHost } from '../../../src/policy-host/policy-host.ts';
import { HookRecords, type RecordedHook, RecordingPolicy } from '../../../src/policy-host/recording-policy.ts';
import { RecordingHost } from '../../../src/policy-host/replay.ts';
import { parseRecord, replayHooks } from '../../../src/policy-host/replay-hooks.ts';
import { INFO } from '../policy/guest/support/guest-rig.ts';
import { anyHookInput } from '../policy/support/hook-inputs.ts';
import { FolderRig, serve } from './support/folder-rig.ts';

const KEYS = `['ratelimit:state', 'ratelimit:keys']`;
const CAPABILITIES = { clock: true, crypto: ['hash'], kv: { namespaces: ['limits'] } };
const LIMIT = `inputs: { headers: all, body: true, api: true, metadata: { reads: ${KEYS} } }
metadata: { reads: ${KEYS}, writes: ${KEYS} }
capabilities: ${JSON.stringify(CAPABILITIES)}
limits: { hostCalls: 1024 }`;
const METADATA = { reads: ['ratelimit:state', 'ratelimit:keys'], writes: ['ratelimit:state', 'ratelimit:keys'] };
const BOTH = '{ requestHeaders: process, responseHeaders: process }';
const REQUEST = '{ requestHeaders: process }';
const LIMITED: JsonObject = { quotas: [{ limits: [{ limit: 100, duration: '1h' }] }] };

/** Name, hooks, further lines of the manifest, parameters. */
const POLICIES: readonly [name: string, processing: string, more: string, params: JsonObject][] = [
  [
    'set-headers',
    BOTH,
    '',
    { requestHeaders: [{ name: 'x-a', value: '1' }], responseHeaders: [{ name: 'x-b', value: '2' }] },
  ],
  ['remove-headers', REQUEST, '', { requestHeaders: [{ name: 'x-a' }, { name: 'cookie' }] }],
  ['advanced-ratelimit', BOTH, LIMIT, LIMITED],
];

/** Moves on by itself, a fraction at a time. */
class Time {
  #ms = 1_700_000_000_000;
  now(): number {
    this.#ms += 0.7;
    return this.#ms;
  }
  monotonic(): number {
    return this.now();
  }
}

const info = (name: string): PolicyInfo => ({ ...INFO, name, tenant: 'shop' });

/** `count` hooks, in turn of requests and responses. */
async function run(instance: PolicyInstance, count: number, phases: readonly Phase[], seed: number): Promise<void> {
  for (const [at, input] of fc.sample(anyHookInput, { numRuns: count, seed }).entries()) {
    const exchange = { ...input.exchange, deadline: 2 ** 45 };
    await instance.call(phases[at % phases.length] as Phase, { ...input, exchange } as HookInput);
  }
}

const parsed = (records: HookRecords): readonly RecordedHook[] =>
  records.lines.map((line) => parseRecord(line) as RecordedHook);

describe('P-65: recorded hooks', () => {
  it('of modules and of native policies, a thousand of them, give the identical action again', async () => {
    const rig = await FolderRig.create();
    const records = new HookRecords();
    const time = new Time();
    const packages: PolicyPackage[] = [];
    for (const [name, processing, more] of POLICIES) {
      await rig.add(name, processing, more);
      packages.push((await readPackage(join(rig.path, name), name)) as PolicyPackage);
    }
    const catalog = new EngineCatalog({
      natives: [],
      trusted: new Set(),
      allowed: parseCapabilities(CAPABILITIES, 'tenant').capabilities,
      ports: { kv: new MemoryKv(time), time },
      workers: () => expect.unreachable(),
      records,
    });
    catalog.replace(packages, []);
    for (const [at, [name, processing, , params]] of POLICIES.entries()) {
      const entry = catalog.find({ digest: packages[at]?.digest as PolicyPackage['digest'] });
      const { factory } = entry as { factory: PolicyFactory };
      const made = await factory.create({ info: info(name), params, stateScope: 's' });
      if ('kind' in made) throw new Error(made.message);
      const phases = processing === BOTH ? [Phase.requestHeaders, Phase.responseHeaders] : [Phase.requestHeaders];
      await run(made, 250, phases, at);
      await made.destroy();
    }
    const host = createHost(
      parseCapabilities(CAPABILITIES, 'tenant').capabilities,
      { tenant: 'shop', policy: 'native', metadata: METADATA },
      { kv: new MemoryKv(time), time },
    );
    const recording = new RecordingHost(host);
    const hosted = new HostedPolicy(advancedRatelimit(recording), host);
    const native = new RecordingPolicy(hosted, recording, records, 'native');
    const made = await native.create({ info: info('native'), params: LIMITED });
    if ('kind' in made) throw new Error(made.message);
    await run(made, 250, [Phase.requestHeaders, Phase.responseHeaders], 9);

    const lines = parsed(records);
    expect(lines).toHaveLength(1_000);
    const kinds = new Set(
      lines.map(({ outcome }) => JSON.stringify(outcome).match(/"(immediate|\w+-changes|none)"/)?.[1]),
    );
    expect(kinds).toEqual(new Set(['request-changes', 'response-changes', 'none', 'immediate']));
    const results = await replayHooks(lines, ({ digest }) => {
      const found = packages.find((one) => one.digest === digest);
      if (found !== undefined) return replayedPackage(found);
      return { metadata: METADATA, create: (given) => advancedRatelimit(given) };
    });
    expect(results.filter(({ isIdentical, divergence }) => !isIdentical || divergence !== undefined)).toEqual([]);
    expect(results).toHaveLength(1_000);
  }, 60_000);

  it('of an engine are lines for the command, which says what differs and gives 1; secrets are not in them', async () => {
    const rig = await FolderRig.create();
    await rig.add('set-headers', BOTH);
    const value = '{{ secret "key" }}';
    await rig.configure(
      `routes:\n  - key: 'GET|/**|*'\n    policies:\n` +
        `      - { use: set-headers, params: { requestHeaders: [{ name: x-a, value: shown }], responseHeaders: [{ name: x-b, value: '${value}' }] } }\n`,
    );
    const engine = await rig.loaded({ record: { hooks: 5 }, secret: () => 'top-secret-value' });
    const ask = await serve(engine);
    for (let i = 0; i < 4; i++) expect((await ask('/pets')).headers['x-b']).toBe('top-secret-value');
    const lines = engine.records();
    expect(lines).toHaveLength(5);
    expect(lines.join('')).not.toContain('top-secret-value');
    const replayed = async (text: string): Promise<{ code: number; report: JsonObject }> => {
      const file = join(rig.path, 'hooks.jsonl');
      await writeFile(file, text);
      let printed = '';
      const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
        printed += String(chunk);
        return true;
      });
      const code = await replayPolicy(file, { policy: rig.path, json: true }).finally(() => spy.mockRestore());
      return { code, report: JSON.parse(printed) as JsonObject };
    };
    expect(await replayed(`${lines.join('\n')}\n`)).toEqual({
      code: 0,
      report: { hooks: 5, identical: 5, different: [] },
    });
    const changed = lines.map((line) =>
      line.replace(
        '"outcome":{"kind":"action","action":{"kind":"request-changes"',
        '"outcome":{"kind":"action","action":{"kind":"immediate"',
      ),
    );
    const { code, report } = await replayed(changed.join('\n'));
    expect(code).toBe(1);
    expect(report).toMatchObject({ hooks: 5, identical: 3 });
    expect(JSON.stringify(report)).toContain(
      '{"pointer":"/action/kind","recorded":"immediate","replayed":"request-changes"}',
    );
  });

  it('stay within their number and size, and are those of the policies that were named', () => {
    const hook = (policy: string, more = ''): RecordedHook => ({
      ...{ format: 1, policy, version: 'v1.0.0', digest: more, instance: 1, init: {}, made: [] },
      ...{ phase: Phase.requestHeaders, input: {}, host: [], outcome: { kind: 'none' } },
    });
    const records = new HookRecords({ hooks: 3, bytes: 1_000, policies: ['a'] });
    expect([records.wants('a'), records.wants('b')]).toEqual([true, false]);
    for (let i = 0; i < 5; i++) records.add(hook('a', String(i)));
    expect(parsed(records).map(({ digest }) => digest)).toEqual(['2', '3', '4']);
    records.add(hook('a', 'x'.repeat(2_000)));
    records.add(hook('a', 'y'.repeat(850)));
    expect(parsed(records)).toHaveLength(1);
    expect(records.dropped).toBe(6);
  });
});
