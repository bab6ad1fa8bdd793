import { describe, expect, it } from 'vitest';
import { FallbackEvaluator } from '../../../src/evaluator/fallback-evaluator.ts';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { RemoteEvaluator } from '../../../src/evaluator/remote-evaluator.ts';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { resolveOptions } from '../../../src/options/resolve.ts';
import { createEvaluator } from '../../../src/provider/create-evaluator.ts';
import { EdictProvider } from '../../../src/provider/edict-provider.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';

const endpoint = 'http://127.0.0.1:9';
const made = (options: EdictOptions) => createEvaluator(resolveOptions(options));

describe('the evaluator that options ask for', () => {
  it('decides in-process behind the remote fallback, by default (GOFF-CFG-002)', () => {
    expect(made({ endpoint })).toBeInstanceOf(FallbackEvaluator);
    expect(made({ endpoint, fallback: 'spec' })).toBeInstanceOf(FallbackEvaluator);
    expect(made({ endpoint }).isRemote).toBe(false);
  });

  it('decides in-process alone when there is no fallback, or no relay to fall back to', () => {
    expect(made({ endpoint, fallback: 'off' })).toBeInstanceOf(InProcessEvaluator);
    expect(made({ bootstrap: {} })).toBeInstanceOf(InProcessEvaluator);
  });

  it('asks the relay each time in remote mode', () => {
    const remote = made({ endpoint, evaluationType: 'remote' });
    expect(remote).toBeInstanceOf(RemoteEvaluator);
    expect(remote.isRemote).toBe(true);
  });

  it('gets options that were checked once: a wrong name costs one warning, whatever the provider is made of', () => {
    const logger = new RecordingLogger();
    const provider = new EdictProvider({ endpoint, logger, wrong: 1 } as EdictOptions);
    expect(logger.at('warn')).toHaveLength(1);
    expect(provider.diagnostics()).toMatchObject({ options: { endpoint: [endpoint] } });
  });
});
