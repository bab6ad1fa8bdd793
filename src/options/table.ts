/** The one table of options: type, default, rule, text and environment variable of each come from its row. */

import { COLLECTION_ROWS } from './rows/collection.ts';
import { CONNECTION_ROWS } from './rows/connection.ts';
import { EVALUATION_ROWS } from './rows/evaluation.ts';
import { FEED_ROWS } from './rows/feed.ts';
import { RUNTIME_ROWS } from './rows/runtime.ts';
import { START_STOP_ROWS } from './rows/start-stop.ts';

/** The rows in the order in which the documents show them. */
export const OPTION_TABLE = {
  ...CONNECTION_ROWS,
  ...FEED_ROWS,
  ...START_STOP_ROWS,
  ...EVALUATION_ROWS,
  ...COLLECTION_ROWS,
  ...RUNTIME_ROWS,
} as const;

export type OptionName = keyof typeof OPTION_TABLE;

/** The names in the order of the table. */
export const OPTION_NAMES = Object.keys(OPTION_TABLE) as readonly OptionName[];
