/** A component of any shape, called through the ES module that jco made of it. */

import type { EndReason } from '../model/phases.ts';
import type { GuestPort } from './guest-port.ts';
import type { WitPolicyError, WitResult } from './wit-values.ts';

/** What jco's `--instantiation sync` exports as `instantiate`. */
export type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: Readonly<Record<string, unknown>>,
  instantiateCore: (module: WebAssembly.Module, imports?: WebAssembly.Imports) => WebAssembly.Instance,
) => unknown;

/** The functions of a port as jco gives them: what may fail throws its error. */
export type TranspiledGuest = Omit<GuestPort, 'bytesOf' | FallibleName> & {
  readonly [Name in FallibleName]: (...args: Parameters<GuestPort[Name]>) => OkOf<ReturnType<GuestPort[Name]>>;
};

type FallibleName =
  | 'init'
  | 'onRequestHeaders'
  | 'onRequestBody'
  | 'onResponseHeaders'
  | 'onResponseBody'
  | 'onRequestChunk'
  | 'onResponseChunk';
type OkOf<R> = Extract<R, { readonly tag: 'ok' }> extends { readonly val: infer T } ? T : never;

export class TranspiledPort implements GuestPort {
  readonly #guest: TranspiledGuest;

  constructor(guest: TranspiledGuest) {
    this.#guest = guest;
  }

  bytesOf(latin1: string): Uint8Array {
    return Buffer.from(latin1, 'latin1');
  }

  plan(...args: Parameters<GuestPort['plan']>): ReturnType<GuestPort['plan']> {
    return this.#guest.plan(...args);
  }

  init(...args: Parameters<GuestPort['init']>): ReturnType<GuestPort['init']> {
    return caught(() => this.#guest.init(...args));
  }

  destroy(handle: number): void {
    this.#guest.destroy(handle);
  }

  onRequestHeaders(...args: Parameters<GuestPort['onRequestHeaders']>): ReturnType<GuestPort['onRequestHeaders']> {
    return caught(() => this.#guest.onRequestHeaders(...args));
  }

  onRequestBody(...args: Parameters<GuestPort['onRequestBody']>): ReturnType<GuestPort['onRequestBody']> {
    return caught(() => this.#guest.onRequestBody(...args));
  }

  onResponseHeaders(...args: Parameters<GuestPort['onResponseHeaders']>): ReturnType<GuestPort['onResponseHeaders']> {
    return caught(() => this.#guest.onResponseHeaders(...args));
  }

  onResponseBody(...args: Parameters<GuestPort['onResponseBody']>): ReturnType<GuestPort['onResponseBody']> {
    return caught(() => this.#guest.onResponseBody(...args));
  }

  needsMoreRequestData(...args: Parameters<GuestPort['needsMoreRequestData']>): boolean {
    return this.#guest.needsMoreRequestData(...args);
  }

  needsMoreResponseData(...args: Parameters<GuestPort['needsMoreResponseData']>): boolean {
    return this.#guest.needsMoreResponseData(...args);
  }

  onRequestChunk(...args: Parameters<GuestPort['onRequestChunk']>): ReturnType<GuestPort['onRequestChunk']> {
    return caught(() => this.#guest.onRequestChunk(...args));
  }

  onResponseChunk(...args: Parameters<GuestPort['onResponseChunk']>): ReturnType<GuestPort['onResponseChunk']> {
    return caught(() => this.#guest.onResponseChunk(...args));
  }

  onStreamEnd(handle: number, streamId: number, reason: EndReason): void {
    this.#guest.onStreamEnd(handle, streamId, reason);
  }

  exportState(handle: number): Uint8Array | undefined {
    return this.#guest.exportState(handle);
  }

  importState(handle: number, state: Uint8Array): boolean {
    return this.#guest.importState(handle, state);
  }
}

/** The error that a hook gives comes as a throw with a `payload`; anything else that is thrown stays a throw. */
function caught<T>(call: () => T): WitResult<T> {
  try {
    return { tag: 'ok', val: call() };
  } catch (thrown) {
    if (thrown instanceof Error && Object.hasOwn(thrown, 'payload')) {
      return { tag: 'err', val: (thrown as Error & { readonly payload: WitPolicyError }).payload };
    }
    throw thrown;
  }
}
