/** Which tests run, and how. The deep ones only with EDICT_DEEP=1 (`npm run test:deep`). */

import { configDefaults, defineConfig } from 'vitest/config';

const deep = process.env.EDICT_DEEP === '1';

/**
 * Rooms whose tests leave nothing behind in their process: they share one, with what it has imported. Importing everything
 * anew for each file took more than half of the time of these.
 */
const PURE = ['flags', 'guest', 'internal', 'options', 'policy', 'telemetry', 'usage', 'wasm'];
const pure = PURE.map((room) => `test/unit/${room}/**/*.test.ts`);

export default defineConfig({
  test: {
    exclude: [...configDefaults.exclude, ...(deep ? [] : ['test/deep/**'])],
    globalSetup: ['test/setup/build.ts'],
    setupFiles: ['test/setup/guard-prototype.ts'],
    // Processes, not threads: tests start workers of their own, watch for leaked handles and end child processes.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      {
        extends: true,
        test: {
          name: 'other',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...(deep ? [] : ['test/deep/**']), ...pure],
        },
      },
    ],
  },
});
