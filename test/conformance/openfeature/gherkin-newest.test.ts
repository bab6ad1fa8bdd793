/** OpenFeature's gherkin suite with the newest server SDK. */

import { runGherkinSuite } from './gherkin-suite.ts';
import { newestSdk } from './sdk.ts';

runGherkinSuite(newestSdk());
