/** The languages of `edict policy new` and `edict policy build`. */

import { assemblyScript } from './assemblyscript.ts';
import { c } from './c.ts';
import { javaScript } from './javascript.ts';
import type { Language } from './language.ts';
import { rust } from './rust.ts';

export const LANGUAGES: readonly Language[] = [assemblyScript, rust, c, javaScript];
