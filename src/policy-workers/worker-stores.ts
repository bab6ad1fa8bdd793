/** The guests of one worker: modules, instances, and the one store that instances of a module and tenant share. */

import { CoreGuest } from '../policy/guest/core-guest.ts';
import { GuestSlot, type Resident } from '../policy/guest/guest-slot.ts';
import type { GuestStore } from '../policy/guest/guest-store.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import { HeaderMap } from '../policy/model/headers.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import type { Outcome } from '../policy/model/instance.ts';
import { END_REASONS, type Phase } from '../policy/model/phases.ts';
import { NO_BODY, NOTHING_GATHERED } from '../policy/model/views.ts';
import { FrameGiver, FrameTaker } from './frame-relay.ts';
import type { InstanceMessage, ModuleMessage } from './messages.ts';
import { RelayedHost } from './relayed-host.ts';
import type { WorkerPort } from './worker-port.ts';

interface Lodging {
  readonly slot: GuestSlot;
  readonly taker: FrameTaker;
}

interface Lodger extends Lodging {
  readonly resident: Resident;
}

const GONE = policyFailure('CLOSED', 'the instance was destroyed');

export class WorkerStores {
  readonly giver = new FrameGiver();
  readonly #port: WorkerPort;
  readonly #host: RelayedHost;
  readonly #modules = new Map<number, Lodging>();
  readonly #instances = new Map<number, Lodger>();

  constructor(port: WorkerPort) {
    this.#port = port;
    this.#host = new RelayedHost(port);
  }

  addModule({ module, guest, granted, limits }: ModuleMessage): void {
    const taker = new FrameTaker(this.#port, limits.output.frameBytes + limits.output.bodyBytes);
    const options = {
      guest,
      host: this.#host,
      granted: new Set(granted),
      limits,
      decoder: taker,
      stops: () => this.#port.record.stops,
    };
    this.#modules.set(module, { slot: new GuestSlot({ limits, open: () => CoreGuest.open(options) }), taker });
  }

  addInstance({ instance, module, init }: InstanceMessage): void {
    const lodging = this.#modules.get(module);
    if (lodging === undefined) throw new Error(`module ${module} is not here`);
    this.#instances.set(instance, { ...lodging, resident: { init, encoder: this.giver, modeBits: undefined } });
  }

  /** Makes the instance in the store of its module, if it is not there; the bits of its modes. */
  init(instance: number): number | PolicyFailure {
    const lodger = this.#instances.get(instance);
    if (lodger === undefined) return GONE;
    const { slot, resident } = lodger;
    const store = slot.ready();
    if (isPolicyFailure(store)) return store;
    const handle = slot.handleOf(resident, store);
    if (isPolicyFailure(handle)) {
      slot.settle(resident);
      return handle;
    }
    return resident.modeBits ?? 0;
  }

  /** A hook, with the frame that the giver has. Waits for operations of the host, if the guest does. */
  hook(instance: number, phase: Phase): Outcome {
    const lodger = this.#instances.get(instance);
    if (lodger === undefined) return GONE;
    const { slot, resident } = lodger;
    const store = slot.ready();
    if (isPolicyFailure(store)) return store;
    const handle = slot.handleOf(resident, store);
    if (isPolicyFailure(handle)) {
      slot.settle(resident);
      return handle;
    }
    let outcome = store.call(handle, resident.init, this.giver, phase, ELSEWHERE);
    while (outcome.kind === 'pending') {
      const [token, result] = this.#host.firstOf(store.pending);
      outcome = store.resume(handle, resident.init, phase, ELSEWHERE, token, result);
    }
    // What nobody waits for any more would keep the store from being renewed for ever.
    store.forgetPending();
    slot.settle(resident);
    return outcome;
  }

  /** What the policy says about sharing its instances; this one is not made. */
  plan(instance: number): ReturnType<GuestStore['plan']> {
    return this.#withStore(instance, (store, { resident }) => store.plan(resident.init, resident.encoder));
  }

  exportState(instance: number): ReturnType<GuestStore['exportState']> {
    return this.#withStore(instance, (store, { slot, resident }) => {
      const handle = slot.residentHandle(resident);
      return handle === undefined ? undefined : store.exportState(handle, resident.init);
    });
  }

  importState(instance: number, state: Uint8Array): boolean | PolicyFailure {
    return this.#withStore(instance, (store, { slot, resident }) => {
      const handle = slot.handleOf(resident, store);
      return isPolicyFailure(handle) ? handle : store.importState(handle, resident.init, state);
    });
  }

  streamEnd(instance: number, streamId: number, reason: number): void {
    const lodger = this.#instances.get(instance);
    const store = lodger?.slot.store;
    if (lodger === undefined || store === undefined) return;
    const handle = lodger.slot.handleOf(lodger.resident, store);
    const word = END_REASONS[reason];
    if (typeof handle === 'number' && word !== undefined) {
      store.streamEnd(handle, lodger.resident.init, streamId, word);
    }
    lodger.slot.settle(lodger.resident);
  }

  destroy(instance: number): void {
    const lodger = this.#instances.get(instance);
    if (lodger === undefined) return;
    this.#instances.delete(instance);
    lodger.slot.forget(lodger.resident);
    // The last one of its store takes the store with it.
    for (const { slot } of this.#instances.values()) if (slot === lodger.slot) return;
    for (const [module, { slot }] of this.#modules) if (slot === lodger.slot) this.#modules.delete(module);
  }

  #withStore<T>(instance: number, use: (store: GuestStore, lodger: Lodger) => T): T | PolicyFailure {
    const lodger = this.#instances.get(instance);
    if (lodger === undefined) return GONE;
    const store = lodger.slot.ready();
    if (isPolicyFailure(store)) return store;
    const given = use(store, lodger);
    lodger.slot.settle(lodger.resident);
    return given;
  }

  /** Drops everything without a word to any guest: the worker is about to serve another tenant. */
  forget(): void {
    this.#instances.clear();
    this.#modules.clear();
    this.giver.frame = new Uint8Array(0);
  }

  /** What the reply says of the store of an instance: how often it was replaced, its fuel, its memory, its answer. */
  look(instance: number): { stores: number; usedFuel: number; memoryBytes: number; answerLength: number } {
    const lodger = this.#instances.get(instance);
    const store = lodger?.slot.store;
    const { poisoned = 0, recycled = 0 } = lodger?.slot.counts ?? {};
    return {
      stores: poisoned + recycled,
      usedFuel: store?.usedFuel ?? 0,
      memoryBytes: lodger?.slot.byteLength ?? 0,
      answerLength: lodger?.taker.length ?? 0,
    };
  }
}

/** The exchange is on the other side; here are its frames. */
const ELSEWHERE: HookInput = Object.freeze({
  exchange: Object.freeze({
    requestId: '',
    routeName: '',
    tenant: '',
    api: Object.freeze({ projectId: '', id: '', name: '', version: '', kind: '', context: '', operationPath: '' }),
    deadline: 0,
  }),
  request: Object.freeze({
    headers: HeaderMap.from([]),
    path: '',
    method: '',
    authority: '',
    scheme: '',
    body: NO_BODY,
    upstreamName: undefined,
    upstreamSlot: undefined,
  }),
  gathered: NOTHING_GATHERED,
});
