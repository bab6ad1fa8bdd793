/** What a flag set is made of: the options of a named one, and of the only one of a relay without names. */

import type { FlagFileFormat } from '../flags/files/read-flag-file.ts';
import type { JsonObject } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';
import type { ExporterOption, ResolvedExporter } from './exporters/exporter-options.ts';
import { resolveExporters } from './exporters/exporter-options.ts';
import type { FlagMap } from './memory-source.ts';
import { demand, demandKeys, jsonCopy, withoutUndefined } from './option-rules.ts';

/** The name of the flag set of a relay that has no named ones. */
export const DEFAULT_FLAG_SET = 'default';

/** A flag file with its format, where the extension does not say it. */
export interface FlagFileOption {
  readonly path: string;
  /** Default: by the extension (`.json`, `.toml`, everything else is YAML). */
  readonly format?: FlagFileFormat;
}

/** A named flag set: keys, flags, enrichment, streams and events of its own, unseen by the keys of others. */
export interface FlagSetOption {
  /** What `/info`, events and `setFlags` call it. No two alike. */
  readonly name: string;
  /** Keys that open this flag set, at least one. A key opens one flag set only. */
  readonly apiKeys: readonly string[];
  /** Flag files, as the option of the same name of a relay without flag sets. */
  readonly flagFiles?: readonly (string | FlagFileOption)[];
  /** Flags in memory, merged after the files. */
  readonly flags?: FlagMap;
  /** Attributes that override those of every evaluation context. Default none. */
  readonly evaluationContextEnrichment?: JsonObject;
  /** Where this flag set's usage events go, beside the exporters of the relay. Default none. */
  readonly exporters?: readonly ExporterOption[];
}

/** A flag set with every default filled in. */
export interface ResolvedFlagSet {
  readonly name: string;
  readonly apiKeys: readonly string[];
  readonly flagFiles: readonly FlagFileOption[];
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
  const hasFlags = flagFiles.length > 0 || flags !== undefined;
  demand(hasFlags, `${path}flagFiles`, 'name at least one file, or give the flags themselves as `flags`');
  for (const file of flagFiles) {
    const isFile = isJsonObject(file) && typeof file.path === 'string' && file.path !== '';
    demand(isFile, `${path}flagFiles`, 'each entry needs a path');
    const isKnown = file.format === undefined || ['yaml', 'json', 'toml'].includes(file.format);
    demand(isKnown, `${path}flagFiles`, 'the format is yaml, json or toml');
  }
  return {
    name,
    apiKeys: [...apiKeys],
    flagFiles,
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
