/** Policies for tests: modules from wasm/policies/ and from text, inputs of hooks, a host that records. */

import { readFileSync } from 'node:fs';
import type { CompiledGuest } from '../../../../../src/policy/guest/core-guest.ts';
import { type CoreModuleOptions, CoreModulePolicy } from '../../../../../src/policy/guest/core-module-policy.ts';
import type { GuestInstance } from '../../../../../src/policy/guest/guest-instance.ts';
import { type HostFunctions, hostFault } from '../../../../../src/policy/guest/host-functions.ts';
import type { HeaderPair } from '../../../../../src/policy/model/headers.ts';
import { HeaderMap } from '../../../../../src/policy/model/headers.ts';
import type { ApiInfo, ExchangeFacts, HookInput, PolicyInfo } from '../../../../../src/policy/model/inputs.ts';
import type { InstanceInit, Outcome, PolicyInstance } from '../../../../../src/policy/model/instance.ts';
import type { Phase } from '../../../../../src/policy/model/phases.ts';
import { type Body, NO_BODY, NOTHING_GATHERED } from '../../../../../src/policy/model/views.ts';
import { inspectModule } from '../../../../../src/wasm/inspect.ts';
import { assembleFile } from '../../../wasm/support/wat.ts';

export const API: ApiInfo = {
  projectId: 'p1',
  id: 'a1',
  name: 'PetStore',
  version: 'v1.0.0',
  kind: 'RestApi',
  context: '/petstore',
  operationPath: '/pets/{id}',
};

export const INFO: PolicyInfo = {
  name: 'under-test',
  version: 'v1.0.0',
  routeName: 'pets-get',
  attachedTo: 'route',
  tenant: 'shop',
  api: API,
};

export const EXCHANGE: ExchangeFacts = {
  requestId: 'r-1',
  routeName: 'pets-get',
  tenant: 'shop',
  api: API,
  deadline: 1_700_000_000_000,
};

