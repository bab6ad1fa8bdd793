/** The provider's resolvers, through the SDK's client: what a caller gets for each kind of flag. */

import type { Client, Provider } from '@openfeature/server-sdk';
import { MultiProvider, OpenFeature } from '@openfeature/server-sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';

const rule = (variation: string) => ({ targeting: [{ name: 'staff', query: 'email ew "@example.com"', variation }] });
const FLAGS = {
  boolean: { variations: { on: true, off: false }, ...rule('on'), defaultRule: { variation: 'off' } },
  string: { variations: { a: 'A' }, defaultRule: { variation: 'a' } },
  number: { variations: { n: 100.0, half: 0.5 }, defaultRule: { variation: 'n' } },
  object: { variations: { o: { list: [1] } }, defaultRule: { variation: 'o' } },
  array: { variations: { l: [1, { a: 2 }] }, defaultRule: { variation: 'l' } },
  null: { variations: { n: null, o: 1 }, ...rule('n'), defaultRule: { variation: 'n' }, metadata: { owner: 'x' } },
  disabled: { variations: { on: true }, defaultRule: { variation: 'on' }, disable: true, version: '3' },
  split: { variations: { a: 'A', b: 'B' }, defaultRule: { percentage: { a: 50, b: 50 } } },
  versioned: { variations: { a: 'A' }, defaultRule: { variation: 'a' }, version: '7', metadata: { owner: 'x' } },
  claims: { variations: { a: 'A' }, defaultRule: { variation: 'a' }, version: '7', metadata: { version: 'mine' } },
  nested: { variations: { a: 'A' }, defaultRule: { variation: 'a' }, metadata: { deep: { list: [1, null] } } },
  broken: { variations: 'none' },
  misconfigured: { variations: { a: 'A' }, defaultRule: { percentage: { a: 0 } } },
};

const quiet = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
const provider = new EdictProvider({ bootstrap: { flags: FLAGS }, logger: quiet });
let client: Client;

beforeAll(async () => {
  await OpenFeature.setProviderAndWait('resolvers', provider);
  client = OpenFeature.getClient('resolvers');
});
afterAll(() => OpenFeature.clearProviders());

const STAFF = { targetingKey: 'u', email: 'ann@example.com' };

describe('a provider', () => {
  it('says its name as a literal, where it runs, and nothing of domain scope (D-95, GOFF-META-002, GOFF-META-001)', () => {
    expect(provider.metadata).toEqual({ name: 'edict' });
    expect(provider.runsOn).toBe('server');
    for (const name of ['domainScoped', 'status']) expect(name in provider).toBe(false);
    expect(client.metadata.providerMetadata.name).toBe('edict');
  });

  it('is what the SDK calls a provider', () => {
    const typed: Provider = provider;
    expect(typed).toBe(provider);
  });

  it('has an evaluator whose synchronous answers are the client’s (D-04)', async () => {
    expect(provider.evaluator).toBeInstanceOf(InProcessEvaluator);
    const answer = provider.evaluator.evaluate('boolean', STAFF);
    expect(answer).not.toBeInstanceOf(Promise);
    expect(await answer).toMatchObject({ value: true });
    expect(await client.getBooleanValue('boolean', false, STAFF)).toBe(true);
  });

  it('has the context hook always: without data collection, offline, and around an evaluator of somebody else (GOFF-HOOK-003)', () => {
    const bootstrap = { flags: FLAGS };
    const sources = [
      new EdictProvider({ endpoint: 'http://127.0.0.1:9', disableDataCollection: true, logger: quiet }),
      new EdictProvider({ bootstrap, logger: quiet }),
      new EdictProvider(new InProcessEvaluator({ bootstrap, logger: quiet })),
    ];
    for (const { hooks } of sources)
      expect(hooks.map((hook) => Object.hasOwn(hook, 'before') || 'before' in hook)).toEqual([true]);
  });

  it('refuses wrong options in the constructor, before any I/O (GOFF-CFG-001)', () => {
    expect(() => new EdictProvider({})).toThrow(/^INVALID_OPTION: endpoint: /);
    expect(() => new EdictProvider({ endpoint: 'http://relay', timeoutMs: -1 })).toThrow(
      /^INVALID_OPTION: timeoutMs: /,
    );
  });

  it('takes an evaluator that somebody else made, and starts and closes it', async () => {
    const evaluator = new InProcessEvaluator({ bootstrap: { flags: FLAGS }, logger: quiet });
    const own = new EdictProvider(evaluator);
    expect(own.evaluator).toBe(evaluator);
    await own.initialize();
    expect(evaluator.state).toBe('ready');
    expect(await own.resolveStringEvaluation('string', 'default', {})).toMatchObject({ value: 'A' });
    await own.onClose();
    expect(evaluator.state).toBe('not-ready');
  });
});

