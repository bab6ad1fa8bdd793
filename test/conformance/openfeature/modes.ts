/** The ways Edict evaluates, each as options of the provider; every suite of this folder runs in each of them. */

import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { OPTION_TABLE } from '../../../src/options/table.ts';

export interface Mode {
  readonly name: 'in-process' | 'remote';
  readonly options: EdictOptions;
  /** Options that make it remember answers; absent where there is nothing to remember. */
  readonly caching?: EdictOptions;
}

const IN_PROCESS: Mode = { name: 'in-process', options: {} };

const REMOTE: Mode = {
  name: 'remote',
  options: { evaluationType: 'remote', remoteCacheMaxEntries: 0 } as EdictOptions,
  caching: { remoteCacheMaxEntries: 100 } as EdictOptions,
};

/** Remote evaluation takes part as soon as the provider has an option for it. */
export const MODES: readonly Mode[] = Object.hasOwn(OPTION_TABLE, 'evaluationType')
  ? [IN_PROCESS, REMOTE]
  : [IN_PROCESS];
