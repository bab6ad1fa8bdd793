/**
 * The OpenFeature server SDKs that the suites run against: the lowest that package.json's peer range allows, and the newest.
 *
 * Each SDK of major version 1 puts its API object on `globalThis` and takes the one it finds there, whatever version made it.
 * So a test file loads one of them, never both: vitest gives every file a process of its own.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';

/** What an SDK exports; the lowest has no more than this in common with the newest. */
type Exports = typeof import('@openfeature/server-sdk');

export interface Sdk {
  readonly name: 'lowest' | 'newest';
  /** The versions of the SDK and of the core package under it, as their own package.json say. */
  readonly version: string;
  readonly coreVersion: string;
  readonly exports: Pick<
    Exports,
    'AsyncLocalStorageTransactionContextPropagator' | 'OpenFeature' | 'OpenFeatureAPI' | 'ProviderEvents'
  >;
}

const require = createRequire(import.meta.url);

export function newestSdk(): Sdk {
  return {
    name: 'newest',
    version: versionOf('@openfeature/server-sdk'),
    coreVersion: versionOf('@openfeature/core'),
    exports: require('@openfeature/server-sdk') as Exports,
  };
}

/**
 * The lowest SDK over the lowest core it allows. npm keeps one `@openfeature/core` for all SDKs of an installation, the newest;
 * so the SDK's file is run here with a `require` that gives it the other one.
 */
export function lowestSdk(): Sdk {
  const file = require.resolve('openfeature-server-sdk-lowest');
  const module = { exports: {} };
  const load = (name: string): unknown =>
    require(name === '@openfeature/core' ? 'openfeature-core-lowest' : name) as unknown;
  compileFunction(readFileSync(file, 'utf8'), ['module', 'exports', 'require'], { filename: file })(
    module,
    module.exports,
    load,
  );
  return {
    name: 'lowest',
    version: versionOf('openfeature-server-sdk-lowest'),
    coreVersion: versionOf('openfeature-core-lowest'),
    exports: module.exports as Exports,
  };
}

/** The package's `exports` hide its package.json from `require`, not from the file system. */
function versionOf(name: string): string {
  const root = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(root, 'utf8')) as { version: string }).version;
}
