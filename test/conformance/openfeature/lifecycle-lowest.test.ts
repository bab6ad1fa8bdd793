/** The provider's life as the lowest server SDK of the peer range sees it. */

import { runLifecycleSuite } from './lifecycle-suite.ts';
import { lowestSdk } from './sdk.ts';

runLifecycleSuite(lowestSdk());
