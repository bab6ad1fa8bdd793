/** The pushed stores of a folder of policies: files that its document names, each served by the digest of what it says. */

import { readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { canonicalJson } from '../../internal/canonical-json.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { type Sha256, sha256 } from '../../internal/sha256.ts';
import { readYaml } from '../../policy/manifest/read-yaml.ts';
import { Body } from '../answer.ts';

const MAX_FILE_BYTES = 8 * 1_048_576;

export interface ResourceFiles {
  /** The document with digests in the place of files. */
  readonly document: JsonValue;
  readonly contents: ReadonlyMap<Sha256, Body>;
}

/**
 * `resources: { apiKeys: 'file:keys.yaml' }`, or `{ file: keys.yaml, shared: true }` for every tenant; the same below
 * `tenants: { shop: { resources: … } }`. Rejects with what is wrong with a file.
 */
export async function readResourceFiles(folder: string, document: JsonValue): Promise<ResourceFiles> {
  if (!isJsonObject(document)) return { document, contents: new Map() };
  const contents = new Map<Sha256, Body>();
  const readStore = async (store: JsonValue): Promise<JsonValue> => {
    const { file, ...rest } = isJsonObject(store) ? store : { file: store };
    const path = typeof file === 'string' ? file.replace(/^file:/, '') : undefined;
    // A digest stays: whoever wrote it has the content elsewhere.
    if (path === undefined || path.startsWith('sha256:')) return store;
    const text = canonicalJson(await readStoreFile(folder, path));
    const digest = sha256(text);
    contents.set(digest, new Body(text, 'application/json'));
    return isJsonObject(store) ? { ...rest, digest } : digest;
  };
  const readStores = async (stores: JsonValue | undefined): Promise<JsonObject> => {
    const read: [string, JsonValue][] = [];
    for (const [kind, store] of entriesOf(stores)) read.push([kind, await readStore(store)]);
    return Object.fromEntries(read);
  };
  const tenants: [string, JsonValue][] = [];
  for (const [name, tenant] of entriesOf(document.tenants)) {
    const hasStores = isJsonObject(tenant) && tenant.resources !== undefined;
    tenants.push([name, hasStores ? { ...tenant, resources: await readStores(tenant.resources) } : tenant]);
  }
  const resources = await readStores(document.resources);
  return { document: { ...document, tenants: Object.fromEntries(tenants), resources }, contents };
}

async function readStoreFile(folder: string, file: string): Promise<JsonObject> {
  const [root, path] = await Promise.all([realpath(folder), realpath(join(folder, file))]);
  if (!path.startsWith(root + sep)) throw new Error(`${file} is not in the folder`);
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new Error(`${file} has ${size} bytes; ${MAX_FILE_BYTES} are the limit`);
  const read = readYaml(await readFile(path, 'utf8'));
  if ('fault' in read) throw new Error(`${file}: ${read.fault}`);
  if (!isJsonObject(read.value)) throw new Error(`${file}: a store is an object of ids and documents`);
  return read.value;
}

function entriesOf(value: JsonValue | undefined): [string, JsonValue][] {
  return isJsonObject(value) ? Object.entries(value) : [];
}
