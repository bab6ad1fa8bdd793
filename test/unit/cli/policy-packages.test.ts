/** `edict policy new` in every language, and `add`, `lint` and `list`: from an empty folder to what an engine serves. */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PolicyEngine } from '../../../src/policy-engine/index.ts';
import { runCli, temporaryFile } from './run-cli.ts';

/** Compilers take seconds on a busy machine, the one for JavaScript a minute. */
const SLOW_MS = 300_000;
const LOCK = 'edict-policies.lock';

async function emptyFolder(): Promise<string> {
  return dirname(await temporaryFile('here', ''));
}

function answers(command: string, args: readonly string[], expected: RegExp): boolean {
  try {
    return expected.test(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return false;
  }
}

const jco = new URL('../../../tools/components/node_modules/', import.meta.url);
const THERE: Readonly<Record<string, boolean>> = {
  assemblyscript: true,
  rust: existsSync(
    answers('rustc', ['--version'], /rustc/)
      ? execFileSync('rustc', ['--print', 'target-libdir', '--target', 'wasm32-unknown-unknown'], {
          encoding: 'utf8',
        }).trim()
      : '',
  ),
  c: answers('clang', ['--print-targets'], /wasm32/) && answers('wasm-ld', ['--version'], /LLD/),
  js: existsSync(jco),
};
const MISSING: Readonly<Record<string, RegExp>> = {
  rust: /rustup/,
  c: /apt-get install clang lld|apt-get install lld/,
  js: /npm install --save-dev --ignore-scripts @bytecodealliance\/jco@1\.35\.0/,
};

describe('edict policy new --language', { timeout: SLOW_MS }, () => {
  for (const [language, isThere] of Object.entries(THERE)) {
    it.runIf(isThere)(`${language} makes a policy that builds, tests and runs (P-82, U-24)`, async () => {
      const folder = await emptyFolder();
      const policy = join(folder, 'greeter');
      const made = await runCli(['policy', 'new', 'greeter', '--language', language, '--dir', policy, '--json']);
      expect(made).toMatchObject({ code: 0, stderr: '' });
      // The tools of components live in a workspace of their own; a project has them in its own folder.
      if (language === 'js') {
        const { symlink } = await import('node:fs/promises');
        await symlink(fileURLToPath(jco), join(policy, 'node_modules'));
      }
      const built = await runCli(['policy', 'build', policy, '--json']);
      expect(built).toMatchObject({ code: 0, stderr: '' });
      expect((await runCli(['policy', 'test', policy])).stdout).toContain('greeter v1.0.0: 2 cases, all passed');

      const policies = join(folder, 'policies');
      const added = await runCli(['policy', 'add', policy, '--to', policies, '--json']);
      expect(added).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(added.stdout)).toMatchObject({ added: { name: 'greeter', version: 'v1.0.0' }, unlocked: [] });
      const text = "routes: [{ key: '*|/**|*', policies: [{ use: greeter@v1 }] }]";
      await writeFile(join(policies, 'policies.yaml'), text);
      const engine = new PolicyEngine({ watch: false });
      const { problems } = await engine.load(policies);
      await engine.close();
      expect(problems).toEqual([]);
    });

    it.runIf(!isThere)(`${language} says what to install where its tools are missing (P-82)`, async () => {
      const policy = join(await emptyFolder(), 'greeter');
      await runCli(['policy', 'new', 'greeter', '--language', language, '--dir', policy]);
      const built = await runCli(['policy', 'build', policy]);
      expect(built).toMatchObject({ code: 2, stderr: expect.stringMatching(MISSING[language] ?? /./) });
    });
  }

  it('names the program that is missing, and what brings it (P-82)', async () => {
    const folder = await emptyFolder();
    for (const language of ['rust', 'c', 'js']) {
      const policy = join(folder, language);
      await runCli(['policy', 'new', 'greeter', '--language', language, '--dir', policy]);
      // A path with nothing on it; jco is not found in an empty folder anyway.
      const built = await runCli(['policy', 'build', policy], { env: { PATH: folder } });
      const wanted = language === 'rust' ? /https:\/\/rustup\.rs/ : MISSING[language];
      expect(built, language).toMatchObject({ code: 2, stderr: expect.stringMatching(wanted ?? /./) });
    }
  });
});

