/** A fresh clone can install: `npm ci` refuses a lock file with holes, which `npm install` leaves without a word. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './installed-app.ts';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};

describe('package-lock.json', () => {
  // A registry that lacks a package of another platform makes `npm install` drop it from the lock file.
  it('has every optional package, also those of other platforms', () => {
    const locked = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}))
      .filter((name) => !locked.has(name));
    expect(missing).toEqual([]);
  });

  it('pins the contents of every package that is not for some platforms only', () => {
    const loose = Object.entries(packages).filter(
      ([path, { version, integrity, os }]) =>
        path !== '' && (version === undefined || (integrity === undefined && !os)),
    );
    expect(loose.map(([path]) => path)).toEqual([]);
  });
});
