/** OpenFeature's gherkin suite with the lowest server SDK that the peer range of package.json allows. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runGherkinSuite } from './gherkin-suite.ts';
import { lowestSdk } from './sdk.ts';

const sdk = lowestSdk();

it('the lowest SDK is where the peer range begins', () => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { peerDependencies } = JSON.parse(text) as { peerDependencies: Record<string, string> };
  expect(peerDependencies['@openfeature/server-sdk']).toBe(`^${sdk.version}`);
});

runGherkinSuite(sdk);