describe('edict policy add', { timeout: SLOW_MS }, () => {
  it('gives the same lock for the same source, and keeps what it said of others (P-38)', async () => {
    const folder = await emptyFolder();
    const lock = () => readFile(join(folder, 'policies', LOCK), 'utf8');
    const add = (from: string) => runCli(['policy', 'add', from, '--to', join(folder, 'policies'), '--json']);
    for (const name of ['one', 'two']) {
      await runCli(['policy', 'new', name, '--dir', join(folder, name)]);
      await runCli(['policy', 'build', join(folder, name)]);
      expect(await add(join(folder, name))).toMatchObject({ code: 0, stderr: '' });
    }
    const first = await lock();
    expect(JSON.parse(first)).toMatchObject({ lockVersion: 1, policies: [{ name: 'one' }, { name: 'two' }] });

    // Built again, and elsewhere: the same bytes.
    await mkdir(join(folder, 'other'));
    await runCli(['policy', 'new', 'two', '--dir', join(folder, 'other', 'two')]);
    await runCli(['policy', 'build', join(folder, 'other', 'two')]);
    expect(await add(join(folder, 'other', 'two', 'two.wasm'))).toMatchObject({ code: 0 });
    expect(await lock()).toBe(first);

    // What was changed beside the lock stays refused, and is named.
    const manifest = join(folder, 'policies', 'one', 'policy.yaml');
    await writeFile(manifest, `${await readFile(manifest, 'utf8')}# changed\nfailureMode: open\n`);
    const added = await add(join(folder, 'two'));
    expect(added.code).toBe(0);
    expect(JSON.parse(added.stdout)).toMatchObject({
      unlocked: [{ name: 'one', failure: { code: 'DIGEST_MISMATCH' } }],
    });
    expect(await lock()).toBe(first);
  });

  it('writes nothing of a policy that an engine would refuse, and takes modules of the catalogue from a checkout', async () => {
    const folder = await emptyFolder();
    const to = join(folder, 'policies');
    await runCli(['policy', 'new', 'unbuilt', '--dir', join(folder, 'unbuilt')]);
    const refused = await runCli(['policy', 'add', join(folder, 'unbuilt'), '--to', to, '--json']);
    expect(refused.code).toBe(1);
    expect(existsSync(to)).toBe(false);
    expect(await runCli(['policy', 'add', 'remove-headers', '--to', to])).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(join(to, 'remove-headers', 'policy.yaml'), 'utf8')).toContain('file: remove-headers.wasm');
    expect((await runCli(['policy', 'test', join(to, 'remove-headers')])).code).toBe(0);
    expect((await runCli(['policy', 'add', 'jwt-auth', '--to', to])).code).toBe(2);
    expect((await runCli(['policy', 'add', 'nothing-there', '--to', to])).code).toBe(2);
  });
});

describe('edict policy lint and list', { timeout: SLOW_MS }, () => {
  it('tell what is wrong with a folder and what its chains do (P-49, P-63), and what it may name (U-25)', async () => {
    const folder = await emptyFolder();
    const header = '{ name: x-a, value: "1" }';
    const text = (use: string): string => `
routes:
  - key: '*|/a|*'
    policies:
      - { use: ${use}, flag: anything, params: { requestHeaders: [${header}] } }
      - { use: people-only }
`;
    await writeFile(join(folder, 'policies.yaml'), text('set-headers'));
    const sound = await runCli(['policy', 'lint', folder, '--native', 'people-only']);
    expect(sound).toMatchObject({ code: 0, stdout: `${folder}: 0 problems, 0 findings\n`, stderr: '' });
    const wrong = await runCli(['policy', 'lint', folder, '--json']);
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.stdout)).toMatchObject({
      problems: [{ path: '/routes/0/policies/1', message: 'there is no policy people-only', code: 'POLICY_MISSING' }],
      findings: [],
    });
    expect((await runCli(['policy', 'lint', join(folder, 'nowhere')])).code).toBe(2);

    const listed = await runCli(['policy', 'list', '--json']);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    const { policies } = JSON.parse(listed.stdout) as { policies: { name: string; parameters: object }[] };
    expect(policies.map(({ name }) => name)).toContain('jwt-auth');
    for (const { name, parameters } of policies) expect(parameters, name).toHaveProperty('properties');
  });
});
