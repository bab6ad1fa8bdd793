/**
 * The `edict` import module of one store: resolves pointers to copies, calls the port, and answers numbers. Nothing a guest
 * passes makes it throw into the guest.
 */

import { escapeControls } from '../../telemetry/logger.ts';
import { serveWasi } from '../../wasm/guest-wasi.ts';
import type { GuestMemory } from '../../wasm/memory.ts';
import { WASI_MODULE } from '../../wasm/wasi.ts';
import { HostCode } from '../frame/tags.ts';
import { GuestAbort } from './guest-abort.ts';
import {
  FLAG_KINDS,
  type HostCall,
  type HostFaultName,
  type HostFunctions,
  type HostResult,
  hostFault,
  isHostFault,
  LOG_LEVELS,
  type PendingBytes,
} from './host-functions.ts';
import { type Capability, HOST_MODULE, type HostFunctionName } from './imports.ts';

const MAX_LINE_BYTES = 4_096;
const MAX_TEXT_BYTES = 65_536;
const MAX_DATA_BYTES = 1_048_576;
const MAX_RANDOM_BYTES = 65_536;
const MAX_ABORT_CHARACTERS = 512;
/** Pending operations of one slot. */
const MAX_PENDING = 16;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Int = (...args: number[]) => number;
type HostImports = Record<HostFunctionName, Int | ((...args: number[]) => void)>;

/** What a port is called with; one object a store, filled anew for every call. */
export interface MutableHostCall extends HostCall {
  info: HostCall['info'];
  phase: HostCall['phase'];
  input: HostCall['input'];
}

/** Who calls before there is an instance. */
export const NOBODY: HostCall['info'] = Object.freeze({
  name: '',
  version: '',
  routeName: '',
  attachedTo: 'route',
  tenant: '',
  api: Object.freeze({ projectId: '', id: '', name: '', version: '', kind: '', context: '', operationPath: '' }),
});

export class HostBinding {
  /** Why the last host function of this call said no. */
  fault: HostFaultName | undefined;
  /** Operations the guest started and was not resumed with yet, by token. */
  readonly pending = new Map<number, PendingBytes>();
  readonly #host: HostFunctions;
  readonly #maxCalls: number;
  readonly #call: MutableHostCall;
  #memory: GuestMemory | undefined;
  #calls = 0;
  #tokens = 0;
  /** Of the last blocking request of this hook. */
  #httpAnswer: HostResult<Uint8Array> | undefined;

  /** `call` is the caller's to fill; `maxCalls` bounds the host calls of one hook. */
  constructor(host: HostFunctions, call: MutableHostCall, maxCalls: number) {
    this.#host = host;
    this.#call = call;
    this.#maxCalls = maxCalls;
  }

  attach(memory: GuestMemory): void {
    this.#memory = memory;
  }

  /** Begins a hook: the budget of host calls is whole again. */
  begin(): void {
    this.fault = undefined;
    this.#calls = 0;
    this.#refusedAt = -1;
    this.#httpAnswer = undefined;
  }

