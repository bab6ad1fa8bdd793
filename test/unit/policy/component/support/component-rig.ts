/** The example components, bound directly or through what jco made of them. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ComponentPolicy, type ComponentPolicyOptions } from '../../../../../src/policy/component/component-policy.ts';
import {
  type LoadComponentOptions,
  type LoadedComponent,
  loadComponent,
  type TranspiledComponent,
} from '../../../../../src/policy/component/load-component.ts';
import type { Instantiate } from '../../../../../src/policy/component/transpiled-port.ts';
import { isPolicyFailure } from '../../../../../src/policy/model/failure.ts';
import type { PolicyInstance } from '../../../../../src/policy/model/instance.ts';
import { INFO, RecordingHost } from '../../guest/support/guest-rig.ts';

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

export interface Built {
  readonly file: string;
  readonly transpiled: string;
}

/** Where an example was built, or why it is not there. */
export function built(name: string): Built | { readonly reason: string } {
  const args = [join(ROOT, 'tools/components/build.mjs'), '--json', '--present', name];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Built | { readonly reason: string };
}

/** The component in Rust that is committed. */
export const rustComponent = (): Uint8Array =>
  readFileSync(join(ROOT, 'examples/policies/rust/four-hooks.component.wasm'));

export async function transpiled({ transpiled: script }: Built): Promise<TranspiledComponent> {
  const { instantiate } = (await import(pathToFileURL(script).href)) as { instantiate: Instantiate };
  const folder = dirname(script);
  const names = readdirSync(folder).filter((name) => name.endsWith('.wasm'));
  return { instantiate, coreModules: new Map(names.map((name) => [name, readFileSync(join(folder, name))])) };
}

/** Loads; throws the failure as text. */
export function load(bytes: Uint8Array, part: Partial<LoadComponentOptions> = {}): LoadedComponent {
  const loaded = loadComponent(bytes, { granted: [], metering: {}, ...part });
  if (isPolicyFailure(loaded)) throw new Error(`${loaded.code}: ${loaded.message}`);
  return loaded;
}

export function policyOf(component: LoadedComponent, part: Partial<ComponentPolicyOptions> = {}): ComponentPolicy {
  return new ComponentPolicy({
    name: 'under-test',
    version: 'v1.0.0',
    component,
    inputs: { headers: 'all', body: true },
    host: new RecordingHost(),
    ...part,
  });
}

export async function instanceOf(policy: ComponentPolicy, params = {}): Promise<PolicyInstance> {
  const made = await policy.create({ info: INFO, params });
  if (isPolicyFailure(made)) throw new Error(`${made.code}: ${made.message}`);
  return made;
}
