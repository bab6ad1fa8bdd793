/** What is said of one option: a small situation, and what it looks like from outside without the option and with it. */

import type { EdictOptions } from '../../../../../src/options/edict-options.ts';
import type { OptionName } from '../../../../../src/options/table.ts';
import type { Stage } from './stage.ts';

export interface Effect<Name extends OptionName> extends OtherValue<Name> {
  /** What the option decides, as a reader would say it. */
  readonly decides: string;
  /** The situation, the same both times; gives what was seen. */
  readonly look: (stage: Stage) => Promise<unknown>;
  readonly byDefault: unknown;
  /** Further values of another kind: a function, zero for "never", the third of three choices. */
  readonly also?: readonly OtherValue<Name>[];
}

export interface OtherValue<Name extends OptionName> {
  /** A value that is not the default. */
  readonly other: (stage: Stage) => EdictOptions[Name] | Promise<EdictOptions[Name]>;
  /** What is seen with it. */
  readonly otherwise: unknown;
}

/** An option without an entry does not compile. */
export type Effects<Name extends OptionName> = { readonly [Each in Name]: Effect<Each> };