  imports(granted: ReadonlySet<Capability>): WebAssembly.Imports {
    return {
      [HOST_MODULE]: this.#functions() as unknown as WebAssembly.ModuleImports,
      [WASI_MODULE]: this.#wasi(granted),
      env: { abort: (message: number, _file: number, line: number) => this.#abort(message, line) },
    };
  }

  /** WASI's doors lead through the same ports, so they open with the same grants. */
  #wasi(granted: ReadonlySet<Capability>): WebAssembly.ModuleImports {
    const { random } = this.#functions();
    return serveWasi({
      memory: () => this.#view(),
      ...(granted.has('clock') ? { nowMs: () => this.#host.nowMs(this.#call) } : {}),
      ...(granted.has('log')
        ? {
            write: (line, isError) => {
              if (this.#pay()) this.#host.log(this.#call, isError ? 'warn' : 'info', line);
            },
          }
        : {}),
      ...(granted.has('random') && random !== undefined
        ? {
            random: (bytes) => {
              if (!this.#pay()) return undefined;
              const given = this.#host.random(this.#call, bytes);
              return isHostFault(given) ? undefined : given;
            },
          }
        : {}),
    });
  }

  #functions(): HostImports {
    const host = this.#host;
    const call = this.#call;
    return {
      ...this.#storeFunctions(),
      ...this.#cryptoFunctions(),
      error: () => (this.fault === undefined ? 0 : HostCode[this.fault]),
      log: (level = 0, ptr = 0, length = 0) => {
        this.#int(() => {
          const bytes = this.#view().read(ptr, Math.min(length >>> 0, MAX_LINE_BYTES), MAX_LINE_BYTES);
          host.log(call, LOG_LEVELS[level] ?? 'info', escapeControls(Buffer.from(bytes).toString('utf8')));
          return 0;
        });
      },
      now_ms: () => this.#double(() => host.nowMs(call)),
      monotonic_ms: () => this.#double(() => host.monotonicMs(call)),
      random: (ptr = 0, length = 0) =>
        this.#int(() => {
          if (length >>> 0 > MAX_RANDOM_BYTES) return this.#refuse('too-large');
          return this.#answer(host.random(call, length >>> 0), (bytes) => {
            this.#at(() => this.#view().write(ptr, bytes));
            return bytes.length;
          });
        }),
      flag: (
        keyPtr = 0,
        keyLength = 0,
        kind = 0,
        defaultPtr = 0,
        defaultLength = 0,
        contextPtr = 0,
        contextLength = 0,
        outPtr = 0,
        outCapacity = 0,
      ) =>
        this.#int(() => {
          const word = FLAG_KINDS[kind];
          if (word === undefined) return this.#refuse('bad-argument');
          const context = contextLength === 0 ? undefined : this.#text(contextPtr, contextLength);
          const given = host.flag(
            call,
            this.#text(keyPtr, keyLength),
            word,
            this.#text(defaultPtr, defaultLength),
            context,
          );
          return this.#answer(given, (json) => this.#give(Buffer.from(json, 'utf8'), outPtr, outCapacity));
        }),
      counter_add: (series = 0, value = 0) => {
        this.#int(() => {
          host.counterAdd(call, series >>> 0, value);
          return 0;
        });
      },
      histogram_record: (series = 0, value = 0) => {
        this.#int(() => {
          host.histogramRecord(call, series >>> 0, value);
          return 0;
        });
      },
      resource_get: (kindPtr = 0, kindLength = 0, idPtr = 0, idLength = 0, outPtr = 0, outCapacity = 0) =>
        this.#int(() => {
          const given = host.resourceGet(call, this.#text(kindPtr, kindLength), this.#text(idPtr, idLength));
          return this.#answer(given, (bytes) => this.#giveOrNot(bytes, outPtr, outCapacity));
        }),
      http_start: (ptr = 0, length = 0) =>
        this.#int(() => {
          if (this.pending.size >= MAX_PENDING) return this.#refuse('limit');
          return this.#answer(host.httpStart(call, this.#data(ptr, length)), (operation) => {
            this.#tokens = (this.#tokens % 0x3fffffff) + 1;
            this.pending.set(this.#tokens, operation);
            return this.#tokens;
          });
        }),
      http_call: (ptr = 0, length = 0, outPtr = 0, outCapacity = 0) =>
        this.#int(() => {
          // Asking again with more room must not send the request again: a length of 0 means the answer that is kept.
          if (length !== 0)
            this.#httpAnswer = host.httpCall?.(call, this.#data(ptr, length)) ?? hostFault('unavailable');
          if (this.#httpAnswer === undefined) return this.#refuse('bad-argument');
          return this.#answer(this.#httpAnswer, (bytes) => this.#give(bytes, outPtr, outCapacity));
        }),
    };
  }

  #storeFunctions(): Pick<HostImports, Extract<HostFunctionName, `${'kv' | 'meta'}_${string}`>> {
    const host = this.#host;
    const call = this.#call;
    return {
      meta_get: (keyPtr = 0, keyLength = 0, outPtr = 0, outCapacity = 0) =>
        this.#int(() =>
          this.#answer(host.metaGet(call, this.#text(keyPtr, keyLength)), (json) =>
            this.#giveOrNot(json === undefined ? undefined : Buffer.from(json, 'utf8'), outPtr, outCapacity),
          ),
        ),
      meta_set: (keyPtr = 0, keyLength = 0, valuePtr = 0, valueLength = 0) =>
        this.#int(() =>
          this.#answer(host.metaSet(call, this.#text(keyPtr, keyLength), this.#text(valuePtr, valueLength)), () => 0),
        ),
      meta_delete: (keyPtr = 0, keyLength = 0) =>
        this.#int(() => this.#answer(host.metaDelete(call, this.#text(keyPtr, keyLength)), Number)),
      kv_get: (nsPtr = 0, nsLength = 0, keyPtr = 0, keyLength = 0, outPtr = 0, outCapacity = 0) =>
        this.#int(() =>
          this.#answer(host.kvGet(call, this.#text(nsPtr, nsLength), this.#text(keyPtr, keyLength)), (entry) => {
            if (entry === undefined) return this.#refuse('not-found');
            const bytes = new Uint8Array(8 + entry.value.length);
            new DataView(bytes.buffer).setFloat64(0, entry.version, true);
            bytes.set(entry.value, 8);
            return this.#give(bytes, outPtr, outCapacity);
          }),
        ),
      kv_set: (nsPtr = 0, nsLength = 0, keyPtr = 0, keyLength = 0, valuePtr = 0, valueLength = 0, ttlMs = 0) =>
        this.#double(() => {
          const value = this.#data(valuePtr, valueLength);
          const key = this.#text(keyPtr, keyLength);
          return this.#answer(host.kvSet(call, this.#text(nsPtr, nsLength), key, value, ttlMs >>> 0), Number);
        }),
      kv_delete: (nsPtr = 0, nsLength = 0, keyPtr = 0, keyLength = 0) =>
        this.#int(() =>
          this.#answer(host.kvDelete(call, this.#text(nsPtr, nsLength), this.#text(keyPtr, keyLength)), Number),
        ),
      kv_incr: (nsPtr = 0, nsLength = 0, keyPtr = 0, keyLength = 0, delta = 0, ttlMs = 0, mode = 0) =>
        this.#double(() => {
          const key = this.#text(keyPtr, keyLength);
          const given = host.kvIncrement(call, this.#text(nsPtr, nsLength), key, delta, ttlMs >>> 0, mode === 1);
          return this.#answer(given, Number);
        }),
      kv_cas: (
        nsPtr = 0,
        nsLength = 0,
        keyPtr = 0,
        keyLength = 0,
        expected = 0,
        valuePtr = 0,
        valueLength = 0,
        ttlMs = 0,
      ) =>
        this.#double(() => {
          const namespace = this.#text(nsPtr, nsLength);
          const key = this.#text(keyPtr, keyLength);
          const value = this.#data(valuePtr, valueLength);
          return this.#answer(host.kvCompareAndSet(call, namespace, key, expected, value, ttlMs >>> 0), Number);
        }),
    };
  }

  #cryptoFunctions(): Pick<HostImports, 'hash' | 'hmac' | 'sign' | 'verify' | 'equal'> {
    const host = this.#host;
    const call = this.#call;
    const keyed =
      (port: (algorithm: string, keyRef: string, data: Uint8Array) => HostResult<Uint8Array>) =>
      (algPtr = 0, algLength = 0, keyPtr = 0, keyLength = 0, ptr = 0, length = 0, outPtr = 0, outCapacity = 0) =>
        this.#int(() => {
          const given = port(this.#text(algPtr, algLength), this.#text(keyPtr, keyLength), this.#data(ptr, length));
          return this.#answer(given, (bytes) => this.#give(bytes, outPtr, outCapacity));
        });
    return {
      hash: (algPtr = 0, algLength = 0, ptr = 0, length = 0, outPtr = 0, outCapacity = 0) =>
        this.#int(() =>
          this.#answer(host.hash(call, this.#text(algPtr, algLength), this.#data(ptr, length)), (bytes) =>
            this.#give(bytes, outPtr, outCapacity),
          ),
        ),
      hmac: keyed((algorithm, keyRef, data) => host.hmac(call, algorithm, keyRef, data)),
      sign: keyed((algorithm, keyRef, data) => host.sign(call, algorithm, keyRef, data)),
      verify: (
        algPtr = 0,
        algLength = 0,
        keyPtr = 0,
        keyLength = 0,
        signaturePtr = 0,
        signatureLength = 0,
        ptr = 0,
        length = 0,
      ) =>
        this.#int(() => {
          const signature = this.#data(signaturePtr, signatureLength);
          const key = this.#text(keyPtr, keyLength);
          const algorithm = this.#text(algPtr, algLength);
          return this.#answer(host.verify(call, algorithm, key, signature, this.#data(ptr, length)), Number);
        }),
      equal: (leftPtr = 0, leftLength = 0, rightPtr = 0, rightLength = 0) =>
        this.#int(() => Number(host.equal(call, this.#data(leftPtr, leftLength), this.#data(rightPtr, rightLength)))),
    };
  }

  /** One host call of the hook's budget. */
  #pay(): boolean {
    if (++this.#calls <= this.#maxCalls) return true;
    this.#refuse('limit');
    return false;
  }

  /** A function whose answers below zero are codes. */
  #int(answer: () => number): number {
    if (!this.#pay()) return HostCode.limit;
    try {
      return answer();
    } catch (caught) {
      return this.#refuse(caught instanceof BadArgument ? 'bad-argument' : 'unavailable');
    }
  }

  /** A function whose answers may be any number: NaN is a refusal, `error` tells which. */
  #double(answer: () => number): number {
    const given = this.#int(answer);
    return this.#refused ? Number.NaN : given;
  }

  get #refused(): boolean {
    return this.#refusedAt === this.#calls;
  }

  /** The number of the host call that was refused last. */
  #refusedAt = -1;

  #refuse(name: HostFaultName): number {
    this.fault = name;
    this.#refusedAt = this.#calls;
    return HostCode[name];
  }

  #answer<T>(given: HostResult<T>, take: (value: T) => number): number {
    return isHostFault(given) ? this.#refuse(given.fault) : take(given as T);
  }

  #giveOrNot(bytes: Uint8Array | undefined, outPtr: number, outCapacity: number): number {
    return bytes === undefined ? this.#refuse('not-found') : this.#give(bytes, outPtr, outCapacity);
  }

  /** The length there is; what does not fit is not written, and the guest asks again. */
  #give(bytes: Uint8Array, outPtr: number, outCapacity: number): number {
    if (bytes.length <= outCapacity >>> 0) this.#at(() => this.#view().write(outPtr, bytes));
    return bytes.length;
  }

  #text(ptr: number, length: number): string {
    return this.#at(() => strictUtf8.decode(this.#view().read(ptr, length, MAX_TEXT_BYTES)));
  }

  #data(ptr: number, length: number): Uint8Array {
    return this.#at(() => this.#view().read(ptr, length, MAX_DATA_BYTES));
  }

  #at<T>(access: () => T): T {
    try {
      return access();
    } catch {
      throw new BadArgument();
    }
  }

  #view(): GuestMemory {
    // A start function may call before there is a memory to look into.
    if (this.#memory === undefined) throw new BadArgument();
    return this.#memory;
  }

  /** AssemblyScript's own way to end a call. Its texts are UTF-16, their length in bytes before them. */
  #abort(message: number, line: number): never {
    let text = '';
    try {
      const memory = this.#view();
      const length = new DataView(memory.read(message - 4, 4, 4).buffer).getUint32(0, true);
      const bytes = memory.read(message, Math.min(length, MAX_ABORT_CHARACTERS * 2) & ~1, MAX_ABORT_CHARACTERS * 2);
      text = Buffer.from(bytes).toString('utf16le');
    } catch {
      // No text to be had: the line will do.
    }
    throw new GuestAbort(escapeControls(text), line >>> 0);
  }
}

/** A pointer, length or text that is none. */
class BadArgument extends Error {}
