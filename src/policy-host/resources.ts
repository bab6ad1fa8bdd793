/** Read-only data that the feed pushes and many policies read: API keys by their digest, subscriptions, typed documents. */

import { createHash } from 'node:crypto';
import type { JsonValue } from '../internal/json.ts';

/** One kind of resources of one tenant, or of all. */
export interface ResourceStore {
  /** Of the content: the same digest is the same data and is parsed once, whoever asks for it. */
  readonly digest: string;
  /** Ids to documents; read only while the store is being loaded. */
  readonly items: Readonly<Record<string, JsonValue>>;
}

/** Documents by id, as the bytes guests get; made when first asked for. */
class Documents {
  readonly #items: ReadonlyMap<string, JsonValue>;
  readonly #bytes = new Map<string, Uint8Array>();
  users = 0;

  constructor(items: Readonly<Record<string, JsonValue>>) {
    this.#items = new Map(Object.entries(items));
  }

  get(id: string): Uint8Array | undefined {
    const known = this.#bytes.get(id);
    if (known !== undefined) return known;
    const value = this.#items.get(id);
    if (value === undefined) return undefined;
    const bytes = new Uint8Array(Buffer.from(JSON.stringify(value), 'utf8'));
    this.#bytes.set(id, bytes);
    return bytes;
  }
}

interface Place {
  readonly digest: string;
  readonly documents: Documents;
}

/** Stands for "every tenant": only stores that the feed marks as shared are put there. */
export const EVERY_TENANT = Symbol('every tenant');

/** Replacing a store changes what the next call reads; no chain is rebuilt for it. */
export class ResourceStores {
  readonly #tenants = new Map<string | typeof EVERY_TENANT, Map<string, Place>>();
  readonly #byDigest = new Map<string, Documents>();

  /** Puts a store in the place of the one of that kind. Gives false when it is the same. */
  load(tenant: string | typeof EVERY_TENANT, kind: string, store: ResourceStore): boolean {
    const places = this.#tenants.get(tenant) ?? new Map<string, Place>();
    const previous = places.get(kind);
    if (previous?.digest === store.digest) return false;
    const documents = this.#byDigest.get(store.digest) ?? new Documents(store.items);
    this.#byDigest.set(store.digest, documents);
    documents.users++;
    places.set(kind, { digest: store.digest, documents });
    this.#tenants.set(tenant, places);
    if (previous !== undefined) this.#release(previous);
    return true;
  }

  /** The document in UTF-8; a tenant's own goes before a shared one. Callers do not change the bytes. */
  get(tenant: string, kind: string, id: string): Uint8Array | undefined {
    const own = this.#tenants.get(tenant)?.get(kind)?.documents.get(id);
    return own ?? this.#tenants.get(EVERY_TENANT)?.get(kind)?.documents.get(id);
  }

  /** There is no store of that kind any more. */
  unload(tenant: string | typeof EVERY_TENANT, kind: string): void {
    const places = this.#tenants.get(tenant);
    const place = places?.get(kind);
    if (places === undefined || place === undefined) return;
    this.#release(place);
    places.delete(kind);
    if (places.size === 0) this.#tenants.delete(tenant);
  }

  forget(tenant: string | typeof EVERY_TENANT): void {
    for (const place of this.#tenants.get(tenant)?.values() ?? []) this.#release(place);
    this.#tenants.delete(tenant);
  }

  describe(): { readonly tenants: number; readonly stores: number } {
    return { tenants: this.#tenants.size, stores: this.#byDigest.size };
  }

  #release({ digest, documents }: Place): void {
    if (--documents.users === 0) this.#byDigest.delete(digest);
  }
}

/** The id of an API key: its SHA-256 in hex, so that no store holds a key itself. */
export function apiKeyId(apiKey: string): string {
  return createHash('sha256').update(apiKey, 'utf8').digest('hex');
}
