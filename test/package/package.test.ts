/** What is published works where it is installed: nothing of this checkout helps it along. */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANSWERS, COMMON_JS, ES_MODULE, withoutRequireWarning } from './first-evaluation.ts';
import { InstalledApp, ROOT, run } from './installed-app.ts';

const MAX_TARBALL_BYTES = 420_000;
/** Eight for flags, five more for policies; the main entry point loads none of the latter. */
const MAX_DEPENDENCIES = 13;
const MAX_LOADED_PACKAGES = 4;
/** Packing, an installation and a cold type check, on a busy machine. */
const SLOW_MS = 180_000;

let app: InstalledApp;

beforeAll(async () => {
  app = await InstalledApp.create();
}, SLOW_MS);

afterAll(() => app?.remove());

describe('the installed package', { timeout: SLOW_MS }, () => {
  it('evaluates a flag in an ES module (D-01, D-90)', async () => {
    const ended = await app.runFile('app.mjs', ES_MODULE);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual(ANSWERS);
  });

  it('evaluates a flag in a CommonJS module (D-01, D-90)', async () => {
    const ended = await app.runFile('app.cjs', COMMON_JS);
    expect({ code: ended.code, complaint: withoutRequireWarning(ended.stderr) }).toEqual({ code: 0, complaint: '' });
    expect(JSON.parse(ended.stdout)).toEqual(ANSWERS);
  });

  it('defines no global and reads no file of its own when it is imported, and uses nothing that only CommonJS has (D-63)', async () => {
    const text = `
      import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const globals = Reflect.ownKeys(globalThis);
      const touched = [];
      const watch = (where, name) => {
        const original = where[name];
        if (typeof original !== 'function') return;
        where[name] = function (...args) {
          touched.push(String(args[0]));
          return Reflect.apply(original, this, args);
        };
      };
      for (const name of ['readFile', 'readFileSync', 'open', 'openSync', 'createReadStream']) watch(fs, name);
      for (const name of ['readFile', 'open']) watch(fs.promises, name);
      syncBuiltinESMExports();
      fs.readFileSync('seen.txt');
      await import('edict');
      console.log(JSON.stringify({ touched, added: Reflect.ownKeys(globalThis).filter((key) => !globals.includes(key)).map(String) }));`;
    writeFileSync(join(app.folder, 'seen.txt'), '');
    const ended = await app.runFile('import-only.mjs', text);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const { touched, added } = JSON.parse(ended.stdout) as { touched: string[]; added: string[] };
    // What Node’s own loader reads is code and manifests of packages.
    const files = touched.filter((path) => !/\.[cm]?js$|[\\/]package\.json$/.test(path));
    expect([...new Set(files)]).toEqual(['seen.txt']);
    expect(added).toEqual([]);
    const code = app.packed.files.filter(({ path }) => path.startsWith('dist/') && path.endsWith('.js'));
    expect(code.length).toBeGreaterThan(3);
    for (const { path } of code) {
      expect(readFileSync(app.installed(path), 'utf8'), path).not.toMatch(/\b(?:__dirname|__filename|require\()/);
    }
  });

  it('opens every entry point of package.json', async () => {
    const { exports } = readJson(app.installed('package.json')) as { exports: Record<string, string | object> };
    const doors = Object.keys(exports)
      .filter((door) => typeof exports[door] === 'object')
      .map((door) => door.replace(/^\./, 'edict'));
    const text = `for (const door of ${JSON.stringify(doors)}) console.log(Object.keys(await import(door)).length > 0);`;
    const ended = await app.runFile('doors.mjs', text);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.trim().split('\n')).toEqual(doors.map(() => 'true'));
  });

  it('answers by policies of the catalogue, named in a document, and lists them (P-39, U-25)', async () => {
    const text = `
      import { PolicyEngine, HeaderMap } from 'edict/policy';
      const engine = new PolicyEngine();
      const policies = [
        { use: 'set-headers', params: { requestHeaders: [{ name: 'x-set', value: 'yes' }] } },
        { use: 'jwt-auth', params: {} },
      ];
      const config = { policy_configurations: { jwtauth_v1: { keymanagers: [{ name: 'idp', jwks: { local: { keys: [] } } }] } } };
      const { problems } = await engine.load({ config, routes: [{ key: '*|/**|*', policies }] });
      console.log(JSON.stringify({ problems, packages: engine.describe().packages.map(({ name }) => name) }));
      await engine.close();`;
    const ended = await app.runFile('catalogue.mjs', text);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual({ problems: [], packages: ['set-headers', 'jwt-auth'] });
  });

  it(`loads at most ${MAX_LOADED_PACKAGES} other packages with its main entry`, async () => {
    const hooks = `
      import { appendFileSync } from 'node:fs';
      export async function load(url, context, next) {
        appendFileSync('loaded.txt', url + '\\n');
        return next(url, context);
      }`;
    writeFileSync(join(app.folder, 'hooks.mjs'), hooks);
    writeFileSync(join(app.folder, 'loaded.txt'), '');
    const text = `
      import { createRequire, register } from 'node:module';
      register('./hooks.mjs', import.meta.url);
      await import('edict');
      console.log(JSON.stringify(Object.keys(createRequire(import.meta.url).cache)));`;
    const ended = await app.runFile('count.mjs', text);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    const files = [
      ...(JSON.parse(ended.stdout) as string[]),
      ...readFileSync(join(app.folder, 'loaded.txt'), 'utf8').split('\n'),
    ];
    const packages = new Set(files.flatMap((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []));
    expect(packages.delete('edict')).toBe(true);
    expect(packages.size, [...packages].join(', ')).toBeLessThanOrEqual(MAX_LOADED_PACKAGES);
  });

  it('gives TypeScript users types that check without skipping library files', async () => {
    const names = Object.keys((readJson(app.installed('package.json')) as { exports: object }).exports);
    const doors = names.filter((name) => name !== './package.json').map((name) => name.replace(/^\./, 'edict'));
    const imports = doors.map(
      (door, index) =>
        `import * as door${index} from '${door}';\nexport const keys${index} = Object.keys(door${index});\n`,
    );
    writeFileSync(join(app.folder, 'user.mts'), imports.join(''));
    const flags = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022', '--module', 'nodenext'];
    const nodeTypes = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules', '@types')];
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const ended = await run(process.execPath, [tsc, ...flags, ...nodeTypes, 'user.mts'], app.folder);
    expect(ended).toMatchObject({ code: 0, stdout: '' });
  });

  it('brings its command: edict --version prints the version', async () => {
    const { version } = readJson(join(ROOT, 'package.json')) as { version: string };
    const ended = await run(join(app.folder, 'node_modules', '.bin', 'edict'), ['--version'], app.folder);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.trim()).toBe(version);
  });
});

