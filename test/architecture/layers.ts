/** The floor plan as data: which room may import which, and which package belongs to which room. */

import type { Import, SourceFile } from './source-files.ts';
import { packageOf } from './source-files.ts';

/** From the top down; a room may import every room below its own layer. A new room gets its place here first. */
const LAYERS = [
  ['index'],
  ['cli', 'gateway', 'server', 'provider', 'policy-engine'],
  // Threads for policies, and the relay's policies on their way to an engine; policy/ itself knows of neither.
  ['policy-workers', 'policy-feed'],
  ['evaluator', 'policy', 'policy-host', 'usage', 'relay'],
  ['flags', 'wasm'],
  ['errors', 'options', 'internal', 'telemetry'],
] as const;

/** The arrows inside a layer; whatever is not listed is forbidden. */
const NEIGHBOURS: Readonly<Record<string, readonly string[]>> = {
  // Commands start the relay and the provider.
  cli: ['gateway', 'server', 'provider', 'policy-engine'],
  // The option `policies` of a provider loads the engine.
  provider: ['policy-engine'],
  // The engine is what the middleware asks for the chain of a request.
  'policy-engine': ['gateway'],
  // The relay serves the folder of policies that an engine would load itself.
  server: ['policy-engine'],
  // The in-process evaluator is fed by the relay client.
  evaluator: ['relay'],
  // The host functions of policies: they implement a port of policy/, ask evaluators, and load undici as the relay does.
  'policy-host': ['policy', 'evaluator', 'relay'],
  // Usage events go to the relay's collector.
  usage: ['relay'],
  // A store loads images, so it knows where they begin and how large they may be; flags/ knows nothing of stores.
  wasm: ['flags'],
  // What a room at the bottom may lean on: errors on nothing, each of the others on those before it.
  internal: ['errors'],
  telemetry: ['errors', 'internal'],
  options: ['errors', 'internal', 'telemetry'],
};

/** Rooms that decide and never do I/O: no built-in module of Node, and no package but those of PACKAGES. */
export const PURE_ROOMS: readonly string[] = ['flags', 'policy'];

/** Each run-time package and the rooms that may import it. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@assemblyscript/loader': ['wasm'],
  '@bufbuild/cel': ['policy'],
  // What the CEL library is made of: its timestamps and durations are messages.
  '@bufbuild/protobuf': ['policy'],
  '@openfeature/server-sdk': ['provider'],
  ajv: ['policy'],
  commander: ['cli'],
  'generic-pool': ['wasm', 'policy-workers'],
  'lru-cache': ['evaluator', 'server', 'policy', 'policy-host'],
  jose: ['policy-host'],
  'prom-client': ['server'],
  re2js: ['policy'],
  redis: ['policy-host'],
  'smol-toml': ['flags'],
  // Options name the type of a dispatcher.
  undici: ['relay', 'cli', 'options', 'policy-host'],
  yaml: ['flags', 'policy', 'cli'],
};

/** 'flags/image/pool.ts' is in 'flags'; 'errors.ts' is a room of its own. */
export function roomOf(path: string): string {
  return path.split('/')[0]!.replace(/\.ts$/, '');
}

function layerOf(room: string): number {
  return LAYERS.findIndex((layer) => (layer as readonly string[]).includes(room));
}

/** What is wrong with one import of a file, or undefined. */
export function misplaced({ path }: SourceFile, imported: Import): string | undefined {
  const room = roomOf(path);
  if (layerOf(room) === -1) return `${path}: the room ${room}/ has no place in the layers`;
  if (imported.target === undefined) return misplacedPackage(path, room, imported);
  if (imported.target.startsWith('../')) return `${path}: ${imported.specifier} leaves src/`;
  const target = roomOf(imported.target);
  if (target === room) return undefined;
  if (layerOf(target) === -1) return `${path}: ${imported.specifier} is in no known room`;
  if (layerOf(target) > layerOf(room)) return undefined;
  if (layerOf(target) === layerOf(room) && NEIGHBOURS[room]?.includes(target)) return undefined;
  return `${path}: ${room} must not import ${target} (${imported.specifier})`;
}

function misplacedPackage(path: string, room: string, imported: Import): string | undefined {
  const name = packageOf(imported);
  if (name === undefined) {
    return PURE_ROOMS.includes(room)
      ? `${path}: ${room} does no I/O, so it must not import ${imported.specifier}`
      : undefined;
  }
  return PACKAGES[name]?.includes(room) ? undefined : `${path}: ${room} must not import the package ${name}`;
}

/** One cycle of imports as the list of its files, the first one repeated at the end; undefined when there is none. */
export function findCycle(sources: readonly SourceFile[]): readonly string[] | undefined {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const finished = new Set<string>();
  const visit = (path: string, above: readonly string[]): readonly string[] | undefined => {
    if (above.includes(path)) return [...above.slice(above.indexOf(path)), path];
    if (finished.has(path)) return undefined;
    for (const { target } of byPath.get(path)?.imports ?? []) {
      const cycle = target === undefined ? undefined : visit(target, [...above, path]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(path);
    return undefined;
  };
  for (const { path } of sources) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