describe('a typed resolution', () => {
  it('has value, variant, reason and metadata, and no code or message (2.2.4–2.2.9, 2.3.2, GOFF-EVAL-003, GOFF-EVAL-007)', async () => {
    expect(await client.getBooleanDetails('boolean', false, STAFF)).toEqual({
      flagKey: 'boolean',
      value: true,
      variant: 'on',
      reason: 'TARGETING_MATCH',
      flagMetadata: { evaluatedRuleName: 'staff' },
    });
    expect(await client.getBooleanDetails('boolean', true, {})).toMatchObject({ value: false, reason: 'DEFAULT' });
    expect(await client.getStringDetails('string', '', {})).toMatchObject({
      value: 'A',
      variant: 'a',
      reason: 'STATIC',
    });
    expect(await client.getNumberDetails('number', 0, {})).toMatchObject({ value: 100 });
    expect(await client.getObjectDetails('object', {}, {})).toMatchObject({ value: { list: [1] } });
    expect(await client.getObjectDetails('array', [], {})).toMatchObject({ value: [1, { a: 2 }] });
  });

  it('of a null value gives the default, with the reason, variant and metadata of the flag (D-53, GOFF-EVAL-006)', async () => {
    expect(await client.getNumberDetails('null', 42, STAFF)).toEqual({
      flagKey: 'null',
      value: 42,
      variant: 'n',
      reason: 'TARGETING_MATCH',
      flagMetadata: { owner: 'x', evaluatedRuleName: 'staff' },
    });
    expect(await client.getObjectDetails('null', [1], {})).toMatchObject({ value: [1], reason: 'DEFAULT' });
  });

  it('of a disabled flag gives the default, DISABLED and SdkDefault (GOFF-EVAL-008)', async () => {
    const details = await client.getBooleanDetails('disabled', true, {});
    expect(details).toMatchObject({ value: true, reason: 'DISABLED', variant: 'SdkDefault' });
    expect(details.errorCode).toBeUndefined();
    expect(await client.getStringDetails('disabled', 'x', {})).toMatchObject({ value: 'x', reason: 'DISABLED' });
  });

  it('adds the flag’s version to metadata that has none (GOFF-COLL-009)', async () => {
    const metadataOf = async (key: string) => (await client.getStringDetails(key, '', {})).flagMetadata;
    expect(await metadataOf('versioned')).toEqual({ owner: 'x', version: '7' });
    expect(await metadataOf('claims')).toEqual({ version: 'mine' });
    expect(await metadataOf('string')).toEqual({});
    expect((await client.getBooleanDetails('disabled', true, {})).flagMetadata).toMatchObject({ version: '3' });
    expect(await metadataOf('versioned')).toBe(await metadataOf('versioned'));
  });

  it('keeps the structure of nested metadata (D-59, GOFF-EVAL-009)', async () => {
    expect((await client.getStringDetails('nested', '', {})).flagMetadata).toEqual({ deep: { list: [1, null] } });
  });
});

