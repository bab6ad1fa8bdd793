/** Where things are in a checkout. */

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Stamps and locks of these scripts; inside node_modules, so that a fresh install also starts afresh. */
export const CACHE = join(ROOT, 'node_modules', '.cache', 'edict');

/** A path inside the checkout. */
export const at = (...parts) => join(ROOT, ...parts);
