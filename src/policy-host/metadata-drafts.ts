/** What hooks write to the shared metadata before anybody else sees it: one draft a hook, kept apart from all others. */

import type { JsonObject, JsonValue } from '../internal/json.ts';
import { isTooDeep } from '../policy/frame/field-reader.ts';
import { type HostResult, hostFault } from '../policy/guest/host-functions.ts';
import { policyFailure } from '../policy/model/failure.ts';
import type { HookInput } from '../policy/model/inputs.ts';
import type { Outcome } from '../policy/model/instance.ts';
import { METADATA_LIMITS, memberBytes } from '../policy/reduce/metadata.ts';

interface Draft {
  readonly patch: Map<string, JsonValue>;
  /** A key that was written without being declared: the hook fails for it. */
  undeclared: string | undefined;
}

const MAX_KEY_CHARACTERS = 256;

/** Of one policy. Drafts go by the hook's input, so hooks that wait for the host do not mix with those that run meanwhile. */
export class MetadataDrafts {
  readonly #reads: ReadonlySet<string>;
  readonly #writes: ReadonlySet<string>;
  readonly #drafts = new WeakMap<HookInput, Draft>();

  constructor(reads: Iterable<string>, writes: Iterable<string>) {
    this.#reads = new Set(reads);
    this.#writes = new Set(writes);
  }

  /** A key that was not declared is as good as absent. */
  get(input: HookInput, key: string): string | undefined {
    if (!this.#reads.has(key)) return undefined;
    const value = this.#value(input, key);
    return value === undefined ? undefined : JSON.stringify(value);
  }

  set(input: HookInput, key: string, valueJson: string): HostResult<true> {
    const refused = this.#refuse(input, key);
    if (refused !== undefined) return refused;
    if (isTooDeep(valueJson)) return hostFault('bad-argument');
    let value: JsonValue;
    try {
      value = JSON.parse(valueJson) as JsonValue;
    } catch {
      return hostFault('bad-argument');
    }
    const json = JSON.stringify(value);
    if (Buffer.byteLength(json, 'utf8') > METADATA_LIMITS.valueBytes) return hostFault('too-large');
    if (value !== null && !this.#hasRoom(input, key, json)) return hostFault('limit');
    this.#draft(input).patch.set(key, value);
    return true;
  }

  delete(input: HookInput, key: string): HostResult<boolean> {
    const refused = this.#refuse(input, key);
    if (refused !== undefined) return refused;
    const wasThere = this.#value(input, key) !== undefined;
    this.#draft(input).patch.set(key, null);
    // Whether a key is there is for those to know who may read it.
    return wasThere && this.#reads.has(key);
  }

  /** The draft of a hook, which is forgotten; a text when the hook must fail. */
  take(input: HookInput): Readonly<Record<string, JsonValue>> | string | undefined {
    const draft = this.#drafts.get(input);
    if (draft === undefined) return undefined;
    this.#drafts.delete(input);
    if (draft.undeclared !== undefined) {
      return `the metadata key ${JSON.stringify(draft.undeclared)} is not among those the policy declares to write`;
    }
    return draft.patch.size === 0 ? undefined : Object.fromEntries(draft.patch);
  }

  /**
   * Puts what a hook did through functions to what it answered. A hook that failed has done nothing; what an action says of a
   * key goes before what was set on the way to it.
   */
  settle(input: HookInput, outcome: Outcome): Outcome {
    const draft = this.take(input);
    if (draft === undefined || outcome.kind === 'failure') return outcome;
    if (typeof draft === 'string') return policyFailure('ACTION_INVALID', draft);
    if (outcome.kind === 'decision') return outcome;
    if (outcome.kind === 'none') return { kind: 'none', effects: { ...outcome.effects, metadataPatch: draft } };
    const { action } = outcome;
    return { kind: 'action', action: { ...action, metadataPatch: { ...draft, ...action.metadataPatch } } };
  }

  #refuse(input: HookInput, key: string): ReturnType<typeof hostFault> | undefined {
    if (key === '' || key.length > MAX_KEY_CHARACTERS) return hostFault('bad-argument');
    if (this.#writes.has(key)) return undefined;
    this.#draft(input).undeclared ??= key;
    return hostFault('denied');
  }

  #value(input: HookInput, key: string): JsonValue | undefined {
    const drafted = this.#drafts.get(input)?.patch.get(key);
    if (drafted === null) return undefined;
    if (drafted !== undefined) return drafted;
    const { metadata } = input.gathered;
    return Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  }

  #hasRoom(input: HookInput, key: string, json: string): boolean {
    let keys = 1;
    let bytes = memberBytes(key, json);
    const { patch } = this.#draft(input);
    const count = (name: string, value: JsonValue): void => {
      if (name === key || value === null) return;
      keys++;
      bytes += memberBytes(name, JSON.stringify(value));
    };
    const metadata: Readonly<JsonObject> = input.gathered.metadata;
    for (const [name, value] of Object.entries(metadata)) if (!patch.has(name)) count(name, value);
    for (const [name, value] of patch) count(name, value);
    return keys <= METADATA_LIMITS.keys && bytes <= METADATA_LIMITS.totalBytes;
  }

  #draft(input: HookInput): Draft {
    let draft = this.#drafts.get(input);
    if (draft === undefined) {
      draft = { patch: new Map(), undeclared: undefined };
      this.#drafts.set(input, draft);
    }
    return draft;
  }
}
