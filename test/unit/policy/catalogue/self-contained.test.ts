/** A policy is one file: nothing else has to be installed, and nothing that one brings can be in another's way. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inspectModule } from '../../../../src/wasm/inspect.ts';

const folder = new URL('../../../../wasm/policies/', import.meta.url);
const modules = readdirSync(folder).filter((name) => name.endsWith('.wasm'));

describe('the modules of the catalogue (U-28)', () => {
  it.each(modules)('%s needs nothing but the functions of its host', (name) => {
    const bytes = readFileSync(new URL(name, folder));
    const { imports, memory, hasStart } = inspectModule(bytes);
    expect(imports.filter((one) => !/^(?:edict|env)\.\w+$/.test(one))).toEqual([]);
    expect(imports.filter((one) => one.startsWith('env.') && one !== 'env.abort')).toEqual([]);
    expect({ hasMemory: memory !== undefined, hasStart }).toEqual({ hasMemory: true, hasStart: false });
    expect(bytes.length).toBeLessThan(64 * 1_024);
  });
});
