/** What components may import, and what they get when they call it. */

import { beforeEach, describe, expect, it } from 'vitest';
import { ComponentImports, EndedByHost } from '../../../../src/policy/component/component-imports.ts';
import { loadComponent } from '../../../../src/policy/component/load-component.ts';
import { NOBODY } from '../../../../src/policy/guest/host-binding.ts';
import { hostFault } from '../../../../src/policy/guest/host-functions.ts';
import type { Capability } from '../../../../src/policy/guest/imports.ts';
import { RecordingHost } from '../guest/support/guest-rig.ts';

type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;

/** A component that does nothing but import instances of these names. */
function importing(...names: string[]): Uint8Array {
  const entries = names.flatMap((name) => [0, name.length, ...Buffer.from(name), 0x05, 0]);
  const section = [names.length, ...entries];
  return Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00, 10, section.length, ...section);
}

function refusal(names: readonly string[], granted: readonly Capability[] = []): string {
  const loaded = loadComponent(importing(...names), { granted, metering: {} });
  return loaded.kind === 'failure' ? `${loaded.code}: ${loaded.message}` : loaded.kind;
}

describe('a component that imports', () => {
  it('what the host does not have is refused before anything is compiled, with the names', () => {
    expect(refusal(['wasi:cli/environment@0.2.0', 'edict:policy/log@0.2.0', 'edict:policy/toString@0.1.0'])).toBe(
      'MODULE_INVALID: it imports wasi:cli/environment@0.2.0, edict:policy/log@0.2.0, edict:policy/toString@0.1.0, ' +
        'which the host does not have',
    );
  });

  it.each([
    ['log', 'log'],
    ['clock', 'clock'],
    ['random', 'random'],
    ['feature-flags', 'flags'],
    ['kv', 'kv'],
    ['crypto', 'crypto'],
    ['metadata', 'metadata'],
    ['metrics', 'metrics'],
    ['resources', 'resources'],
  ] as const)('%s without the grant is refused, and with it is not (P-73)', (word, capability) => {
    const name = `edict:policy/${word}@0.1.0`;
    expect(refusal([name])).toBe(`MODULE_INVALID: it imports ${name} (${capability}), which it was not granted`);
    expect(refusal([name, 'edict:policy/types@0.1.0'], [capability])).toContain('it has 0 core modules');
  });

  it('http is refused whatever was granted: it waits', () => {
    expect(refusal(['edict:policy/http@0.1.0'], ['http'])).toContain('which blocks');
  });
});

describe('a component that calls', () => {
  let host: RecordingHost;
  let imports: ComponentImports;
  const call = { info: NOBODY, phase: undefined, input: undefined };
  const of = (name: string): Functions => imports.interfaces()[`edict:policy/${name}`] as Functions;

  beforeEach(() => {
    host = new RecordingHost();
    imports = new ComponentImports(host, call, 8);
    imports.begin();
  });

  it('every interface reaches the port', () => {
    of('log')['write']?.('warn', 'line\nend');
    expect(of('clock')['nowMs']?.()).toBe(1_700_000_000_123);
    expect(of('random')['bytes']?.(3)).toEqual(Uint8Array.of(7, 7, 7));
    expect(of('feature-flags')['evaluate']?.('f', 'text', '"x"', undefined)).toContain('"value":true');
    expect(of('kv')['set']?.('n', 'k', Uint8Array.of(65), 5)).toBe(1);
    expect(of('kv')['get']?.('n', 'k')).toEqual([Uint8Array.of(65), 1]);
    expect(of('crypto')['hash']?.('sha256', Uint8Array.of(66))).toEqual(Uint8Array.of(1, 2, 3));
    expect(of('resources')['get']?.('k', 'not there')).toBeUndefined();
    expect(host.calls.map(([name]) => name)).toEqual([
      ...['log', 'nowMs', 'random', 'flag', 'kvSet', 'kvGet', 'hash', 'resourceGet'],
    ]);
    expect(host.calls[0]?.[2]).not.toContain('\n');
    expect(host.calls[3]).toEqual(['flag', 'f', 'string', '"x"', undefined]);
  });

  it('and is refused gets the word of the refusal where the function can say it', () => {
    host.kvCompareAndSet = () => hostFault('conflict');
    const refused = (): unknown => of('kv')['compareAndSet']?.('n', 'k', 7, new Uint8Array(1), 0);
    expect(refused).toThrow(expect.objectContaining({ payload: 'conflict' }));
    expect(imports.fault).toBe('conflict');
  });

  it('and is refused ends where the function cannot say it', () => {
    expect(() => of('random')['bytes']?.(65_537)).toThrow(EndedByHost);
    expect(imports.fault).toBe('too-large');
    host.metaGet = () => {
      throw new Error('a defect');
    };
    expect(() => of('metadata')['get']?.('k')).toThrow(EndedByHost);
    expect(imports.fault).toBe('unavailable');
  });

  it('too often is refused from then on, until the next hook', () => {
    for (let i = 0; i < 8; i++) of('metrics')['add']?.(1, 2);
    of('metrics')['add']?.(1, 2);
    expect(host.calls).toHaveLength(8);
    expect(() => of('kv')['get']?.('n', 'k')).toThrow(expect.objectContaining({ payload: 'limit' }));
    imports.begin();
    expect(of('kv')['get']?.('n', 'k')).toBeUndefined();
  });

  it('with more than texts and data may have is refused', () => {
    expect(() => of('kv')['get']?.('n', 'k'.repeat(65_537))).toThrow(expect.objectContaining({ payload: 'too-large' }));
    const data = new Uint8Array(1_048_577);
    expect(() => of('crypto')['hash']?.('sha256', data)).toThrow(expect.objectContaining({ payload: 'too-large' }));
    expect(host.calls).toEqual([]);
  });
});
