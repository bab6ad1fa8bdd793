import { describe, expect, it, onTestFinished } from 'vitest';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';
import { serve } from '../policy-engine/support/folder-rig.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import { PROCESSING, startPolicyRelay } from '../server/policies/support.ts';
import { SHOP, startTestRelay, until } from '../server/test-relay.ts';

/** The mark is set where the flag is on, so both halves have to work. */
const GATED = `routes:
  - key: 'GET|/pets|*'
    policies:
      - use: set-headers
        flag: { key: checkout, default: false }
        params: { requestHeaders: [{ name: x-a }], responseHeaders: [{ name: x-m, value: on }] }
`;

function provide(options: EdictOptions): { readonly provider: EdictProvider; readonly logger: RecordingLogger } {
  const logger = new RecordingLogger();
  const provider = new EdictProvider({ logger, disableDataCollection: true, pollIntervalMs: 0, ...options });
  onTestFinished(() => provider.onClose());
  return { provider, logger };
}

describe('the option policies', () => {
  it("gives an engine that follows the provider's relay, with the provider's flags", async () => {
    const { relay } = await startPolicyRelay(GATED, { apiKeys: ['key'], flags: SHOP, flagFiles: [] }, (folder) =>
      folder.add('set-headers', PROCESSING),
    );
    const { provider } = provide({ endpoint: relay.url, apiKey: 'key', policies: true });
    const engine = await provider.policyEngine();
    const ask = await serve(engine);
    expect((await ask('/pets')).status).toBe(503);
    await provider.initialize();
    await until(() => engine.describe().feed?.state === 'current');
    expect((await ask('/pets')).headers['x-m']).toBe('on');
    expect(await provider.policyEngine()).toBe(engine);
    await provider.onClose();
    expect((await ask('/pets')).status).toBe(503);
    expect(await provider.policyEngine()).not.toBe(engine);
  });

  it('leaves flags alone where the relay has no policies, and says so once', async () => {
    const { relay } = await startTestRelay(SHOP);
    const { provider, logger } = provide({ endpoint: relay.url, policies: ['shop'] });
    await provider.initialize();
    const { value } = await provider.resolveBooleanEvaluation('checkout', false, { targetingKey: 'u' });
    expect(value).toBe(true);
    const engine = await provider.policyEngine();
    await until(() => engine.describe().feed?.state === 'no-policies');
    await until(() => logger.at('warn').some((line) => line.includes('the relay serves no policies')));
    expect(provider.evaluator.state).toBe('ready');
  });

  it('is off unless it is asked for, and needs a relay', async () => {
    const { provider } = provide({ bootstrap: { flags: {} } });
    await expect(provider.policyEngine()).rejects.toThrow('INVALID_OPTION: policies');
    expect(() => provide({ bootstrap: { flags: {} }, policies: true })).toThrow('policies come from a relay');
  });
});
