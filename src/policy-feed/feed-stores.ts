/** The stores that a relay pushes: fetched by digest, parsed once for each, and handed to the host whose policies read them. */

import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import type { Sha256 } from '../internal/sha256.ts';
import { jsonFault } from '../policy/manifest/json-fault.ts';
import { EVERY_TENANT, type ResourceStores } from '../policy-host/resources.ts';
import { ContentRefused, MAX_STORE_BYTES } from './content-kind.ts';
import { type ContentStore, inParallel } from './content-store.ts';
import type { StoreReference } from './policy-document.ts';

/** Stores that are there and wait to be taken into use. */
export type FetchedStores = readonly (StoreReference & { readonly items: JsonObject })[];

export interface StoresOutcome {
  readonly stores: FetchedStores;
  /** What is wrong with those that are missing; what was in use before stays. */
  readonly problems: readonly string[];
}

const AT_A_TIME = 4;

export class FeedStores {
  readonly #target: ResourceStores;
  #inUse: FetchedStores = [];

  constructor(target: ResourceStores) {
    this.#target = target;
  }

  /** Rejects as `ContentStore.get` for whatever may pass; contents that cannot be used are problems. */
  async fetch(references: readonly StoreReference[], store: ContentStore): Promise<StoresOutcome> {
    const digests = [...new Set(references.map(({ digest }) => digest))];
    const problems: string[] = [];
    const found = new Map<Sha256, JsonObject>();
    await inParallel(digests, AT_A_TIME, async (digest) => {
      try {
        found.set(digest, this.#known(digest) ?? readItems(await store.get('resources', digest, MAX_STORE_BYTES)));
      } catch (caught) {
        if (!(caught instanceof ContentRefused)) throw caught;
        problems.push(`store ${digest}: ${caught.message}`);
      }
    });
    const stores = references.flatMap((reference) => {
      const items = found.get(reference.digest);
      return items === undefined ? [] : [{ ...reference, items }];
    });
    return { stores, problems };
  }

  /** Takes these into use; gives what was in use before. What is not among them any more is gone, unless it is missing only. */
  use(stores: FetchedStores, references: readonly StoreReference[] = stores): FetchedStores {
    const before = this.#inUse;
    const kept = before.filter(
      (old) => references.some((one) => isSamePlace(one, old)) && !stores.some((one) => isSamePlace(one, old)),
    );
    const next = [...stores, ...kept];
    for (const { tenant, kind } of before) {
      if (!next.some((one) => isSamePlace(one, { tenant, kind }))) this.#target.unload(tenant ?? EVERY_TENANT, kind);
    }
    for (const { tenant, kind, digest, items } of next)
      this.#target.load(tenant ?? EVERY_TENANT, kind, { digest, items });
    this.#inUse = next;
    return before;
  }

  #known(digest: Sha256): JsonObject | undefined {
    return this.#inUse.find((one) => one.digest === digest)?.items;
  }
}

function isSamePlace(
  left: Pick<StoreReference, 'tenant' | 'kind'>,
  right: Pick<StoreReference, 'tenant' | 'kind'>,
): boolean {
  return left.tenant === right.tenant && left.kind === right.kind;
}

function readItems(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonValue;
  } catch {
    throw new ContentRefused('MODULE_INVALID', 'it is not JSON');
  }
  const fault = jsonFault(value);
  if (!isJsonObject(value) || fault !== undefined) {
    throw new ContentRefused('MODULE_INVALID', fault ?? 'it is no object of ids and documents');
  }
  return value;
}
