/** P-49: the five patterns that chains are warned about, each with both positions, and silence where there is none. */

import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/internal/json.ts';
import type { LintFinding } from '../../../../src/policy/build/lint.ts';
import { BuildRig } from '../support/build-rig.ts';

const WRITER: JsonObject = {
  processing: { requestHeaders: 'process' },
  outputs: { requestHeaders: ['authorization'] },
};
const BODY_READER: JsonObject = {
  processing: { requestBody: 'buffer' },
  inputs: { headers: ['authorization'], body: true },
};
const BODY_WRITER: JsonObject = {
  processing: { requestBody: 'buffer' },
  inputs: { headers: [] },
  outputs: { requestBody: ['authorization'] },
};
const RESPONSE_WRITER: JsonObject = {
  processing: { responseHeaders: 'process' },
  inputs: { headers: [] },
  outputs: { responseHeaders: ['cache-control'] },
};
const RESPONSE_READER: JsonObject = {
  processing: { responseHeaders: 'process' },
  inputs: { headers: ['cache-control'] },
};

/** Instances with the hooks that the manifest speaks of. */
async function findings(
  manifests: Record<string, JsonObject>,
  policies: JsonObject[],
  more: JsonObject[] = [],
): Promise<LintFinding[]> {
  const rig = new BuildRig();
  for (const [name, manifest] of Object.entries(manifests)) {
    const processing = manifest.processing as Record<string, string>;
    const hook = () => undefined;
    rig.add(
      name,
      () => ({
        ...(processing.requestHeaders === undefined ? {} : { requestHeaders: hook }),
        ...(processing.requestBody === undefined ? {} : { requestBody: hook }),
        ...(processing.requestBody === 'stream' ? { requestChunk: hook } : {}),
        ...(processing.responseHeaders === undefined ? {} : { responseHeaders: hook }),
      }),
      { manifest },
    );
  }
  const report = await rig.sets.activate({ routes: [{ key: 'r', policies }, ...more] });
  expect(report.problems).toEqual([]);
  expect([...report.routes.values()]).not.toContain('closed');
  return [...report.findings];
}

const brief = (list: readonly LintFinding[]): string[] =>
  list.map(({ code, positions }) => `${code} ${positions.join('>')}`);

describe('P-49, U-02: the linter warns of', () => {
  it('a header hook that hides from a body hook what it reads; late, it does not', async () => {
    const manifests = { writer: WRITER, reader: BODY_READER };
    const found = await findings(manifests, [{ use: 'writer' }, { use: 'reader' }]);
    expect(brief(found)).toEqual(['header-hidden-from-body writer>reader']);
    expect(found[0]?.message).toContain('writer writes authorization in its request header hook');
    // Listed after the reader, its header hook still runs before the body hook.
    expect(brief(await findings(manifests, [{ use: 'reader' }, { use: 'writer' }]))).toHaveLength(1);
    expect(await findings(manifests, [{ use: 'writer', late: true }, { use: 'reader' }])).toEqual([]);
  });

  it('a body hook that undoes a header of another position', async () => {
    const found = await findings({ writer: WRITER, undoer: BODY_WRITER }, [{ use: 'undoer' }, { use: 'writer' }]);
    expect(brief(found)).toEqual(['header-undone-by-body undoer>writer']);
  });

  it('a response writer that runs before the policy that reads it', async () => {
    const manifests = { writer: RESPONSE_WRITER, reader: RESPONSE_READER };
    expect(brief(await findings(manifests, [{ use: 'reader' }, { use: 'writer' }]))).toEqual([
      'response-writer-before-reader writer>reader',
    ]);
    expect(await findings(manifests, [{ use: 'writer' }, { use: 'reader' }])).toEqual([]);
  });

  it('a singleton that is attached with other parameters, or with another scope, also on another route', async () => {
    const manifests = { jwks: { processing: { requestHeaders: 'process' }, scope: 'singleton' } };
    const at = (params: JsonObject): JsonObject => ({ use: 'jwks', params });
    expect(brief(await findings(manifests, [at({ url: 'a' }), at({ url: 'b' })]))).toEqual([
      'singleton-conflict jwks>jwks#2',
    ]);
    const other = { key: 's', policies: [{ use: 'jwks', key: 'k', scope: 'per-route', params: { url: 'a' } }] };
    const found = await findings(manifests, [at({ url: 'a' })], [other]);
    expect(found).toMatchObject([{ route: 's', positions: ['jwks', 'k'] }]);
    expect(found[0]?.message).toContain('/routes/0/policies/0');
    expect(await findings(manifests, [at({ url: 'a' })], [{ ...other, tenant: 'bank' }])).toEqual([]);
    expect(await findings(manifests, [at({ url: 'a' })], [{ key: 's', policies: [at({ url: 'a' })] }])).toEqual([]);
  });

  it('a position that makes a streaming one buffer', async () => {
    const manifests = {
      stream: { processing: { requestBody: 'stream' }, inputs: { headers: [] } },
      buffer: { processing: { requestBody: 'buffer' }, inputs: { headers: [] } },
    };
    expect(brief(await findings(manifests, [{ use: 'stream' }, { use: 'buffer' }]))).toEqual([
      'stream-forced-to-buffer buffer>stream',
    ]);
    expect(await findings(manifests, [{ use: 'stream' }, { use: 'buffer', enabled: false }])).toEqual([]);
  });
});

describe('P-49: the linter knows', () => {
  it('names that stand in parameters', async () => {
    const setHeaders = {
      processing: { requestHeaders: 'process' },
      outputs: { requestHeaders: ['params:/headers/*/name', 'params:/more/~keys'] },
    };
    const manifests = { set: setHeaders, reader: BODY_READER };
    const headers = [{ name: 'x-a' }, { name: 'Authorization' }];
    expect(await findings(manifests, [{ use: 'set', params: { headers } }, { use: 'reader' }])).toHaveLength(1);
    expect(
      await findings(manifests, [{ use: 'set', params: { more: { authorization: 1 } } }, { use: 'reader' }]),
    ).toHaveLength(1);
    expect(
      await findings(manifests, [{ use: 'set', params: { headers: [{ name: 'x-a' }] } }, { use: 'reader' }]),
    ).toEqual([]);
  });

  it('that a policy which reads every header has not said what it needs', async () => {
    const reader = { processing: { requestBody: 'buffer' } };
    expect(await findings({ writer: WRITER, reader }, [{ use: 'writer' }, { use: 'reader' }])).toEqual([]);
  });

  it('that nothing is wrong with two policies that have nothing to do with each other', async () => {
    expect(await findings({ writer: WRITER, reader: RESPONSE_READER }, [{ use: 'writer' }, { use: 'reader' }])).toEqual(
      [],
    );
  });
});
