/** What is said of one option: a small situation, and what it looks like from outside without the option and with it. */

import type { EdictOptions } from '../../../../../src/options/edict-options.ts';
import type { OptionName } from '../../../../../src/options/table.ts';
import type { Stage } from './stage.ts';

export interface Effect<Name extends OptionName> {
  /** What the option decides, as a reader would say it. */
  readonly decides: string;
  /** A value that is not the default. */
  readonly other: (stage: Stage) => EdictOptions[Name] | Promise<EdictOptions[Name]>;
  /** The situation, the same both times; gives what was seen. */
  readonly look: (stage: Stage) => Promise<unknown>;
  readonly byDefault: unknown;
  readonly otherwise: unknown;
}

/** An option without an entry does not compile. */
export type Effects<Name extends OptionName> = { readonly [Each in Name]: Effect<Each> };