describe('the tarball', { timeout: SLOW_MS }, () => {
  it('contains the kernel that its manifest describes', () => {
    interface Entry {
      file: string;
      bytes: number;
      sha256: string;
    }
    const { flags, policies } = readJson(app.installed('wasm', 'manifest.json')) as {
      flags: Entry;
      policies: Record<string, Entry>;
    };
    // The catalogue runs as native code; its modules are in the repository.
    expect(Object.keys(policies)).toContain('set-headers');
    const bytes = readFileSync(app.installed('wasm', flags.file));
    expect(bytes.length).toBe(flags.bytes);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(flags.sha256);
  });

  it('contains what is used and nothing else: built code, guest, licence, readme, changelog', () => {
    const paths = app.packed.files.map(({ path }) => path);
    const wanted =
      /^(dist\/.+\.(js|d\.ts)|wasm\/(flags\.wasm|manifest\.json)|policies\/[a-z-]+\/policy\.yaml|wasm\/wit\/policy\.wit|examples\/policies\/(c|rust)\/edict_policy\.(h|rs)|assembly\/policy\/[a-z-]+\.ts|package\.json|LICENSE|README\.md)$/;
    expect(paths.filter((path) => !wanted.test(path))).toEqual([]);
    expect(paths).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'wasm/flags.wasm', 'dist/index.js', 'dist/index.d.ts']),
    );
  });

  it(`is smaller than ${MAX_TARBALL_BYTES / 1_000} kB`, () => {
    expect(app.packed.size).toBeLessThan(MAX_TARBALL_BYTES);
  });

  it(`has at most ${MAX_DEPENDENCIES} run-time dependencies`, () => {
    const { dependencies } = readJson(app.installed('package.json')) as { dependencies: object };
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(MAX_DEPENDENCIES);
  });

  it('passes publint, warnings included (D-90)', async () => {
    const cli = join(ROOT, 'node_modules', 'publint', 'src', 'cli.js');
    const ended = await run(process.execPath, [cli, 'run', app.tarball, '--strict', '--level', 'warning'], app.folder);
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ code: 0 });
  });

  it('resolves with its types from every kind of import that an ES module package serves (D-90)', async () => {
    const cli = join(ROOT, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
    const args = [
      cli,
      app.tarball,
      '--profile',
      'esm-only',
      '--no-definitely-typed',
      '--format',
      'ascii',
      '--no-emoji',
    ];
    const ended = await run(process.execPath, args, app.folder);
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ code: 0 });
  });
});

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
