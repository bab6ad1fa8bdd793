/** The five ways in which a chain can be right and still not do what its author meant (spec/policies.md §3.2). */

import { isJsonObject, type JsonValue } from '../../internal/json.ts';
import type { Chain } from '../chain/chain.ts';
import type { HeaderSelection, PolicyManifest } from '../manifest/manifest.ts';
import type { ProcessingModes } from '../model/modes.ts';
import type { PreparedPosition } from './prepare-position.ts';
import { majorOf } from './reference.ts';
import type { RouteSpec } from './specification.ts';

export type LintCode =
  | 'header-hidden-from-body'
  | 'header-undone-by-body'
  | 'response-writer-before-reader'
  | 'singleton-conflict'
  | 'stream-forced-to-buffer';

export interface LintFinding {
  readonly code: LintCode;
  readonly route: string;
  /** The one that does it, then the one it is done to. */
  readonly positions: readonly [string, string];
  readonly message: string;
}

interface LintRoute {
  readonly route: RouteSpec;
  readonly prepared: readonly PreparedPosition[];
  /** As it was built: which of the hooks that a manifest declares the parameters left out. */
  readonly chain: Chain | undefined;
}

/** Findings of all routes; warnings, none of them keeps a route from serving. */
export function lintRoutes(routes: readonly LintRoute[]): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  for (const { route, prepared, chain } of routes) {
    findings.push(
      ...lintRoute(
        route,
        prepared.map((one) => asBuilt(one, chain)),
      ),
    );
  }
  findings.push(...singletonConflicts(routes));
  return findings;
}

/** A position with the modes that its instance reported, in place of the most that its manifest allows. */
function asBuilt(position: PreparedPosition, chain: Chain | undefined): PreparedPosition {
  const instance = chain?.positions.find(({ key }) => key === position.spec.key)?.instance;
  if (instance === undefined || 'kind' in instance) return position;
  const { entry } = position;
  return { ...position, entry: { ...entry, manifest: { ...entry.manifest, processing: instance.modes } } };
}

type Hook = keyof ProcessingModes;

function lintRoute(route: RouteSpec, prepared: readonly PreparedPosition[]): LintFinding[] {
  const chain = prepared.filter(({ spec }) => spec.enabled && spec.level !== 'onFault' && spec.level !== 'finally');
  const findings: LintFinding[] = [];
  const say = (code: LintCode, by: PreparedPosition, to: PreparedPosition, message: string): void =>
    void findings.push({ code, route: route.key, positions: [by.spec.key, to.spec.key], message });
  for (const [at, writer] of chain.entries()) {
    for (const [other, reader] of chain.entries()) {
      if (at === other) continue;
      for (const side of ['request', 'response'] as const) hidden(side, writer, reader, say);
      if (at > other) responseOrder(writer, reader, say);
    }
  }
  buffered('requestBody', chain, say);
  buffered('responseBody', chain, say);
  return findings;
}

type Say = (code: LintCode, by: PreparedPosition, to: PreparedPosition, message: string) => void;

/**
 * All header hooks of a direction run before any body hook. (a) A header hook writes what a body hook reads. (b) A body hook
 * writes what another position's header hook wrote.
 */
function hidden(side: 'request' | 'response', writer: PreparedPosition, other: PreparedPosition, say: Say): void {
  const [head, body] = [`${side}Headers`, `${side}Body`] as [Hook, Hook];
  const { key } = writer.spec;
  if (!writer.spec.late && modeOf(other, body) !== 'skip') {
    const names = common(written(writer, head), readsOf(other));
    if (names !== undefined) {
      say(
        'header-hidden-from-body',
        writer,
        other,
        `${key} writes ${names} in its ${side} header hook, before the body hook of ${other.spec.key} reads it; ` +
          `make ${key} late, or let ${other.spec.key} read the downstream snapshot`,
      );
    }
  }
  const undone = modeOf(writer, body) === 'skip' ? undefined : common(written(writer, body), written(other, head));
  if (undone !== undefined && !other.spec.late) {
    say(
      'header-undone-by-body',
      writer,
      other,
      `${key} writes ${undone} in its ${side} body hook, after ${other.spec.key} wrote it in its header hook`,
    );
  }
}

