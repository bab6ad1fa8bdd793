import { describe, expect, it } from 'vitest';
import { runCli, SHOP_FLAGS, temporaryFile } from './run-cli.ts';

const CONTEXT = JSON.stringify({
  targetingKey: 'ana',
  email: 'ana@shop.test',
  country: 'DE',
  accountId: 'account-17',
  customer: { plan: 'gold' },
  orders: 12,
});

const evaluate = (...args: string[]) => runCli(['eval', '--flags', SHOP_FLAGS, '--context', CONTEXT, ...args]);

describe('edict eval --flags', () => {
  it('decides one flag as a document whose members are those of a resolution', async () => {
    const { code, stdout, stderr } = await evaluate('--flag', 'discount-percent', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      flagKey: 'discount-percent',
      value: 15,
      variant: 'loyal',
      reason: 'TARGETING_MATCH',
      ruleIndex: 1,
      ruleName: 'gold',
      metadata: { evaluatedRuleName: 'gold' },
      version: '2.1.0',
      trackEvents: true,
      cacheable: true,
    });
  });

  it('prints value, variation, reason and rule for people', async () => {
    const { stdout } = await evaluate('--flag', 'discount-percent');
    expect(stdout.split('\n')).toEqual([
      'discount-percent = 15',
      '  variation  loyal',
      '  reason     TARGETING_MATCH',
      '  rule       2 "gold"',
      '  version    2.1.0',
      '  metadata   {"evaluatedRuleName":"gold"}',
      '',
    ]);
  });

  it('decides all flags when none is named, in the order of their keys', async () => {
    const { stdout } = await evaluate('--json');
    const decisions = JSON.parse(stdout) as { flagKey: string }[];
    expect(decisions.map(({ flagKey }) => flagKey)).toEqual([
      'advent-calendar',
      'card-payments',
      'discount-percent',
      'fast-images',
      'gift-wrapping',
      'new-checkout',
      'search-ranking',
      'seasonal-banner',
      'shipping-options',
    ]);
    const table = (await evaluate()).stdout.trim().split('\n');
    expect(table).toHaveLength(decisions.length + 1);
    const column = table[0]?.indexOf('reason') as number;
    expect(table.find((line) => line.startsWith('card-payments'))?.slice(column)).toMatch(/^STATIC +default rule$/);
  });

  it('gives the default where a flag is disabled, and lets enrichment override the context', async () => {
    const disabled = await evaluate('--flag', 'advent-calendar', '--default', '{"a":[1]}', '--json');
    expect(JSON.parse(disabled.stdout)).toMatchObject({ value: { a: [1] }, variant: 'SdkDefault', reason: 'DISABLED' });
    const enriched = await evaluate('--flag', 'discount-percent', '--enrich', '{"customer":{"plan":"free"}}', '--json');
    expect(JSON.parse(enriched.stdout)).toMatchObject({ value: 0, reason: 'DEFAULT' });
  });

  it('reads the context from a file', async () => {
    const file = await temporaryFile('context.json', CONTEXT);
    const { stdout } = await runCli([
      'eval',
      '--flags',
      SHOP_FLAGS,
      '--flag',
      'discount-percent',
      '--context',
      `@${file}`,
    ]);
    expect(stdout).toContain('discount-percent = 15');
  });

  it('lets a later file override the flags of an earlier one', async () => {
    const file = await temporaryFile(
      'more.toml',
      '[card-payments]\nvariations = { no = false }\ndefaultRule = { variation = "no" }\n',
    );
    const { stdout } = await evaluate('--flags', file, '--flag', 'card-payments', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ value: false, variant: 'no' });
  });

  it('ends with 1 when the decision is an error, and warns of a flag that a relay would not serve', async () => {
    const file = await temporaryFile(
      'flags.json',
      '{"f":{"variations":{"a":1,"b":"x"},"defaultRule":{"percentage":{"a":50,"b":50}}}}',
    );
    const { code, stdout, stderr } = await runCli(['eval', '--flags', file, '--flag', 'f']);
    expect(code).toBe(1);
    expect(stdout).toContain('TARGETING_KEY_MISSING: Error: Empty targeting key');
    expect(stderr).toContain('a relay leaves flag "f" out: all variations should have the same type');
  });

  it('points at the place where a context stops being JSON', async () => {
    const { code, stderr } = await runCli(['eval', '--flags', SHOP_FLAGS, '--context', '{"a": }']);
    expect(code).toBe(2);
    expect(stderr.split('\n')).toEqual([
      "error: --context is not JSON: invalid character '}' looking for beginning of value (line 1, column 7)",
      '{"a": }',
      '      ^',
      '',
    ]);
    expect(await runCli(['eval', '--flags', SHOP_FLAGS, '--context', '[]'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--context must be a JSON object'),
    });
    expect(await runCli(['eval', '--flags', SHOP_FLAGS, '--context', '@nowhere'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot read nowhere'),
    });
  });

  it('names the place of a syntax error in a flag file', async () => {
    const file = await temporaryFile('flags.yaml', 'f:\n  variations: [1\n');
    const { code, stderr } = await runCli(['eval', '--flags', file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/flags\.yaml:\d+:\d+: /);
  });

  it('shows control characters of names and values as escapes', async () => {
    const file = await temporaryFile(
      'flags.json',
      JSON.stringify({ 'a\u001b[31m': { variations: { '\u0007': '\u009b' }, defaultRule: { variation: '\u0007' } } }),
    );
    const { stdout } = await runCli(['eval', '--flags', file]);
    expect(stdout).toContain('a\\u001b[31m');
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});
