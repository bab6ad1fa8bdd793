/** The provider's life as the newest server SDK sees it. */

import { runLifecycleSuite } from './lifecycle-suite.ts';
import { newestSdk } from './sdk.ts';

runLifecycleSuite(newestSdk());
