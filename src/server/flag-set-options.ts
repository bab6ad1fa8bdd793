/** What a flag set is made of: the options of a named one, and of the only one of a relay without names. */

import type { FlagFileFormat } from '../flags/files/read-flag-file.ts';
import type { JsonObject } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';
import type { ExporterOption, ResolvedExporter } from './exporters/exporter-options.ts';
import { resolveExporters } from './exporters/exporter-options.ts';
import type { FlagMap } from './memory-source.ts';
import {
  areHeaders,
  demand,
  demandInteger,
  demandKeys,
  isWebUrl,
  jsonCopy,
  MAX_TIMER_MS,
  withoutUndefined,
} from './option-rules.ts';

/** The name of the flag set of a relay that has no named ones. */
export const DEFAULT_FLAG_SET = 'default';

/** A flag file with its format, where the extension does not say it. */
export interface FlagFileOption {
  readonly path: string;
  /** Default: by the extension (`.json`, `.toml`, everything else is YAML). */
  readonly format?: FlagFileFormat;
}

/** Flags behind a URL, polled. */
export interface FlagUrlOption {
  /** Absolute http or https URL, without user info. Redirects are not followed. */
  readonly url: string;
  /** Request headers, for example credentials. Default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: by the extension of the URL's path (`.json`, `.toml`, everything else is YAML). */
  readonly format?: FlagFileFormat;
  /** Time from the end of one request to the next, ± 10 %, in milliseconds. Default 60 000. */
  readonly pollIntervalMs?: number;
  /** Deadline of a request, in milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
}

/** A named flag set: keys, flags, enrichment, streams and events of its own, unseen by the keys of others. */
export interface FlagSetOption {
  /** What `/info`, events and `setFlags` call it. No two alike. */
  readonly name: string;
  /** Keys that open this flag set, at least one. A key opens one flag set only. */
  readonly apiKeys: readonly string[];
  /** Flag files, as the option of the same name of a relay without flag sets. */
  readonly flagFiles?: readonly (string | FlagFileOption)[];
  /** Flags behind URLs, merged after the files. */
  readonly flagUrls?: readonly (string | FlagUrlOption)[];
  /** Flags in memory, merged after files and URLs. */
  readonly flags?: FlagMap;
  /** Attributes that override those of every evaluation context. Default none. */
  readonly evaluationContextEnrichment?: JsonObject;
  /** Where this flag set's usage events go, beside the exporters of the relay. Default none. */
  readonly exporters?: readonly ExporterOption[];
}

/** A URL of flags with every default filled in. */
export type ResolvedFlagUrl = Required<Omit<FlagUrlOption, 'format'>> & Pick<FlagUrlOption, 'format'>;

/** A flag set with every default filled in. */
export interface ResolvedFlagSet {
  readonly name: string;
  readonly apiKeys: readonly string[];
  readonly flagFiles: readonly FlagFileOption[];
  readonly flagUrls: readonly ResolvedFlagUrl[];
  readonly flags: FlagMap | undefined;
  readonly evaluationContextEnrichment: JsonObject;
  readonly exporters: readonly ResolvedExporter[];
}

/** Fills in defaults and checks every value; `path` goes before the names of options in errors. */
export function resolveFlagSet(options: Partial<FlagSetOption>, path = ''): ResolvedFlagSet {
  const given: Partial<FlagSetOption> = withoutUndefined(options);
  const { name = DEFAULT_FLAG_SET, apiKeys = [], flags } = given;
  demandKeys(apiKeys, `${path}apiKeys`);
  demand(Array.isArray(given.flagFiles ?? []), `${path}flagFiles`, 'a list of files');
  const flagFiles = (given.flagFiles ?? []).map((file) => (typeof file === 'string' ? { path: file } : file));
  const flagUrls = resolveFlagUrls(given.flagUrls ?? [], `${path}flagUrls`);
  const hasFlags = flagFiles.length + flagUrls.length > 0 || flags !== undefined;
  demand(
    hasFlags,
    `${path}flagFiles`,
    'name at least one file, or give `flagUrls`, or the flags themselves as `flags`',
  );
  for (const file of flagFiles) {
    const isFile = isJsonObject(file) && typeof file.path === 'string' && file.path !== '';
    demand(isFile, `${path}flagFiles`, 'each entry needs a path');
    demandFormat(file.format, `${path}flagFiles`);
  }
  return {
    name,
    apiKeys: [...apiKeys],
    flagFiles,
    flagUrls,
    flags: flags === undefined ? undefined : checkFlagMap(flags, `${path}flags`),
    evaluationContextEnrichment: checkEnrichment(given.evaluationContextEnrichment ?? {}, path),
    exporters: resolveExporters(given.exporters ?? [], `${path}exporters`),
  };
}

/** Checks named flag sets, one by one and against each other. */
export function resolveFlagSets(flagSets: readonly FlagSetOption[]): readonly ResolvedFlagSet[] {
  demand(Array.isArray(flagSets), 'flagSets', 'a list of flag sets');
  const names = new Set<string>();
  const keys = new Set<string>();
  return flagSets.map((options, at) => {
    const path = `flagSets[${at}].`;
    demand(isJsonObject(options), `flagSets[${at}]`, 'an object with name, apiKeys and flagFiles or flags');
    demand(typeof options.name === 'string' && options.name !== '', `${path}name`, 'a text that is not empty');
    demand(!names.has(options.name), `${path}name`, 'no two flag sets of one name');
    names.add(options.name);
    const resolved = resolveFlagSet(options, path);
    demand(resolved.apiKeys.length > 0, `${path}apiKeys`, 'at least one key: nothing else opens a flag set');
    for (const key of resolved.apiKeys) {
      demand(!keys.has(key), `${path}apiKeys`, 'a key opens one flag set, not two');
    }
    for (const key of resolved.apiKeys) keys.add(key);
    return resolved;
  });
}

function resolveFlagUrls(flagUrls: readonly (string | FlagUrlOption)[], path: string): readonly ResolvedFlagUrl[] {
  demand(Array.isArray(flagUrls), path, 'a list of URLs');
  return flagUrls.map((entry) => {
    const given: FlagUrlOption = typeof entry === 'string' ? { url: entry } : entry;
    demand(typeof given === 'object' && given !== null, path, 'each entry is a URL, or an object with one');
    const resolved = { headers: {}, pollIntervalMs: 60_000, timeoutMs: 10_000, ...withoutUndefined(given) };
    demand(isWebUrl(resolved.url), path, 'an absolute http or https URL without user info');
    demand(areHeaders(resolved.headers), path, 'headers are names and values that a request can carry');
    demandFormat(resolved.format, path);
    demandInteger(resolved.pollIntervalMs, `${path}.pollIntervalMs`, 100, MAX_TIMER_MS);
    demandInteger(resolved.timeoutMs, `${path}.timeoutMs`, 1, MAX_TIMER_MS);
    return { ...resolved, headers: { ...resolved.headers } };
  });
}

function demandFormat(format: unknown, option: string): void {
  const isKnown = format === undefined || ['yaml', 'json', 'toml'].includes(String(format));
  demand(isKnown, option, 'the format is yaml, json or toml');
}

/** A copy of the flags; throws `INVALID_OPTION` when they are no JSON object. */
export function checkFlagMap(flags: unknown, option: string): FlagMap {
  const copy = jsonCopy(flags);
  demand(isJsonObject(copy), option, 'flags by their keys, in an object that JSON can say');
  return copy;
}

function checkEnrichment(enrichment: unknown, path: string): JsonObject {
  const copy = jsonCopy(enrichment);
  demand(isJsonObject(copy), `${path}evaluationContextEnrichment`, 'an object that JSON can say');
  return copy;
}