/** The twelve headers that the figures of this half are about. */
export const TWELVE_HEADERS: readonly HeaderPair[] = [
  ['host', 'api.example.com'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101'],
  ['accept', 'application/json, text/plain, */*'],
  ['accept-encoding', 'gzip, deflate, br'],
  ['accept-language', 'en-GB,en;q=0.7'],
  ['authorization', 'Bearer abcdefghijklmnopqrstuvwxyz0123456789'],
  ['content-type', 'application/json'],
  ['content-length', '1024'],
  ['cookie', 'session=0123456789abcdef; theme=dark'],
  ['x-request-id', '3f1a2b4c-5d6e-7f80-9a0b-1c2d3e4f5061'],
  ['x-forwarded-for', '203.0.113.7'],
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
];

export function body(text: string | Uint8Array): Body {
  return { ...NO_BODY, content: typeof text === 'string' ? Buffer.from(text, 'utf8') : text, present: true };
}

/** A request with a response, as a hook of any phase could see it. */
export function hookInput(part: Partial<HookInput> = {}): HookInput {
  return {
    exchange: EXCHANGE,
    request: {
      headers: HeaderMap.from(TWELVE_HEADERS),
      path: '/petstore/pets/7?verbose=1',
      method: 'POST',
      authority: 'api.example.com',
      scheme: 'https',
      body: body('the request body'),
      upstreamName: undefined,
      upstreamSlot: undefined,
    },
    response: {
      headers: HeaderMap.from([
        ['content-type', 'text/plain'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ]),
      status: 201,
      body: body('the response body'),
      fault: undefined,
    },
    gathered: NOTHING_GATHERED,
    ...part,
  };
}

/** Answers plainly, and remembers each call as the name of its function with its arguments. */
export class RecordingHost implements HostFunctions {
  readonly calls: unknown[][] = [];
  readonly store = new Map<string, { value: Uint8Array; version: number }>();
  readonly metadata = new Map<string, string>();
  /** Functions whose next answers are replaced; a function is called. */
  readonly answers: Partial<Record<keyof HostFunctions, () => never>> = {};

  #note(name: keyof HostFunctions, ...args: unknown[]): void {
    this.calls.push([name, ...args]);
    this.answers[name]?.();
  }

  log(_call: unknown, level: string, message: string): void {
    this.#note('log', level, message);
  }
  nowMs(): number {
    this.#note('nowMs');
    return 1_700_000_000_123;
  }
  monotonicMs(): number {
    this.#note('monotonicMs');
    return 12.5;
  }
  random(_call: unknown, bytes: number): Uint8Array {
    this.#note('random', bytes);
    return new Uint8Array(bytes).fill(7);
  }
  flag(_call: unknown, key: string, kind: string, defaultJson: string, contextJson: string | undefined): string {
    this.#note('flag', key, kind, defaultJson, contextJson);
    return JSON.stringify({ value: true, variant: 'on', reason: 'STATIC' });
  }
  metaGet(_call: unknown, key: string): string | undefined {
    this.#note('metaGet', key);
    return this.metadata.get(key);
  }
  metaSet(_call: unknown, key: string, json: string): true {
    this.#note('metaSet', key, json);
    this.metadata.set(key, json);
    return true;
  }
  metaDelete(_call: unknown, key: string): boolean {
    this.#note('metaDelete', key);
    return this.metadata.delete(key);
  }
  kvGet(_call: unknown, ns: string, key: string): { value: Uint8Array; version: number } | undefined {
    this.#note('kvGet', ns, key);
    return this.store.get(`${ns}/${key}`);
  }
  kvSet(_call: unknown, ns: string, key: string, value: Uint8Array, ttlMs: number): number {
    this.#note('kvSet', ns, key, Buffer.from(value).toString(), ttlMs);
    const version = (this.store.get(`${ns}/${key}`)?.version ?? 0) + 1;
    this.store.set(`${ns}/${key}`, { value, version });
    return version;
  }
  kvDelete(_call: unknown, ns: string, key: string): boolean {
    this.#note('kvDelete', ns, key);
    return this.store.delete(`${ns}/${key}`);
  }
  kvIncrement(_call: unknown, ns: string, key: string, delta: number, ttlMs: number, refresh: boolean): number {
    this.#note('kvIncrement', ns, key, delta, ttlMs, refresh);
    return -21;
  }
  kvCompareAndSet(
    _call: unknown,
    ns: string,
    key: string,
    expected: number,
    value: Uint8Array,
  ): ReturnType<HostFunctions['kvCompareAndSet']> {
    this.#note('kvCompareAndSet', ns, key, expected);
    const now = this.store.get(`${ns}/${key}`)?.version ?? 0;
    if (now !== expected) return hostFault('conflict');
    this.store.set(`${ns}/${key}`, { value, version: now + 1 });
    return now + 1;
  }
  hash(_call: unknown, algorithm: string, data: Uint8Array): Uint8Array {
    this.#note('hash', algorithm, Buffer.from(data).toString());
    return Uint8Array.of(1, 2, 3);
  }
  hmac(_call: unknown, algorithm: string, key: string, data: Uint8Array): Uint8Array {
    this.#note('hmac', algorithm, key, Buffer.from(data).toString());
    return Uint8Array.of(4, 5);
  }
  sign(_call: unknown, algorithm: string, key: string, data: Uint8Array): Uint8Array {
    this.#note('sign', algorithm, key, Buffer.from(data).toString());
    return Uint8Array.of(6);
  }
  verify(_call: unknown, algorithm: string, key: string, signature: Uint8Array, data: Uint8Array): boolean {
    this.#note('verify', algorithm, key, [...signature], Buffer.from(data).toString());
    return true;
  }
  equal(_call: unknown, left: Uint8Array, right: Uint8Array): boolean {
    this.#note('equal', [...left], [...right]);
    return Buffer.compare(left, right) === 0;
  }
  httpStart(_call: unknown, request: Uint8Array): ReturnType<HostFunctions['httpStart']> {
    this.#note('httpStart', Buffer.from(request).toString());
    return Promise.resolve(Buffer.from('the answer'));
  }
  counterAdd(_call: unknown, series: number, value: number): void {
    this.#note('counterAdd', series, value);
  }
  histogramRecord(_call: unknown, series: number, value: number): void {
    this.#note('histogramRecord', series, value);
  }
  resourceGet(_call: unknown, kind: string, id: string): Uint8Array | undefined {
    this.#note('resourceGet', kind, id);
    return id === 'there' ? Buffer.from('r'.repeat(2_000)) : undefined;
  }
}

export function compile(bytes: Uint8Array): CompiledGuest {
  return { module: new WebAssembly.Module(bytes), facts: inspectModule(bytes) };
}

/** wasm/policies/`name`.wasm. */
export function shipped(name: string): CompiledGuest {
  return compile(readFileSync(new URL(`../../../../../wasm/policies/${name}.wasm`, import.meta.url)));
}

/** fixtures/`name`.wat. */
export function fixture(name: string): CompiledGuest {
  return compile(assembleFile(new URL(`../fixtures/${name}.wat`, import.meta.url)));
}

export function policyOf(guest: CompiledGuest, part: Partial<CoreModuleOptions> = {}): CoreModulePolicy {
  return new CoreModulePolicy({
    name: 'under-test',
    version: 'v1.0.0',
    guest,
    tier: 'trusted',
    inputs: { headers: 'all', body: true },
    granted: [],
    host: new RecordingHost(),
    ...part,
  });
}

/** One instance; throws the failure as text when it cannot be made. */
export async function instanceOf(
  guest: CompiledGuest | CoreModulePolicy,
  params: InstanceInit['params'] = {},
  part: Partial<CoreModuleOptions> = {},
): Promise<GuestInstance> {
  const policy = guest instanceof CoreModulePolicy ? guest : policyOf(guest, part);
  const made = await policy.create({ info: INFO, params });
  if ('kind' in made) throw new Error(`${made.code}: ${made.message}`);
  return made;
}

/** An answer that must be there at once. */
export function callNow(instance: PolicyInstance, phase: Phase, input: HookInput = hookInput()): Outcome {
  const outcome = instance.call(phase, input);
  if (outcome instanceof Promise) throw new Error('a promise where an answer was due');
  return outcome;
}
