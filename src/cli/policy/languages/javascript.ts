/** Policies in JavaScript: components with the StarlingMonkey engine inside, made by jco and componentize-js. */

import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../../internal/package-files.ts';
import { UsageError } from '../../usage-error.ts';
import { findPackage } from './find-package.ts';
import type { BuildInput, Compiled, Language } from './language.ts';
import { run } from './run.ts';

/** The versions that were tried together, and make components that Node 20 can compile. */
const TOOLS =
  '@bytecodealliance/jco@1.35.0 @bytecodealliance/componentize-js@0.23.0 @bytecodealliance/preview2-shim@0.26.0';

export const javaScript: Language = {
  name: 'js',
  title: 'JavaScript',
  sources: ['policy.js'],
  module: (policy) => `${policy}.component.wasm`,
  manifest: `abi: edict:policy@0.1.0
# A component brings its engine: megabytes of memory, and a start that takes its time.
limits: { memoryPages: 1024, fuelPerHook: 50000000, fuelInit: 2000000000 }
`,
  libraries: [],
  example: (policy) => `/** ${policy}: greets every request with a header, and turns bad bots away. */

const NO_HEADERS = { set: [], append: [], remove: [] };

/** By handle. */
const greetings = new Map();
let lastHandle = 0;

/** The first value of a header, as text. */
function first(headers, wanted) {
  const found = headers.find(([name]) => name === wanted);
  return found === undefined ? '' : new TextDecoder().decode(found[1]);
}

function setHeader(name, value) {
  const headers = { ...NO_HEADERS, set: [[name, new TextEncoder().encode(value)]] };
  const lists = { queryAdd: [], querySet: [], queryRemove: [] };
  return { tag: 'changes', val: { headers, overlay: NO_HEADERS, ...lists, observe: {} } };
}

function respond(status) {
  return { tag: 'respond', val: { status, headers: [], observe: {} } };
}

/** What is thrown becomes the error of the hook. */
function unsupported() {
  throw { code: 'unsupported', message: '' };
}

export const guest = {
  plan: () => ['per-route', ''],

  init(_info, paramsJson) {
    greetings.set(++lastHandle, JSON.parse(paramsJson).greeting);
    const modes = { requestHeaders: 'process', requestBody: 'skip', responseHeaders: 'skip', responseBody: 'skip' };
    return [lastHandle, modes];
  },

  destroy: (handle) => void greetings.delete(handle),

  onRequestHeaders(handle, { head }) {
    if (first(head.headers, 'user-agent').startsWith('bad-bot')) return respond(403);
    return setHeader('x-greeting', greetings.get(handle));
  },

  // The world has more hooks; those that the modes skip are never called.
  onRequestBody: unsupported,
  onResponseHeaders: unsupported,
  onResponseBody: unsupported,
  needsMoreRequestData: () => false,
  needsMoreResponseData: () => false,
  onRequestChunk: unsupported,
  onResponseChunk: unsupported,
  onStreamEnd() {},
  exportState: () => undefined,
  importState: () => false,
};
`,
  compile,
};

/** `--disable all`: the engine gets no clock, no random numbers and no output. */
async function compile({ folder, source, target }: BuildInput): Promise<Compiled> {
  const jco = findPackage('@bytecodealliance/jco', folder);
  if (jco === undefined || findPackage('@bytecodealliance/componentize-js', folder) === undefined) {
    throw new UsageError(
      'jco and componentize-js are not installed',
      `npm install --save-dev --ignore-scripts ${TOOLS}`,
    );
  }
  const world = ['--wit', fileURLToPath(packageFile('wasm/wit')), '-n', 'pure-policy', '--disable', 'all'];
  const args = ['componentize', resolve(source), ...world, '-o', resolve(target)];
  return run(process.execPath, [join(jco, 'dist', 'jco.js'), ...args]);
}
