/** Hashes of files and file trees, and the stamps that remember them. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, ROOT } from './paths.mjs';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Files under a folder of the checkout that `keep` accepts, as sorted relative paths with `/`. */
export function filesUnder(folder, keep = () => true) {
  const found = [];
  const visit = (relative) => {
    for (const entry of readdirSync(join(ROOT, relative), { withFileTypes: true })) {
      const path = `${relative}/${entry.name}`;
      if (entry.isDirectory()) visit(path);
      else if (keep(path)) found.push(path);
    }
  };
  visit(folder);
  return found.sort();
}

/** One hash over names and contents; `extra` is whatever else decides the result (tool versions, flags). */
export function hashFiles(paths, extra = '') {
  const hash = createHash('sha256').update(extra);
  for (const path of paths) {
    const bytes = readFileSync(join(ROOT, path));
    hash.update(`\0${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

const stampFile = (name) => join(CACHE, `${name}.stamp`);

/** The hash a stamp remembers, or '' where there is none. */
export function readStamp(name) {
  try {
    return readFileSync(stampFile(name), 'utf8');
  } catch {
    return '';
  }
}

export function writeStamp(name, hash) {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(stampFile(name), hash);
}
