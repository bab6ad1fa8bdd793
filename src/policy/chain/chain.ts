/** A chain as it runs: its positions sorted into phases once, when it is built (spec/policies.md §1.2, §3.1). */

import type { PolicyInstance } from '../model/instance.ts';
import type { BodyMode } from '../model/modes.ts';
import type { Position } from './position.ts';

/** Positions in the order of their level; levels add, they never replace. */
export interface ChainLevels {
  readonly system?: readonly Position[];
  readonly api?: readonly Position[];
  readonly operation?: readonly Position[];
  /** Run on a faulty response. */
  readonly onFault?: readonly Position[];
  /** Run for every exchange, last. */
  readonly finally?: readonly Position[];
}

/** The positions of each phase in the order in which they run, and what the chain needs of a message. */
export class Chain {
  readonly requestHeaders: readonly Position[];
  readonly lateRequestHeaders: readonly Position[];
  readonly requestBody: readonly Position[];
  readonly responseHeaders: readonly Position[];
  readonly lateResponseHeaders: readonly Position[];
  readonly responseBody: readonly Position[];
  readonly onFault: readonly Position[];
  readonly finally: readonly Position[];
  /** True when every body policy of the side streams; one that buffers makes the whole side buffered. */
  readonly streamsRequest: boolean;
  readonly streamsResponse: boolean;
  readonly hasConditions: boolean;
  /** Positions that keep their place and do not run. */
  readonly disabled: readonly Position[];
  /** All positions of the chain proper, system first. */
  readonly positions: readonly Position[];

  constructor(levels: ChainLevels) {
    const { system = [], api = [], operation = [], onFault = [], finally: last = [] } = levels;
    this.positions = Object.freeze([...system, ...api, ...operation]);
    const active = this.positions.filter(({ enabled }) => enabled);
    this.disabled = Object.freeze([...this.positions, ...onFault, ...last].filter(({ enabled }) => !enabled));
    const backward = [...active].reverse();
    const onTime = (position: Position): boolean => !position.late;
    const requestHeads = active.filter((position) => hasHead(position, 'requestHeaders'));
    const responseHeads = backward.filter((position) => hasHead(position, 'responseHeaders'));
    this.requestHeaders = Object.freeze(requestHeads.filter(onTime));
    this.lateRequestHeaders = Object.freeze(requestHeads.filter(({ late }) => late));
    this.requestBody = Object.freeze(active.filter((position) => bodyMode(position, 'requestBody') !== 'skip'));
    this.responseHeaders = Object.freeze(responseHeads.filter(onTime));
    this.lateResponseHeaders = Object.freeze(responseHeads.filter(({ late }) => late));
    this.responseBody = Object.freeze(backward.filter((position) => bodyMode(position, 'responseBody') !== 'skip'));
    this.onFault = Object.freeze(onFault.filter(({ enabled }) => enabled));
    this.finally = Object.freeze(last.filter(({ enabled }) => enabled));
    this.streamsRequest = allStream(this.requestBody, 'requestBody');
    this.streamsResponse = allStream(this.responseBody, 'responseBody');
    this.hasConditions = [...active, ...this.onFault, ...this.finally].some(({ condition }) => condition !== undefined);
  }

  /** The request body must be at hand, whole or in chunks. */
  get needsRequestBody(): boolean {
    return this.requestBody.length > 0;
  }

  /** The response body must be at hand; `finally` and `onFault` positions may want it too. */
  get needsResponseBody(): boolean {
    const wants = (position: Position): boolean => bodyMode(position, 'responseBody') !== 'skip';
    return this.responseBody.length > 0 || this.finally.some(wants);
  }
}

/** A position without an instance fails in the earliest phase there is, so that nothing passes it. */
function hasHead(position: Position, side: 'requestHeaders' | 'responseHeaders'): boolean {
  const { instance } = position;
  return isInstance(instance) ? instance.modes[side] === 'process' : side === 'requestHeaders';
}

function bodyMode(position: Position, side: 'requestBody' | 'responseBody'): BodyMode {
  const { instance } = position;
  return isInstance(instance) ? instance.modes[side] : 'skip';
}

function allStream(positions: readonly Position[], side: 'requestBody' | 'responseBody'): boolean {
  return positions.length > 0 && positions.every((position) => bodyMode(position, side) === 'stream');
}

/** True where a position has something to call. */
export function isInstance(instance: Position['instance']): instance is PolicyInstance {
  return 'call' in instance;
}
