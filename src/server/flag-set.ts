/** One immutable set of flags with its enrichment, and the answers that depend on nothing else. */

import { canonicalJson, compareUtf8, objectOfTexts } from '../internal/canonical-json.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import { emptyRecord } from '../internal/json.ts';
import { Body } from './answer.ts';

/** A flag in the relay's internal form, with its canonical text. */
export interface ServedFlag {
  readonly value: JsonObject;
  readonly text: string;
}

/** What the evaluator loads: the JSON of the configuration route, as objects. */
export interface FlagDocument {
  readonly flags: Readonly<Record<string, JsonValue>>;
  readonly evaluationContextEnrichment: Readonly<JsonObject>;
}

/** The set that is served between two changes. Bodies are made on first use and kept as long as the set. */
export class FlagSet {
  /** Sorted by the UTF-8 bytes of the key. */
  readonly flags: ReadonlyMap<string, ServedFlag>;
  readonly enrichment: Readonly<JsonObject>;
  readonly #enrichmentText: string | undefined;
  #everything: Body | undefined;
  #hashes: Body | undefined;

  constructor(flags: ReadonlyMap<string, ServedFlag>, enrichment: Readonly<JsonObject>) {
    this.flags = new Map([...flags].sort((left, right) => compareUtf8(left[0], right[0])));
    this.enrichment = enrichment;
    this.#enrichmentText = Object.keys(enrichment).length === 0 ? undefined : canonicalJson(enrichment);
  }

  /**
   * The body of the configuration route: all flags, those of `keys` that exist, those whose key begins with `prefix`, or
   * those that do both. Empty members are left out.
   */
  configuration(keys: readonly string[] = [], prefix = ''): Body {
    if (keys.length === 0 && prefix === '') {
      this.#everything ??= this.#configurationOf(this.flags);
      return this.#everything;
    }
    const chosen = new Map<string, ServedFlag>();
    for (const key of keys.length === 0 ? this.flags.keys() : keys) {
      const flag = this.flags.get(key);
      if (flag !== undefined && key.startsWith(prefix)) chosen.set(key, flag);
    }
    return this.#configurationOf(chosen);
  }

  #configurationOf(flags: ReadonlyMap<string, ServedFlag>): Body {
    const members: [string, string][] = [];
    if (this.#enrichmentText !== undefined) members.push(['evaluationContextEnrichment', this.#enrichmentText]);
    if (flags.size > 0) members.push(['flags', textOf(flags)]);
    return Body.jsonText(objectOfTexts(members));
  }

  /** The body of the change probe: FNV-1a of the whole set and of each flag's text; the enrichment plays no part. */
  hashes(): Body {
    if (this.#hashes === undefined) {
      const flags = emptyRecord<number>();
      for (const [key, flag] of this.flags) flags[key] = fnv1a(flag.text);
      this.#hashes = Body.json({ hash: fnv1a(textOf(this.flags)), flags });
    }
    return this.#hashes;
  }

  document(): FlagDocument {
    const flags = emptyRecord<JsonValue>();
    for (const [key, flag] of this.flags) flags[key] = flag.value;
    return { flags, evaluationContextEnrichment: this.enrichment };
  }
}

function textOf(flags: ReadonlyMap<string, ServedFlag>): string {
  return objectOfTexts([...flags].map(([key, flag]) => [key, flag.text] as const));
}

/** 32-bit FNV-1a over the UTF-8 bytes. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash >>> 0;
}
