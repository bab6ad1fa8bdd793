/** A package as a replay runs it: the module of the engine, before a host that only repeats. */

import { isPolicyFailure, type PolicyFailure } from '../policy/model/failure.ts';
import { type Capabilities, grantedCapabilities, parseCapabilities } from '../policy-host/capabilities.ts';
import type { ReplayedPolicy } from '../policy-host/replay-hooks.ts';
import { PolicyWorkers } from '../policy-workers/policy-workers.ts';
import { loadProgram } from './engine-catalog.ts';
import { guestFactory } from './module-policy.ts';
import type { PolicyPackage } from './policy-package.ts';

/** On this thread and metered, whatever the manifest asks for: a hook that loops ends here too. */
export function replayedPackage({ manifest, bytes }: PolicyPackage): ReplayedPolicy | PolicyFailure {
  const granted: Capabilities = parseCapabilities(manifest.source.capabilities ?? {}).capabilities;
  const program = loadProgram(bytes, manifest, manifest.limits.memoryPages, grantedCapabilities(granted), 'metered');
  if (isPolicyFailure(program)) return program;
  const options = { manifest, tier: 'metered' as const, granted, workers: () => new PolicyWorkers() };
  return { metadata: manifest.metadata, create: (host) => guestFactory(options, program, host) };
}
