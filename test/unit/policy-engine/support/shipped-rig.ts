/** The catalogue as an engine has it, natively and in WebAssembly. */

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../../src/options/clock.ts';
import type { CatalogEntry } from '../../../../src/policy/build/catalog.ts';
import { isPolicyFailure } from '../../../../src/policy/model/failure.ts';
import { DEFAULT_ALLOWED } from '../../../../src/policy-engine/defaults.ts';
import { loadPackage } from '../../../../src/policy-engine/load-package.ts';
import { shippedPackage } from '../../../../src/policy-engine/policy-package.ts';
import { ShippedCatalogue } from '../../../../src/policy-engine/shipped-catalogue.ts';
import { parseCapabilities } from '../../../../src/policy-host/capabilities.ts';
import { MemoryKv } from '../../../../src/policy-host/kv/memory-kv.ts';
import type { HostPorts } from '../../../../src/policy-host/ports.ts';

const ROOT = new URL('../../../../', import.meta.url);

export const NAMES: readonly string[] = readdirSync(new URL('policies/', ROOT)).sort();
export const MODULES: readonly string[] = NAMES.filter((name) =>
  readdirSync(new URL('wasm/policies/', ROOT)).includes(`${name}.wasm`),
);

export function shipped(ports: HostPorts = {}): ShippedCatalogue {
  const kv = new MemoryKv({ monotonic: () => performance.now() });
  const allowed = parseCapabilities(DEFAULT_ALLOWED, 'tenant').capabilities;
  return new ShippedCatalogue({ ports: { kv, ...ports }, allowed, clock: systemClock });
}

export async function nativeTwin(name: string, ports: HostPorts = {}): Promise<CatalogEntry> {
  const found = await shipped(ports).find(name);
  if (found === undefined || isPolicyFailure(found)) throw new Error(found?.message ?? `no ${name}`);
  return found;
}

export async function wasmTwin(name: string): Promise<CatalogEntry> {
  const one = await shippedPackage(fileURLToPath(new URL(`policies/${name}`, ROOT)), name);
  const entry = 'failure' in one ? one.failure : await loadPackage(one, () => undefined);
  if (isPolicyFailure(entry)) throw new Error(entry.message);
  return entry;
}
