/** Engines that follow a relay over a folder of policies, all of it on loopback. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { EdictOptions } from '../../../src/options/edict-options.ts';
import { PolicyEngine, type PolicyEngineOptions } from '../../../src/policy-engine/index.ts';
import { type Ask, serve } from '../policy-engine/support/folder-rig.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';
import type { PolicyRelay } from '../server/policies/support.ts';

/** Asked when a test says so, at no other time. */
export const QUIET: EdictOptions = { pollIntervalMs: 0, timeoutMs: 2_000, stallTimeoutMs: 500, initTimeoutMs: 3_000 };

export interface FollowRig {
  readonly engine: PolicyEngine;
  readonly logger: RecordingLogger;
  readonly ask: Ask;
  /** What the route `/pets` answers: the mark of its policy, or the status where there is none. */
  mark(): Promise<string>;
}

export async function engineRig(options: PolicyEngineOptions = {}): Promise<FollowRig> {
  const logger = new RecordingLogger();
  const engine = new PolicyEngine({ logger, ...options });
  onTestFinished(() => engine.close());
  const ask = await serve(engine);
  return {
    engine,
    logger,
    ask,
    mark: async () => {
      const { status, headers } = await ask('/pets');
      return status === 200 ? `${status} ${String(headers['x-m'])}` : String(status);
    },
  };
}

/** An engine that follows, and serves. */
export async function following(relay: PolicyRelay, options: EdictOptions = {}, engine: PolicyEngineOptions = {}) {
  const rig = await engineRig(engine);
  const follower = await rig.engine.follow({ ...QUIET, endpoint: relay.relay.url, ...options });
  return { ...rig, follower };
}

export async function cacheFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edict-cache-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
