import { describe, expect, it } from 'vitest';
import { runCli, SHOP_FLAGS, temporaryFile } from './run-cli.ts';

const WRONG = `good:
  variations: {a: 1, b: 2}
  defaultRule: {variation: a}
wrong:
  variations: {a: 1, b: 2}
  targeting:
    - name: staff
      query: a eq 1
      variation: c
  defaultRule: {percentage: {a: 50, z: 50}}
nothing:
  variations: {a: 1}
`;

describe('edict lint', () => {
  it('is content with the flags of the shop', async () => {
    expect(await runCli(['lint', SHOP_FLAGS])).toEqual({
      code: 0,
      stdout: `${SHOP_FLAGS}: 9 flags, no findings\n`,
      stderr: '',
    });
  });

  it('names place, flag, rule, field, message and remedy, and ends with 1', async () => {
    const file = await temporaryFile('flags.yaml', WRONG);
    const { code, stdout, stderr } = await runCli(['lint', file]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const [first, remedy] = stdout.split('\n');
    expect(first).toBe(`${file}:9:7: flag "wrong", rule "staff", field variation: invalid variation: c does not exist`);
    expect(remedy).toBe('    use one of "a", "b"');
    expect(stdout).toContain(`${file}:11:1: flag "nothing", field defaultRule: missing default rule`);
    expect(stdout).toContain(`${file}: 3 flags, 3 findings`);
  });

  it('gives the same as one document', async () => {
    const file = await temporaryFile('flags.yaml', WRONG);
    const { code, stdout } = await runCli(['lint', '--json', file, SHOP_FLAGS]);
    expect(code).toBe(1);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({
      findingCount: 3,
      files: [
        { file, flagCount: 3 },
        { flagCount: 9, findings: [] },
      ],
    });
    expect(document.files[0].findings[0]).toEqual({
      line: 9,
      column: 7,
      flag: 'wrong',
      rule: 'staff',
      field: 'variation',
      message: 'invalid variation: c does not exist',
      remedy: 'use one of "a", "b"',
    });
  });

  it.each([
    ['flags.yaml', 'a: [1\nb: 2', /flags\.yaml:2:1: .+/],
    ['flags.json', '{"a": tru }', /flags\.json:1:\d+: .+/],
    ['flags.toml', 'a = [', /flags\.toml:1:\d+: .+/],
  ])('takes a syntax error for a finding: %s', async (name, content, line) => {
    const { code, stdout } = await runCli(['lint', await temporaryFile(name, content)]);
    expect(code).toBe(1);
    expect(stdout).toMatch(line);
    expect(stdout).toContain('1 finding');
  });

  it('ends with 2, and says nothing of the other files, when one cannot be opened', async () => {
    expect(await runCli(['lint', SHOP_FLAGS, 'no-such-file'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: cannot read no-such-file: there is no such file\n',
    });
  });
});
