/** Does on this thread what a worker asks the host for, and says what it tells. */

import type { HostCall, HostFunctions, HostResult } from '../policy/guest/host-functions.ts';
import { hostFault, isHostFault } from '../policy/guest/host-functions.ts';
import { ASKED, type AskMessage, type TellMessage } from './messages.ts';

type Operation = Promise<HostResult<Uint8Array>>;

const KNOWN: ReadonlySet<string> = new Set(ASKED);
/** Operations of one request that nobody waited for yet. */
const MAX_OPERATIONS = 16;

/** Who asks. */
export interface Asking {
  readonly call: HostCall;
  readonly host: HostFunctions;
}

/** One for each worker; operations belong to the request at hand. */
export class HostService {
  readonly #operations = new Map<number, Operation>();
  #last = 0;

  /** Ends a request: what it began and did not wait for is of no interest. */
  reset(): void {
    if (this.#operations.size > 0) this.#operations.clear();
  }

  /** The answer, or a promise where the host takes its time. Never throws, never rejects. */
  ask({ call, host }: Asking, { name, args }: AskMessage): unknown | Promise<unknown> {
    if (!KNOWN.has(name)) return hostFault('denied');
    try {
      if (name === 'httpStart') return this.#begin(host.httpStart(call, args[0] as Uint8Array));
      if (name === 'await') return this.#first(args as readonly number[]);
      if (name === 'httpCall') {
        const begun = host.httpStart(call, args[0] as Uint8Array);
        return isHostFault(begun) ? begun : settled(begun);
      }
      const port = host[name] as ((call: HostCall, ...args: readonly unknown[]) => unknown) | undefined;
      return port === undefined ? hostFault('unavailable') : port.call(host, call, ...args);
    } catch {
      return hostFault('unavailable');
    }
  }

  tell({ call, host }: Asking, { name, args }: TellMessage): void {
    try {
      (host[name] as (call: HostCall, ...args: readonly unknown[]) => void).call(host, call, ...args);
    } catch {
      // A log that throws is the log's trouble.
    }
  }

  #begin(begun: HostResult<Operation>): unknown {
    if (isHostFault(begun)) return begun;
    const operation = settled(begun);
    if (this.#operations.size >= MAX_OPERATIONS) return hostFault('limit');
    this.#operations.set(++this.#last, operation);
    return { operation: this.#last };
  }

  #first(numbers: readonly number[]): unknown {
    const mine = numbers.flatMap((number) => {
      const operation = this.#operations.get(number);
      return operation === undefined ? [] : [operation.then((result) => [number, result] as const)];
    });
    if (mine.length === 0) return hostFault('bad-argument');
    return Promise.race(mine).then((ended) => {
      this.#operations.delete(ended[0]);
      return ended;
    });
  }
}

/** A port that rejects is as good as one that cannot be reached. */
function settled(operation: Operation): Operation {
  return operation.catch(() => hostFault('unavailable'));
}
