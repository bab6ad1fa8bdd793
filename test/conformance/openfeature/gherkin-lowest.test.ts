/** OpenFeature's gherkin suite with the lowest server SDK that the peer range of package.json allows. */

import { runGherkinSuite } from './gherkin-suite.ts';
import { lowestSdk } from './sdk.ts';

runGherkinSuite(lowestSdk());
