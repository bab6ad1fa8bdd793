/** Which tests run, and how. The deep ones only with EDICT_DEEP=1 (`npm run test:deep`). */

import { configDefaults, defineConfig } from 'vitest/config';

const deep = process.env.EDICT_DEEP === '1';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(deep ? [] : ['test/deep/**'])],
    globalSetup: ['test/setup/build.ts'],
    setupFiles: ['test/setup/guard-prototype.ts'],
    // Processes, not threads: tests start workers of their own, watch for leaked handles and end child processes.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
