/** The effects of the options of the group Evaluation. */

import type { JsonObject } from '../../../../src/internal/json.ts';
import type { EVALUATION_ROWS } from '../../../../src/options/rows/evaluation.ts';
import { readManifest } from '../../../../src/wasm/module.ts';
import { overflowingModule } from '../../evaluator/support/trapping-stores.ts';
import type { Effects } from './support/effect.ts';
import { type Stage, serving, USER } from './support/stage.ts';

const variations = { yes: 'yes', no: 'no' };
/** Needs the guest to decide; a flag without rules does not. */
const ruled: JsonObject = {
  flags: {
    flag: {
      variations,
      targeting: [{ query: 'plan eq "pro"', variation: 'yes' }],
      defaultRule: { variation: 'no' },
    },
  },
};

/** The outcome of a start, and of an evaluation after it. */
async function lookAtModule(stage: Stage): Promise<unknown> {
  stage.answers.configuration = serving(ruled);
  const evaluator = stage.inProcess();
  const code = await evaluator.initialize().then(
    () => 'started',
    (caught: { code?: string }) => caught.code,
  );
  const { value, errorCode } = evaluator.evaluate('flag', { plan: 'pro' }, 'default');
  return { code, value, errorCode, asked: stage.relay.requests.length };
}

/** How many requests two evaluations of the same user cost that are this far apart. */
async function askTwice(stage: Stage, apartMs: number, remoteCacheMaxEntries?: number): Promise<unknown> {
  const evaluator = stage.remote({ remoteCacheMaxEntries });
  await evaluator.initialize();
  await evaluator.evaluate('flag', USER);
  await stage.clock.advance(apartMs);
  const { value, reason } = await evaluator.evaluate('flag', USER);
  return { value, reason, asked: stage.requests('/evaluate/flags/flag').length };
}

export const EVALUATION_EFFECTS: Effects<keyof typeof EVALUATION_ROWS> = {
  wasmPoolSize: {
    decides: 'how many stores there are: whether an evaluation within an evaluation finds one',
    other: () => 1,
    look: async (stage) => {
      stage.answers.configuration = serving(ruled);
      const evaluator = stage.inProcess();
      await evaluator.initialize();
      await stage.clock.advance(0);
      const inner: unknown[] = [];
      const context = {
        get plan() {
          inner.push(evaluator.evaluate('flag', { plan: 'pro' }, 'default').value);
          return 'pro';
        },
      };
      const { value } = evaluator.evaluate('flag', context);
      const { created } = evaluator.describe().pool as { created: number };
      return { value, inner, stores: created };
    },
    byDefault: { value: 'yes', inner: ['yes'], stores: 2 },
    otherwise: { value: 'yes', inner: ['default'], stores: 1 },
  },
  wasmModule: {
    decides: 'which kernel evaluates',
    // One whose every evaluation overflows its stack.
    other: async () => overflowingModule((await readManifest()).flags.abi),
    look: lookAtModule,
    byDefault: { code: 'started', value: 'yes', errorCode: undefined, asked: 1 },
    otherwise: { code: 'started', value: 'default', errorCode: 'GENERAL', asked: 1 },
  },
  wasmSha256: {
    decides: 'which bytes may be run',
    other: () => '0'.repeat(64),
    look: lookAtModule,
    byDefault: { code: 'started', value: 'yes', errorCode: undefined, asked: 1 },
    otherwise: { code: 'MODULE_REJECTED', value: 'default', errorCode: 'PROVIDER_NOT_READY', asked: 0 },
  },
  fallback: {
    decides: 'who is asked about a flag that cannot be decided here',
    other: () => 'off',
    look: async (stage) => {
      stage.answers.configuration = serving({ flags: { broken: { variations: 'none' } } });
      const { client } = await stage.client();
      const { value, errorCode } = await client.getStringDetails('broken', 'default', USER);
      return { value, errorCode, asked: stage.requests('/evaluate/flags/broken').length };
    },
    byDefault: { value: 'evaluated', errorCode: undefined, asked: 1 },
    otherwise: { value: 'default', errorCode: 'PARSE_ERROR', asked: 0 },
  },
  remoteCacheMaxEntries: {
    decides: 'whether an answer of the relay serves again',
    other: () => 10,
    look: (stage) => askTwice(stage, 0),
    byDefault: { value: 'evaluated', reason: 'STATIC', asked: 2 },
    otherwise: { value: 'evaluated', reason: 'CACHED', asked: 1 },
  },
  remoteCacheTtlMs: {
    decides: 'how long it serves',
    other: () => -1,
    look: (stage) => askTwice(stage, 60_001, 10),
    byDefault: { value: 'evaluated', reason: 'STATIC', asked: 2 },
    otherwise: { value: 'evaluated', reason: 'CACHED', asked: 1 },
  },
};
