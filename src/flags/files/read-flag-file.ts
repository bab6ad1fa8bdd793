/** Reads flag files in any of the three formats. The YAML and TOML parsers are loaded by this door and by no other. */

import type { FlagFile } from './flag-file.ts';
import { readJson } from './read-json.ts';
import { readToml } from './read-toml.ts';
import { readYaml } from './read-yaml.ts';

export type FlagFileFormat = 'yaml' | 'json' | 'toml';

/**
 * Reads the text of a flag file into flags as JSON values, which are still to be validated. Never throws: a file that cannot
 * be read is one finding without a flag, and a flag that cannot be converted is a finding while the others are returned.
 *
 * Dates without a zone are UTC. A byte order mark at the beginning is skipped.
 */
export function parseFlagFile(text: string, format: FlagFileFormat): FlagFile {
  const content = text.startsWith('\ufeff') ? text.slice(1) : text;
  switch (format) {
    case 'json':
      return readJson(content);
    case 'toml':
      return readToml(content);
    case 'yaml':
      return readYaml(content);
  }
}

/** The format a file's name asks for; YAML for every name that ends neither in `.json` nor in `.toml`. */
export function formatOf(fileName: string): FlagFileFormat {
  const name = fileName.toLowerCase();
  if (name.endsWith('.json')) return 'json';
  return name.endsWith('.toml') ? 'toml' : 'yaml';
}
