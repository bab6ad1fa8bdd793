/** What an engine shows and does for its operators: packages with their schemas, self tests, what it was configured with. */

import type { JsonObject, JsonValue } from '../internal/json.ts';
import type { CatalogEntry } from '../policy/build/catalog.ts';
import type { PolicyManifest } from '../policy/manifest/manifest.ts';
import { runSelfTest, type SelfTestResult } from './self-test.ts';

/** A policy that chains may name, with the schemas a configuration is checked with. */
export interface PackageStatus {
  readonly name: string;
  readonly version: string;
  readonly displayName: string;
  readonly description: string;
  readonly abi: string;
  /** Of module and manifest. */
  readonly digest: string;
  readonly processing: PolicyManifest['processing'];
  readonly parameters: JsonValue;
  readonly systemParameters: JsonValue;
  readonly selfTests: number;
}

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

export function packageStatus({ manifest, digest }: Pick<CatalogEntry, 'manifest' | 'digest'>): PackageStatus {
  const { name, version, displayName, description, abi, processing, source, selfTest } = manifest;
  const schema = (member: string): JsonValue => (source as JsonObject)[member] ?? {};
  return {
    name,
    version,
    displayName,
    description,
    abi,
    digest,
    processing,
    parameters: schema('parameters'),
    systemParameters: schema('systemParameters'),
    selfTests: selfTest.length,
  };
}

/** Every case of a manifest, one after the other, on instances of its own. Never rejects. */
export async function selfTestReport(entry: CatalogEntry): Promise<SelfTestReport> {
  const { name, version, selfTest } = entry.manifest;
  const cases: SelfTestResult[] = [];
  for (const test of selfTest) cases.push(await runSelfTest(entry, test));
  return { name, version, passed: cases.length > 0 && cases.every(({ passed }) => passed), cases };
}
