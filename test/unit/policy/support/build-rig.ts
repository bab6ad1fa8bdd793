/** Policies that a test writes as plain functions, in a catalogue, with every instance they made in view. */

import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import { type Sha256, sha256 } from '../../../../src/internal/sha256.ts';
import type { CatalogEntry, PolicyCatalog } from '../../../../src/policy/build/catalog.ts';
import { PolicySets, type PolicySetsOptions } from '../../../../src/policy/build/policy-sets.ts';
import { majorOf, type Wanted } from '../../../../src/policy/build/reference.ts';
import type { RouteVersion } from '../../../../src/policy/build/route-version.ts';
import { Exchange } from '../../../../src/policy/chain/exchange.ts';
import type { RequestStep } from '../../../../src/policy/chain/exchange-steps.ts';
import type { PolicyManifest } from '../../../../src/policy/manifest/manifest.ts';
import { manifestOf } from '../../../../src/policy/manifest/parse-manifest.ts';
import { type PolicyFailure, policyFailure } from '../../../../src/policy/model/failure.ts';
import type { ExchangeFacts } from '../../../../src/policy/model/inputs.ts';
import type { InstanceInit, PolicyInstance } from '../../../../src/policy/model/instance.ts';
import type { Capabilities } from '../../../../src/policy/model/modes.ts';
import { FakeClock } from '../../relay/support/fake-clock.ts';
import { type Hooks, instanceOf, request } from './exchange-rig.ts';

/** One instance, as the test sees it. */
export interface MadeInstance {
  readonly policy: string;
  readonly init: InstanceInit;
  destroyed: number;
}

type MakeHooks = (init: InstanceInit, made: MadeInstance) => Hooks | PolicyFailure | Promise<Hooks | PolicyFailure>;

interface More {
  readonly manifest?: JsonObject;
  readonly capabilities?: Capabilities;
}

export class BuildRig implements PolicyCatalog {
  readonly clock = new FakeClock();
  readonly made: MadeInstance[] = [];
  readonly wanted: Wanted[] = [];
  readonly sets: PolicySets;
  readonly #entries: CatalogEntry[] = [];
  readonly #refused = new Map<string, PolicyFailure>();

  constructor(options: Partial<PolicySetsOptions> = {}) {
    this.sets = new PolicySets({ catalog: this, clock: this.clock, ...options });
  }

  /** Adds a policy; its digest is that of its name and version. */
  add(name: string, make: MakeHooks = () => ({ requestHeaders: () => undefined }), more: More = {}): Sha256 {
    const { manifest: given = {}, capabilities } = more;
    const read = manifestOf({
      apiVersion: 'edict/v1',
      name,
      version: 'v1.0.0',
      abi: 'native',
      processing: { requestHeaders: 'process' },
      ...given,
    });
    if ('problems' in read) throw new Error(JSON.stringify(read.problems));
    const { manifest } = read;
    const digest = digestOf(name, manifest.version);
    this.#entries.push({
      manifest,
      digest,
      factory: { name, version: manifest.version, create: (init) => this.#create(manifest, init, make) },
      ...(capabilities === undefined ? {} : { capabilities }),
    });
    return digest;
  }

  remove(name: string): void {
    const at = this.#entries.findIndex(({ manifest }) => manifest.name === name);
    this.#entries.splice(at, 1);
  }

  refuse(name: string, message: string): void {
    this.#refused.set(name, policyFailure('MODULE_INVALID', message));
  }

  find(wanted: Wanted): CatalogEntry | PolicyFailure | undefined {
    this.wanted.push(wanted);
    if ('digest' in wanted) return this.#entries.find(({ digest }) => digest === wanted.digest);
    const { name, version } = wanted;
    return (
      this.#refused.get(name) ??
      this.#entries.find(
        ({ manifest }) =>
          manifest.name === name &&
          (version === undefined || version === manifest.version || version === majorOf(manifest.version)),
      )
    );
  }

  /** Instances that were made and not destroyed. */
  get alive(): MadeInstance[] {
    return this.made.filter(({ destroyed }) => destroyed === 0);
  }

  route(key: string): RouteVersion {
    const route = this.sets.current.route(key);
    if (route === undefined) throw new Error(`no route ${key}`);
    return route;
  }

  exchange(
    key: string,
    more: Partial<ExchangeFacts> = {},
  ): { route: RouteVersion; exchange: Exchange; facts: ExchangeFacts } {
    const route = this.route(key);
    const { name, tenant, api } = route;
    const facts = { requestId: 'r', routeName: name, tenant, api, deadline: Number.MAX_SAFE_INTEGER, ...more };
    const ports = { now: () => 0, monotonic: () => 0, errorId: () => 'error-1' };
    route.enter();
    return { route, exchange: new Exchange(route.chain, facts, request(), ports), facts };
  }

  /** One request through the header step of a route. */
  async ask(key: string): Promise<RequestStep> {
    const { route, exchange, facts } = this.exchange(key);
    const step = await exchange.requestHeaders('none');
    route.exit(facts);
    return step;
  }

  async status(key: string): Promise<number> {
    const step = await this.ask(key);
    return step.kind === 'respond' ? step.response.status : 200;
  }

  async #create(
    manifest: PolicyManifest,
    init: InstanceInit,
    make: MakeHooks,
  ): Promise<PolicyInstance | PolicyFailure> {
    const made: MadeInstance = { policy: `${manifest.name} ${manifest.version}`, init, destroyed: 0 };
    const hooks = await make(init, made);
    if ('kind' in hooks) return hooks as PolicyFailure;
    this.made.push(made);
    return { ...instanceOf(hooks), destroy: () => void made.destroyed++ };
  }
}

export function digestOf(name: string, version = 'v1.0.0'): Sha256 {
  return sha256(`${name} ${version}`);
}

/** A document with one chain a route, all of the api level. */
export function documentOf(routes: Record<string, JsonValue[]>, more: JsonObject = {}): JsonObject {
  const keys = Object.keys(routes);
  return {
    schema: 1,
    revision: 'r1',
    chains: Object.fromEntries(keys.map((key) => [`chain-${key}`, { api: routes[key] ?? [] }])),
    routes: keys.map((key) => ({ key, name: key, tenant: key.split(':')[0] ?? '', chain: `chain-${key}` })),
    ...more,
  };
}
