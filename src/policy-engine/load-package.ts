/** One package as the engine would load it, for commands and tools. */

import type { CatalogEntry } from '../policy/build/catalog.ts';
import { isPolicyFailure, type PolicyFailure, policyFailure } from '../policy/model/failure.ts';
import { parseCapabilities } from '../policy-host/capabilities.ts';
import { MemoryKv } from '../policy-host/kv/memory-kv.ts';
import { PolicyWorkers } from '../policy-workers/policy-workers.ts';
import { DEFAULT_ALLOWED } from './defaults.ts';
import { EngineCatalog } from './engine-catalog.ts';
import type { PolicyPackage } from './policy-package.ts';

/** With host functions that reach nothing outside this process, and `log` for what the policy says. */
export async function loadPackage(
  one: PolicyPackage,
  log: (line: string) => void,
): Promise<CatalogEntry | PolicyFailure> {
  const catalog = new EngineCatalog({
    natives: [],
    trusted: new Set(),
    allowed: parseCapabilities({ ...DEFAULT_ALLOWED, http: true }, 'tenant').capabilities,
    ports: {
      kv: new MemoryKv({ monotonic: () => performance.now() }),
      log: ({ level, message }) => log(`${level}: ${message}`),
    },
    workers: () => new PolicyWorkers({ workers: 1 }),
  });
  catalog.replace([one], []);
  const found = await catalog.find({ digest: one.digest });
  return found === undefined || isPolicyFailure(found)
    ? (found ?? policyFailure('POLICY_MISSING', 'not found'))
    : found;
}
