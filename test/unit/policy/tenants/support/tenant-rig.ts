/** A registry over a source and an engine that a test scripts, with everything they were asked in view. */

import { Chain } from '../../../../../src/policy/chain/chain.ts';
import { isPolicyFailure, type PolicyFailure } from '../../../../../src/policy/model/failure.ts';
import type {
  KnownRevision,
  LoadAnswer,
  RevisionContext,
  TenantDocument,
  TenantEngine,
  TenantRevision,
  TenantSource,
} from '../../../../../src/policy/tenants/revision.ts';
import { TenantHandle, TenantPass } from '../../../../../src/policy/tenants/tenant-handle.ts';
import type { RegistryOptions } from '../../../../../src/policy/tenants/tenant-options.ts';
import { type RegistryPorts, TenantRegistry } from '../../../../../src/policy/tenants/tenant-registry.ts';
import { FakeClock } from '../../../relay/support/fake-clock.ts';

export class FakeRevision implements TenantRevision {
  readonly chain: Chain;
  readonly tenant: string;
  readonly name: string;
  readonly engine: string;
  instances = 1;
  memoryBytes: number;
  digests = ['sha256:ab'];
  closes = 0;
  canaryOf: (signal: AbortSignal) => Promise<PolicyFailure | undefined>;
  closing: () => Promise<void> = async () => undefined;

  constructor(tenant: string, document: TenantDocument, engine: string, rig: TenantRig) {
    this.tenant = tenant;
    this.name = document.revision;
    this.engine = engine;
    this.memoryBytes = document.memoryBytes;
    this.chain = (document.content as { chain?: Chain } | undefined)?.chain ?? new Chain({});
    this.canaryOf = () => rig.canary(this);
  }

  canary(signal: AbortSignal): Promise<PolicyFailure | undefined> {
    return this.canaryOf(signal);
  }

  close(): Promise<void> {
    this.closes++;
    return this.closing();
  }
}

export class TenantRig implements TenantSource {
  readonly clock = new FakeClock();
  readonly registry: TenantRegistry<FakeRevision>;
  readonly asked: { readonly tenant: string; readonly known: KnownRevision; readonly atMs: number }[] = [];
  readonly made: FakeRevision[] = [];
  readonly contexts: RevisionContext<FakeRevision>[] = [];
  /** What the source answers; a test replaces it. */
  answer: (tenant: string, known: KnownRevision, signal: AbortSignal) => LoadAnswer | Promise<LoadAnswer> = () =>
    document('r1');
  canary: (revision: FakeRevision) => Promise<PolicyFailure | undefined> = async () => undefined;
  prepared: (revision: FakeRevision) => FakeRevision | PolicyFailure | Promise<FakeRevision | PolicyFailure> = (made) =>
    made;

  constructor(options: Partial<RegistryOptions> = {}, ports: Partial<RegistryPorts<FakeRevision>> = {}) {
    this.registry = new TenantRegistry<FakeRevision>(
      { clock: this.clock, random: () => 0.5, source: this, engine: this.engine('e1'), ...ports },
      { pollIntervalMs: 0, ...options },
    );
  }

  async load(tenant: string, known: KnownRevision, signal: AbortSignal): Promise<LoadAnswer> {
    this.asked.push({ tenant, known, atMs: this.clock.monotonic() });
    return this.answer(tenant, known, signal);
  }

  engine(name: string): TenantEngine<FakeRevision> {
    return {
      prepare: async (doc, context) => {
        const revision = new FakeRevision(context.tenant, doc, name, this);
        this.contexts.push(context);
        const answer = await this.prepared(revision);
        if (!isPolicyFailure(answer)) this.made.push(answer);
        return answer;
      },
    };
  }

  acquire(key: string): TenantHandle<FakeRevision> {
    const handle = this.registry.acquire(key);
    if (!(handle instanceof TenantHandle)) throw new Error(`${key}: ${handle.code} ${handle.message}`);
    return handle;
  }

  /** A handle to a tenant that serves. */
  async ready(key: string): Promise<TenantHandle<FakeRevision>> {
    const handle = this.acquire(key);
    await this.clock.advance(0);
    if (handle.state !== 'READY') throw new Error(`${key} is ${handle.state}`);
    return handle;
  }

  pass(handle: TenantHandle<FakeRevision>): TenantPass<FakeRevision> {
    const pass = handle.enter();
    if (!(pass instanceof TenantPass)) throw new Error(pass.code);
    return pass;
  }

  state(key: string): string {
    return this.registry.status(key)?.state as string;
  }

  after(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.setTimeout(resolve, ms);
    });
  }

  get described(): Record<string, unknown> {
    return this.registry.describe();
  }
}

export function document(revision: string, more: Partial<TenantDocument> = {}): LoadAnswer {
  return {
    kind: 'document',
    document: { revision, etag: `"${revision}"`, memoryBytes: 65_536, content: undefined, ...more },
  };
}
