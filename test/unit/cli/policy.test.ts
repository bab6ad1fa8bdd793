import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli, temporaryFile } from './run-cli.ts';

const SET_HEADERS = fileURLToPath(new URL('../../../wasm/policies/set-headers.wasm', import.meta.url));
const FLAGS = fileURLToPath(new URL('../../../wasm/flags.wasm', import.meta.url));
/** The compiler takes seconds on a busy machine. */
const SLOW_MS = 60_000;

/** An empty folder that goes with the test. */
async function emptyFolder(): Promise<string> {
  return dirname(await temporaryFile('here', ''));
}

describe('edict policy new, build, test', { timeout: SLOW_MS }, () => {
  it('make a policy that builds and passes its tests in an empty folder (P-82)', async () => {
    const folder = join(await emptyFolder(), 'block-bots');
    expect(await runCli(['policy', 'new', 'block-bots', '--dir', folder])).toMatchObject({ code: 0, stderr: '' });
    const built = await runCli(['policy', 'build', folder, '--json']);
    expect(built).toMatchObject({ code: 0, stderr: '' });
    const { sha256, bytes } = JSON.parse(built.stdout) as { sha256: string; bytes: number };
    expect((await readFile(join(folder, 'block-bots.wasm'))).length).toBe(bytes);
    const manifest = await readFile(join(folder, 'policy.yaml'), 'utf8');
    expect(manifest).toContain(`sha256: ${sha256}`);
    expect(manifest).toContain('# Only what is named here reaches the policy.');
    const tested = await runCli(['policy', 'test', folder]);
    expect(tested).toMatchObject({ code: 0, stderr: '' });
    expect(tested.stdout).toMatch(
      /^ok {2}1 requestHeaders.*\nok {2}2 requestHeaders.*\nblock-bots v1\.0\.0: 2 cases, all passed\n$/,
    );

    // Twice from the same source: the same module.
    expect(JSON.parse((await runCli(['policy', 'build', folder, '--json'])).stdout)).toMatchObject({ sha256 });

    const measured = await runCli(['policy', 'bench', folder, '--calls', '200', '--json']);
    expect(measured).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(measured.stdout)).toMatchObject({ cases: [{ calls: 200, failures: 0 }, { failures: 0 }] });

    await writeFile(join(folder, 'policy.yaml'), manifest.replace('status: 403', 'status: 404'));
    const failed = await runCli(['policy', 'test', folder, '--json']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      passed: false,
      cases: [{ passed: true }, { passed: false, differences: ['/status: expected 404, got 403'] }],
    });

    await writeFile(join(folder, 'index.ts'), 'export function broken(): i32 { return missing; }\n');
    const broken = await runCli(['policy', 'build', folder]);
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    expect(broken.stderr).toContain("Cannot find name 'missing'");
  });

  it('refuse a name that is none, a folder that is there, and a language that is not', async () => {
    const folder = await emptyFolder();
    expect((await runCli(['policy', 'new', 'No Name', '--dir', join(folder, 'x')])).code).toBe(2);
    const there = await runCli(['policy', 'new', 'greet', '--dir', folder]);
    expect(there).toMatchObject({ code: 2, stderr: expect.stringContaining('it is there already') });
    expect((await runCli(['policy', 'new', 'greet', '--language', 'cobol'])).code).toBe(2);
    expect((await runCli(['policy', 'build', folder])).code).toBe(2);
  });
});

describe('edict policy inspect', () => {
  it('shows digest, limits, imports with their capability, exports and fuel', async () => {
    const { code, stdout } = await runCli(['policy', 'inspect', SET_HEADERS, '--json']);
    expect(code).toBe(0);
    const facts = JSON.parse(stdout) as Record<string, unknown>;
    expect(facts).toMatchObject({
      accepted: true,
      problems: [],
      sha256: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      imports: [{ name: 'env.abort', capability: null }],
      memory: { minimumPages: 2, maximumPages: 256 },
      hasStart: false,
      metered: { checks: expect.any(Number) },
    });
    expect(facts.exports).toContain('edict_call');
  });

  it('ends with 1 and the names of what is wrong, for a module that is no policy and for bytes that are no module', async () => {
    const flags = await runCli(['policy', 'inspect', FLAGS]);
    expect(flags.code).toBe(1);
    expect(flags.stdout).toContain('it does not export edict_abi_version');
    expect(flags.stdout).toContain('It would be refused.');
    const text = await runCli(['policy', 'inspect', await temporaryFile('x.wasm', 'no module')]);
    expect(text.code).toBe(1);
    expect((await runCli(['policy', 'inspect', '/does/not/exist'])).code).toBe(2);
  });
});
