/** What is published works where it is installed: nothing of this checkout helps it along. */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InstalledApp, ROOT, run } from './installed-app.ts';

const MAX_TARBALL_BYTES = 400_000;
const MAX_DEPENDENCIES = 8;
const MAX_LOADED_PACKAGES = 4;
/** Packing, an installation and a cold type check, on a busy machine. */
const SLOW_MS = 180_000;

let app: InstalledApp;

beforeAll(async () => {
  app = await InstalledApp.create();
}, SLOW_MS);

afterAll(() => app?.remove());

/** The body of the application; `InProcessEvaluator` is in scope. Prints one line of JSON. */
const EVALUATE = `
  const rule = { name: 'staff', query: 'email ew "@example.com"', variation: 'on' };
  const flag = { variations: { on: true, off: false }, targeting: [rule], defaultRule: { variation: 'off' } };
  const evaluator = new InProcessEvaluator({ bootstrap: { flags: { 'new-checkout': flag } } });
  async function main() {
    await evaluator.initialize();
    const subjects = ['ann@example.com', 'bob@elsewhere.org'];
    const answers = subjects.map((email) => evaluator.evaluate('new-checkout', { targetingKey: email, email }, false));
    await evaluator.close();
    console.log(JSON.stringify(answers.map(({ value, variant, reason, ruleName }) => [value, variant, reason, ruleName ?? null])));
  }
`;

const EXPECTED = [
  [true, 'on', 'TARGETING_MATCH', 'staff'],
  [false, 'off', 'DEFAULT', null],
];

describe('the installed package', { timeout: SLOW_MS }, () => {
  it('evaluates a flag in an ES module', async () => {
    const text = `import { InProcessEvaluator } from 'edict';\n${EVALUATE}\nawait main();\n`;
    const ended = await app.runFile('app.mjs', text);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual(EXPECTED);
  });

  it('evaluates a flag in a CommonJS module', async () => {
    const text = `const { InProcessEvaluator } = require('edict');\n${EVALUATE}\nvoid main();\n`;
    const ended = await app.runFile('app.cjs', text);
    expect({ code: ended.code, complaint: withoutRequireWarning(ended.stderr) }).toEqual({ code: 0, complaint: '' });
    expect(JSON.parse(ended.stdout)).toEqual(EXPECTED);
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
  it('contains the guests that its manifest describes', () => {
    interface Entry {
      file: string;
      bytes: number;
      sha256: string;
    }
    const { flags, policies } = readJson(app.installed('wasm', 'manifest.json')) as {
      flags: Entry;
      policies: Record<string, Entry>;
    };
    expect(Object.keys(policies)).toContain('set-headers');
    for (const entry of [flags, ...Object.values(policies)]) {
      const bytes = readFileSync(app.installed('wasm', entry.file));
      expect(bytes.length).toBe(entry.bytes);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(entry.sha256);
    }
  });

  it('contains what is used and nothing else: built code, guest, licence, readme, changelog', () => {
    const paths = app.packed.files.map(({ path }) => path);
    const wanted =
      /^(dist\/.+\.(js|d\.ts)|wasm\/(flags\.wasm|policies\/[a-z-]+\.wasm|manifest\.json)|package\.json|LICENSE|README\.md|CHANGELOG\.md)$/;
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

  it('passes publint, warnings included', async () => {
    const cli = join(ROOT, 'node_modules', 'publint', 'src', 'cli.js');
    const ended = await run(process.execPath, [cli, 'run', app.tarball, '--strict', '--level', 'warning'], app.folder);
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ code: 0 });
  });

  it('resolves with its types from every kind of import that an ES module package serves', async () => {
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

/** Node 20 and 22 print an ExperimentalWarning when a package is the first to be required as an ES module. */
function withoutRequireWarning(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !/ExperimentalWarning: .*require|--trace-warnings/.test(line))
    .join('\n')
    .trim();
}
