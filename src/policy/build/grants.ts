/** What a manifest lets the actions of its policy do beyond the rules for all. */

import { isJsonObject } from '../../internal/json.ts';
import type { PolicyManifest } from '../manifest/manifest.ts';
import type { ActionGrants } from '../reduce/check-action.ts';

/**
 * Metadata that is not declared to be written is refused (spec/policies.md §1.6). Code of the service itself need not declare:
 * a native policy without a `metadata` member may write any key, because whoever could write the member could write the code.
 */
export function grantsOf({ abi, metadata, capabilities, source }: PolicyManifest): ActionGrants {
  const { hopByHop } = capabilities;
  const isOpen = abi === 'native' && !isJsonObject(source.metadata);
  return Object.freeze({ hopByHop, ...(isOpen ? {} : { metadataWrites: new Set(metadata.writes) }) });
}
