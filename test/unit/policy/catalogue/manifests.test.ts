/** The manifests of the catalogue against the policies they describe. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { JsonObject } from '../../../../src/internal/json.ts';
import { CATALOGUE } from './support/catalogue-list.ts';

const root = new URL('../../../../', import.meta.url);
const names = readdirSync(new URL('policies/', root));

interface Manifest extends JsonObject {
  name: string;
  version: string;
  processing: Record<string, string>;
  parameters: JsonObject & { examples: JsonObject[] };
}

function manifestOf(name: string): Manifest {
  return parse(readFileSync(new URL(`policies/${name}/policy.yaml`, root), 'utf8')) as Manifest;
}

describe('manifests of the catalogue', () => {
  it('are there for every policy, native and in WebAssembly (P-39)', () => {
    expect(names).toEqual(Object.keys(CATALOGUE).sort());
  });

  it.each(names)('%s: name, version and processing are those of the policy', async (name) => {
    const manifest = manifestOf(name);
    const policy = CATALOGUE[name]?.();
    expect([manifest.name, manifest.version]).toEqual([name, policy?.version]);
    const used = new Set<string>();
    for (const params of manifest.parameters.examples) {
      const instance = await policy?.create({ info: INFO, params });
      if (instance === undefined || 'kind' in instance) throw new Error(JSON.stringify(instance));
      for (const [hook, mode] of Object.entries(instance.modes)) if (mode !== 'skip') used.add(`${hook}: ${mode}`);
      await instance.destroy();
    }
    const told = Object.entries(manifest.processing).map(([hook, mode]) => `${hook}: ${mode}`);
    expect(told.sort()).toEqual([...used].sort());
  });

  it.each(names)('%s: examples and defaults pass the schema (U-22)', (name) => {
    const { parameters, systemParameters } = manifestOf(name);
    const ajv = new Ajv({ strict: false, useDefaults: true, formats: { uri: true } });
    const check = ajv.compile(parameters);
    expect(parameters.examples.length).toBeGreaterThan(0);
    for (const example of parameters.examples) {
      const own = Object.fromEntries(
        Object.entries(example).filter(([member]) => Object.hasOwn(objectOf(parameters.properties), member)),
      );
      expect(check(own), JSON.stringify(check.errors)).toBe(true);
    }
    for (const [at, schema] of [...membersOf(parameters), ...membersOf(objectOf(systemParameters))]) {
      if (schema.default !== undefined) expect(ajv.validate(schema, schema.default), at).toBe(true);
    }
  });

  it.each(names)('%s: the module is the one that was built, and its page tells every parameter', (name) => {
    const { module, abi, parameters } = manifestOf(name);
    const file = new URL(`wasm/policies/${name}.wasm`, root);
    expect(abi).toBe(existsSync(file) ? 'edict-core/1' : 'native');
    if (abi !== 'native') {
      const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
      expect(module).toEqual({ file: `../../wasm/policies/${name}.wasm`, sha256: `sha256:${digest}` });
    }
    const page = readFileSync(new URL(`docs/policies/${name}.md`, root), 'utf8');
    for (const member of Object.keys(objectOf(parameters.properties))) expect(page).toContain(`\`${member}\``);
  });
});

const INFO = {
  name: 'under-test',
  version: 'v1.0.0',
  routeName: 'pets-get',
  attachedTo: 'route' as const,
  tenant: 'shop',
  api: { projectId: 'p', id: 'i', name: 'Pets', version: 'v1', kind: 'RestApi', context: '/', operationPath: '/pets' },
};

function objectOf(value: unknown): JsonObject {
  return (value ?? {}) as JsonObject;
}

/** Every schema of a member, with its path. */
function membersOf(schema: JsonObject, path = ''): [string, JsonObject][] {
  const properties = Object.entries(objectOf(schema.properties)) as [string, JsonObject][];
  const inner = properties.flatMap(([name, one]): [string, JsonObject][] => [
    [`${path}/${name}`, one],
    ...membersOf(one, `${path}/${name}`),
    ...membersOf(objectOf(one.items), `${path}/${name}/*`),
  ]);
  return inner;
}
