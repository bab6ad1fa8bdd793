/** The effects of the options of the group Start and stop. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EdictOptions } from '../../../../src/options/edict-options.ts';
import type { START_STOP_ROWS } from '../../../../src/options/rows/start-stop.ts';
import { json } from '../../relay/support/scripted-relay.ts';
import type { Effects } from './support/effect.ts';
import { documentOf, down, type Stage, silent, USER, until } from './support/stage.ts';

const DAY_MS = 86_400_000;

/** What a start with a relay that is down ends with. */
async function startWhileDown(stage: Stage, options: EdictOptions = {}): Promise<{ outcome: string; value: unknown }> {
  stage.answers.configuration = down;
  const evaluator = stage.inProcess({ initTimeoutMs: 1_000, startup: 'lenient', ...options });
  const starting = evaluator.initialize().then(
    () => 'resolved',
    () => 'rejected',
  );
  await stage.timeOf(starting);
  return { outcome: await starting, value: evaluator.evaluate('flag', {}, 'default').value };
}

/** One life that ends well. */
async function liveOnce(stage: Stage, options: EdictOptions = {}): Promise<void> {
  const evaluator = stage.inProcess(options);
  await evaluator.initialize();
  await evaluator.close();
}

export const START_STOP_EFFECTS: Effects<keyof typeof START_STOP_ROWS> = {
  startup: {
    decides: 'how a start without any configuration ends',
    other: () => 'lenient',
    look: (stage) => startWhileDown(stage, { startup: undefined }),
    byDefault: { outcome: 'rejected', value: 'default' },
    otherwise: { outcome: 'resolved', value: 'default' },
  },
  initTimeoutMs: {
    decides: 'how long a start tries',
    other: () => 3_000,
    look: async (stage) => {
      stage.answers.configuration = silent;
      return stage.timeOf(stage.inProcess().initialize());
    },
    byDefault: 10_000,
    otherwise: 3_000,
  },
  bootstrap: {
    decides: 'what there is before the relay answers',
    other: () => documentOf({ flag: 'bootstrap' }),
    look: (stage) => startWhileDown(stage),
    byDefault: { outcome: 'resolved', value: 'default' },
    otherwise: { outcome: 'resolved', value: 'bootstrap' },
  },
  persistPath: {
    decides: 'whether the next start knows what the relay said last',
    other: ({ folder }) => join(folder, 'flags.lkg'),
    look: async (stage) => {
      await liveOnce(stage);
      const files = readdirSync(stage.folder);
      return { files, ...(await startWhileDown(stage)) };
    },
    byDefault: { files: [], outcome: 'resolved', value: 'default' },
    otherwise: { files: ['flags.lkg'], outcome: 'resolved', value: 'relay' },
  },
  persistMaxAgeMs: {
    decides: 'how old a persisted configuration may be',
    other: () => DAY_MS,
    look: async (stage) => {
      const persistPath = join(stage.folder, 'flags.lkg');
      await liveOnce(stage, { persistPath });
      stage.clock.wallMs += 2 * DAY_MS;
      const { value } = await startWhileDown(stage, { persistPath });
      return { value, warned: stage.logger.at('warn').some((line) => line.includes('persistMaxAgeMs')) };
    },
    byDefault: { value: 'relay', warned: false },
    otherwise: { value: 'default', warned: true },
  },
  cacheDir: {
    decides: 'whether the next start knows the policies of before',
    other: ({ folder }) => join(folder, 'cache'),
    look: async (stage) => {
      stage.answers.policies = json('{"schema":1,"revision":"r1","routes":[{"key":"GET|/a|*"}]}', { etag: '"1"' });
      const begin = async () => {
        const provider = stage.provider({ policies: true });
        const engine = await provider.policyEngine();
        await provider.initialize().catch(() => undefined);
        return { provider, engine };
      };
      const first = await begin();
      await until(() => first.engine.describe().feed?.origin === 'relay');
      await first.provider.onClose();
      stage.answers.policies = down;
      const { engine } = await begin();
      await until(() => (engine.describe().feed?.feed?.polls.failed ?? 0) > 0);
      return { revision: engine.describe().revision, files: readdirSync(stage.folder) };
    },
    byDefault: { revision: '', files: [] },
    otherwise: { revision: 'r1', files: ['cache'] },
  },
  closeTimeoutMs: {
    decides: 'how long a close tries to send what waits',
    other: () => 500,
    look: async (stage) => {
      stage.answers.collector = silent;
      const { client, provider } = await stage.client();
      client.track('something', USER);
      return stage.timeOf(provider.onClose());
    },
    byDefault: 2_000,
    otherwise: 500,
  },
  flushOnExit: {
    decides: 'whether a process that runs out of work sends what waits',
    other: () => 'off',
    look: async (stage) => {
      const others = process.listeners('beforeExit');
      const { client } = await stage.client();
      client.track('something', USER);
      const ours = process.listeners('beforeExit').filter((listener) => !others.includes(listener));
      // What Node does when nothing is left to do; in this process something always is.
      for (const listener of ours) listener.call(process, 0);
      if (ours.length > 0) await until(() => stage.batches.length === 1);
      return { listeners: ours.length, keys: stage.batches.flat().map(({ key }) => key) };
    },
    byDefault: { listeners: 1, keys: ['something'] },
    otherwise: { listeners: 0, keys: [] },
  },
};