/** (c) Response phases run from the last position to the first, so what is listed later writes earlier. */
function responseOrder(writer: PreparedPosition, reader: PreparedPosition, say: Say): void {
  if (modeOf(reader, 'responseHeaders') === 'skip' || writer.spec.late || reader.spec.late) return;
  const names = common(written(writer, 'responseHeaders'), readsOf(reader));
  if (names === undefined) return;
  say(
    'response-writer-before-reader',
    writer,
    reader,
    `${writer.spec.key} writes ${names} of the response before ${reader.spec.key} reads it: responses walk a chain backward`,
  );
}

/** (e) One policy that wants the whole body makes those that stream wait for it. */
function buffered(body: 'requestBody' | 'responseBody', chain: readonly PreparedPosition[], say: Say): void {
  const streams = chain.find((position) => modeOf(position, body) === 'stream');
  const buffers = chain.find((position) => modeOf(position, body) === 'buffer');
  if (streams === undefined || buffers === undefined) return;
  const side = body === 'requestBody' ? 'request' : 'response';
  say(
    'stream-forced-to-buffer',
    buffers,
    streams,
    `${buffers.spec.key} buffers the ${side} body, so ${streams.spec.key} cannot stream it`,
  );
}

/** (d) One instance is made of the parameters of its first position; the others only think that theirs count. */
function singletonConflicts(routes: readonly LintRoute[]): LintFinding[] {
  const findings: LintFinding[] = [];
  const first = new Map<string, { readonly position: PreparedPosition; readonly scope: string }>();
  for (const { route, prepared } of routes) {
    for (const position of prepared) {
      const { spec, entry, resolved } = position;
      const { name, version, scope: usual } = entry.manifest;
      const scope = spec.scope ?? usual;
      const key = JSON.stringify([route.tenant, name, majorOf(version), spec.shareKey]);
      const known = first.get(key);
      if (known === undefined) {
        first.set(key, { position, scope });
        continue;
      }
      const isSingleton = scope === 'singleton' || known.scope === 'singleton';
      const isSame = scope === known.scope && resolved.digest === known.position.resolved.digest;
      if (!isSingleton || isSame) continue;
      const [one, two] = [known.position.spec, spec];
      const what = scope === known.scope ? 'other parameters' : `the scope ${scope} instead of ${known.scope}`;
      findings.push({
        code: 'singleton-conflict',
        route: route.key,
        positions: [one.key, two.key],
        message: `${name} is a singleton of ${one.key} (${one.path}); ${two.key} (${two.path}) attaches it with ${what}`,
      });
    }
  }
  return findings;
}

function modeOf({ entry }: PreparedPosition, hook: Hook): string {
  return entry.manifest.processing[hook];
}

function readsOf({ entry }: PreparedPosition): HeaderSelection {
  return entry.manifest.inputs.headers;
}

/** Names a hook writes, with those that its parameters hold. */
function written({ entry, resolved }: PreparedPosition, hook: Hook): HeaderSelection {
  const names: PolicyManifest['outputs'][Hook] = entry.manifest.outputs[hook] ?? [];
  if (names === 'all') return 'all';
  return names.flatMap((name) =>
    name.startsWith('params:')
      ? textsAt(resolved.params as JsonValue, name.slice('params:/'.length).split('/'))
      : [name],
  );
}

/** Texts at a pointer whose steps may be `*`; `~keys` at the end means the names of members. */
function textsAt(value: JsonValue | undefined, [step, ...rest]: readonly string[]): string[] {
  if (step === undefined) return typeof value === 'string' ? [value.toLowerCase()] : [];
  if (typeof value !== 'object' || value === null) return [];
  if (step === '*') return Object.values(value).flatMap((inner) => textsAt(inner, rest));
  if (step === '~keys') return isJsonObject(value) ? Object.keys(value).map((name) => name.toLowerCase()) : [];
  const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
  return Object.hasOwn(value, name) ? textsAt((value as Record<string, JsonValue>)[name], rest) : [];
}

/** Which names both have, as the message says it. A policy that reads `all` declared nothing, so only names count. */
function common(writes: HeaderSelection, reads: HeaderSelection): string | undefined {
  if (reads === 'all') return undefined;
  if (writes === 'all') return reads.length === 0 ? undefined : 'every header';
  const names = writes.filter((name) => reads.includes(name));
  return names.length === 0 ? undefined : [...new Set(names)].join(', ');
}
