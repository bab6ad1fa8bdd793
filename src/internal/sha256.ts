/** SHA-256 as every digest of Edict is written: `sha256:` and lower-case hex. */

import { createHash } from 'node:crypto';

/** A digest as configurations name it. */
export type Sha256 = `sha256:${string}`;

export function sha256(content: string | Uint8Array): Sha256 {
  const hash = createHash('sha256');
  return `sha256:${(typeof content === 'string' ? hash.update(content, 'utf8') : hash.update(content)).digest('hex')}`;
}
