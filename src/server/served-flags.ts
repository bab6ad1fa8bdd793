/** Which flags may be served: the contents of all sources merged, and each flag checked by itself. */

import type { FlagFile } from '../flags/files/flag-file.ts';
import type { Finding } from '../flags/finding.ts';
import { formatFinding, locateFindings } from '../flags/finding.ts';
import { parseFlag } from '../flags/parse-flag.ts';
import { validateFlag } from '../flags/validate.ts';
import { canonicalJson } from '../internal/canonical-json.ts';
import type { JsonValue } from '../internal/json.ts';
import type { ServedFlag } from './flag-set.ts';
import { internalForm } from './internal-form.ts';

/** The flag's share of the 64 levels that a client accepts for the whole document. */
const MAX_FLAG_NESTING = 60;

export interface SourceContent {
  readonly name: string;
  readonly content: FlagFile | undefined;
}

export interface MergedFlags {
  readonly served: ReadonlyMap<string, ServedFlag>;
  readonly invalid: readonly InvalidFlag[];
}

/** Something in a source that is left out. */
export interface InvalidFlag {
  /** `undefined` for what stands where a flag should but has no key. */
  readonly flagKey: string | undefined;
  /** Where and why, as one line. */
  readonly message: string;
}

/** Merges in order: a later source's flag replaces an earlier one's of the same key, good or bad. */
export function mergeFlags(sources: readonly SourceContent[]): MergedFlags {
  const owners = new Map<string, { readonly name: string; readonly content: FlagFile }>();
  const invalid: InvalidFlag[] = [];
  for (const { name, content } of sources) {
    if (content === undefined) continue;
    for (const key of content.flags.keys()) owners.set(key, { name, content });
    for (const finding of content.findings) {
      if (finding.flag !== undefined) owners.set(finding.flag, { name, content });
      else invalid.push({ flagKey: undefined, message: formatFinding(finding, name) });
    }
  }
  const served = new Map<string, ServedFlag>();
  for (const [key, { name, content }] of owners) {
    const outcome =
      content.findings.find(({ flag }) => flag === key) ?? checkFlag(key, content.flags.get(key) as JsonValue);
    if ('text' in outcome) {
      served.set(key, outcome);
    } else {
      const [located = outcome] = locateFindings([outcome], content.positions);
      invalid.push({ flagKey: key, message: formatFinding(located, name) });
    }
  }
  return { served, invalid };
}

function checkFlag(key: string, raw: JsonValue): ServedFlag | Finding {
  // First of all: everything after this walks the flag recursively.
  if (isDeeperThan(raw, MAX_FLAG_NESTING)) {
    return { flag: key, message: `nested deeper than ${MAX_FLAG_NESTING} levels` };
  }
  const [finding] = validateFlag(key, raw);
  if (finding !== undefined) return finding;
  const parsed = parseFlag(raw);
  if ('error' in parsed) return { flag: key, message: parsed.error.details };
  const value = internalForm(parsed.flag);
  return { value, text: canonicalJson(value) };
}

function isDeeperThan(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
