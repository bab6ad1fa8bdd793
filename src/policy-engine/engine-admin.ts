/** What an engine does for its operators beside serving: self tests, and what it was configured with. */

import type { JsonValue } from '../internal/json.ts';
import type { CatalogEntry } from '../policy/build/catalog.ts';
import { runSelfTest, type SelfTestResult } from '../policy/canary/self-test.ts';

/** How the self test of a policy went; `passed` only when there is a case. */
export interface SelfTestReport {
  readonly name: string;
  readonly version: string;
  readonly passed: boolean;
  readonly cases: readonly SelfTestResult[];
}

/** What serves, as it was written, with every known secret replaced. */
export interface ConfigDump {
  readonly revision: string;
  readonly generation: number;
  readonly document: JsonValue;
}

/** Every case of a manifest, one after the other, on instances of its own. Never rejects. */
export async function selfTestReport(entry: CatalogEntry): Promise<SelfTestReport> {
  const { name, version, selfTest } = entry.manifest;
  const cases: SelfTestResult[] = [];
  for (const test of selfTest) cases.push(await runSelfTest(entry, test));
  return { name, version, passed: cases.length > 0 && cases.every(({ passed }) => passed), cases };
}
