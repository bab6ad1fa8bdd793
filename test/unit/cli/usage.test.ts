import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli, SHOP_FLAGS } from './run-cli.ts';

const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

describe('the command line', () => {
  it('says its version and shows help with exit code 0', async () => {
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
    const help = await runCli(['--help']);
    expect(help.code).toBe(0);
    for (const command of ['eval', 'lint', 'relay', 'doctor']) expect(help.stdout).toContain(`  ${command} `);
    expect(await runCli(['lint', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Usage: edict lint'),
    });
  });

  it('shows help on standard error, with exit code 2, when it is called without a command', async () => {
    const result = await runCli([]);
    expect(result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage: edict') });
  });

  it.each([
    [['evl'], 'Did you mean eval?'],
    [['eval', '--flgs', 'x'], 'Did you mean --flags?'],
    [['eval'], 'needs --flags FILE, or --vectors FILE'],
    [['eval', '--vectors', 'x', '--flags', 'y'], '--vectors and --flags do not go together'],
    [['eval', '--flags', SHOP_FLAGS, '--explain'], '--explain needs --flag KEY'],
    [['eval', '--flags', SHOP_FLAGS, '--flag', 'new-chekout'], 'did you mean new-checkout?'],
    [['eval', '--flags', 'no-such-file'], 'cannot read no-such-file: there is no such file'],
    [['lint'], "missing required argument 'file'"],
    [['relay'], "required option '--flags <file>' not specified"],
    [['relay', '--flags', SHOP_FLAGS, '--port', '70000'], 'It must be a whole number from 0 to 65535.'],
    [['doctor', '--auth-scheme', 'basic'], 'Allowed choices are x-api-key, bearer.'],
    [['doctor', '--endpoint', 'ftp://x'], 'INVALID_OPTION: endpoint'],
  ])('ends with 2 and a hint on standard error: edict %j', async (args, hint) => {
    expect(await runCli(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(hint) });
  });

  it('colours its text when colours are forced, and never when NO_COLOR is set', async () => {
    const args = ['eval', '--flags', SHOP_FLAGS];
    const colour = '\u001b[';
    expect((await runCli(args)).stdout).not.toContain(colour);
    expect((await runCli(args, { env: { FORCE_COLOR: '1' } })).stdout).toContain(colour);
    expect((await runCli(args, { env: { FORCE_COLOR: '0' } })).stdout).not.toContain(colour);
    expect((await runCli(args, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain(colour);
    const json = await runCli([...args, '--json'], { env: { FORCE_COLOR: '1' } });
    expect(json.stdout).not.toContain(colour);
  });
});