describe('a value of another type (D-55, D-56)', () => {
  const asked: readonly (readonly [key: string, ask: (key: string) => Promise<unknown>, wanted: string])[] = [
    ['number', (key) => client.getBooleanDetails(key, true, STAFF), 'boolean'],
    ['string', (key) => client.getBooleanDetails(key, true, STAFF), 'boolean'],
    ['boolean', (key) => client.getNumberDetails(key, 5, STAFF), 'number'],
    ['string', (key) => client.getNumberDetails(key, 5, STAFF), 'number'],
    ['boolean', (key) => client.getStringDetails(key, 'd', STAFF), 'string'],
    ['number', (key) => client.getStringDetails(key, 'd', STAFF), 'string'],
    ['object', (key) => client.getStringDetails(key, 'd', STAFF), 'string'],
    ['string', (key) => client.getObjectDetails(key, {}, STAFF), 'object'],
    ['number', (key) => client.getObjectDetails(key, [], STAFF), 'array'],
    ['array', (key) => client.getObjectDetails(key, {}, STAFF), 'object'],
    ['object', (key) => client.getObjectDetails(key, [], STAFF), 'array'],
  ];
  it.each(asked)(
    '%s, asked for in another way, answers the default and TYPE_MISMATCH (GOFF-EVAL-002, GOFF-EVAL-004)',
    async (key, ask, wanted) => {
      const details = (await ask(key)) as { value: unknown; errorMessage: string };
      expect(details).toMatchObject({ reason: 'ERROR', errorCode: 'TYPE_MISMATCH' });
      expect(details.errorMessage).toContain(`"${key}"`);
      expect(details.errorMessage).toContain(`asked for as ${wanted}`);
      expect([true, 5, 'd', {}, []]).toContainEqual(details.value);
    },
  );
});

describe('an error', () => {
  it('is the default, a code and a message, never an exception (D-58, D-09, GOFF-ERR-001, GOFF-ERR-003, GOFF-EVAL-011)', async () => {
    const expected: readonly (readonly [key: string, code: string, text: RegExp, context?: typeof STAFF])[] = [
      ['nothing', 'FLAG_NOT_FOUND', /nothing/],
      ['', 'FLAG_NOT_FOUND', /''/],
      ['split', 'TARGETING_KEY_MISSING', /./],
      ['broken', 'PARSE_ERROR', /./],
      ['misconfigured', 'GENERAL', /^FLAG_CONFIG: /, STAFF],
    ];
    for (const [key, code, text, context = {}] of expected) {
      const details = await client.getStringDetails(key, 'default', context);
      expect(details, key).toMatchObject({ value: 'default', reason: 'ERROR', errorCode: code });
      expect(details.errorMessage).toMatch(text);
      const direct = await provider.resolveStringEvaluation(key, 'default', context);
      expect(direct).toMatchObject({ value: 'default', reason: 'ERROR', errorCode: code, variant: 'SdkDefault' });
    }
  });

  it('reaches the error stage of hooks', async () => {
    const seen: unknown[] = [];
    const hooks = [{ error: (_: unknown, error: unknown) => void seen.push((error as { code: string }).code) }];
    await client.getStringDetails('nothing', 'default', {}, { hooks });
    expect(seen).toEqual(['FLAG_NOT_FOUND']);
  });

  it('of an unknown flag lets the next provider of a multi-provider answer (S-42)', async () => {
    const second = new EdictProvider({ bootstrap: { flags: { only: FLAGS.string } }, logger: quiet });
    const first = new EdictProvider({ bootstrap: { flags: { both: FLAGS.string } }, logger: quiet });
    const multi = new MultiProvider([{ provider: first }, { provider: second }]);
    await OpenFeature.setProviderAndWait('multi', multi);
    const both = OpenFeature.getClient('multi');
    expect(await both.getStringValue('only', 'default', {})).toBe('A');
    expect(await both.getStringValue('both', 'default', {})).toBe('A');
    expect(await both.getStringDetails('neither', 'default', {})).toMatchObject({ value: 'default', reason: 'ERROR' });
  });
});

describe('diagnostics', () => {
  it('are plain JSON with state, configuration, counters and options (D-94)', () => {
    const shown = provider.diagnostics();
    expect(JSON.parse(JSON.stringify(shown))).toMatchObject({
      provider: 'edict',
      state: 'ready',
      stateSince: expect.stringMatching(/Z$/),
      source: 'bootstrap',
      flagCount: Object.keys(FLAGS).length,
      brokenFlags: 1,
      traps: 0,
      guestMemoryBytes: expect.any(Number),
      options: { pollIntervalMs: 120_000, endpoint: null, bootstrap: 'document' },
    });
  });

  it('show no credential, however it was given', () => {
    const secret = 'very-secret-key';
    for (const apiKey of [secret, () => secret]) {
      const options = { endpoint: 'http://127.0.0.1:9', apiKey, headers: { 'x-gateway': `Bearer ${secret}` } };
      const shown = JSON.stringify(new EdictProvider(options).diagnostics());
      expect(shown).not.toContain(secret);
      expect(shown).toContain('"startup":"strict"');
    }
  });
});
