/** The tarball installs and evaluates a flag with other package managers than npm, each in a folder of its own. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANSWERS, COMMON_JS, COMMON_JS_IMPORTING, ES_MODULE, withoutRequireWarning } from './first-evaluation.ts';
import { type Ended, lockedVersion, npm, pack, run } from './installed-app.ts';

const PNPM = 'pnpm@9.15.9';
const YARN = '@yarnpkg/cli-dist@4.18.1';
const SDK = `@openfeature/server-sdk@${lockedVersion('@openfeature/server-sdk')}`;
/** Two installations on a busy machine. */
const SLOW_MS = 180_000;

let scratch: string;
let tarball: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'edict-managers-'));
  const tools = join(scratch, 'tools');
  mkdirSync(tools);
  writeFileSync(join(tools, 'package.json'), '{ "private": true }\n');
  await npm(['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', PNPM, YARN], tools);
  tarball = join(scratch, (await pack(scratch)).filename);
}, SLOW_MS);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** An empty application, and how one of the tools is called in it. */
function application(name: string, cli: string, env: Record<string, string> = {}) {
  const folder = join(scratch, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "name": "app", "private": true }\n');
  const tool = (...args: string[]) =>
    run(process.execPath, [join(scratch, 'tools/node_modules', cli), ...args], folder, env);
  const write = (file: string, text: string): string => {
    writeFileSync(join(folder, file), text);
    return file;
  };
  return { folder, tool, write };
}

function expectAnswers(ended: Ended): void {
  expect({ code: ended.code, complaint: withoutRequireWarning(ended.stderr) }).toEqual({ code: 0, complaint: '' });
  expect(JSON.parse(ended.stdout)).toEqual(ANSWERS);
}

describe('the tarball', { timeout: SLOW_MS }, () => {
  it('evaluates a flag when pnpm installed it, from an ES module and from CommonJS (D-01)', async () => {
    const { folder, tool, write } = application('pnpm', 'pnpm/bin/pnpm.cjs');
    const store = join(scratch, 'pnpm-store');
    const added = await tool('add', tarball, SDK, '--ignore-scripts', '--prefer-offline', '--store-dir', store);
    expect(added, added.stdout + added.stderr).toMatchObject({ code: 0 });
    for (const [file, text] of [
      ['app.mjs', ES_MODULE],
      ['app.cjs', COMMON_JS],
    ] as const) {
      expectAnswers(await run(process.execPath, [write(file, text)], folder));
    }
  });

  // `require` of an ES module does not go through the loader of Plug'n'Play, so CommonJS imports there.
  it("evaluates a flag from yarn's archives, without node_modules, from an ES module and imported by CommonJS (D-01)", async () => {
    const registry = (await npm(['config', 'get', 'registry'], scratch)).trim();
    const { tool, write } = application('yarn', '@yarnpkg/cli-dist/bin/yarn.js', {
      YARN_NODE_LINKER: 'pnp',
      YARN_NPM_REGISTRY_SERVER: registry,
      YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname,
      YARN_GLOBAL_FOLDER: join(scratch, 'yarn-global'),
      YARN_ENABLE_TELEMETRY: '0',
      YARN_ENABLE_SCRIPTS: '0',
    });
    write('yarn.lock', '');
    const added = await tool('add', `edict@file:${tarball}`, SDK);
    expect(added, added.stdout + added.stderr).toMatchObject({ code: 0 });
    expectAnswers(await tool('node', write('app.mjs', ES_MODULE)));
    expectAnswers(await tool('node', write('app.cjs', COMMON_JS_IMPORTING)));
  });
});
