/** Edict's OpenFeature provider behind the OpenFeature client, from nothing to its first answer. */

import { answered, port, question } from './report.mjs';

const [{ OpenFeature }, { EdictProvider }] = await Promise.all([
  import('../../server-sdk.mjs'),
  import('../../../dist/index.js'),
]);
const imported = performance.now();
await OpenFeature.setProviderAndWait(new EdictProvider({ endpoint: `http://127.0.0.1:${port}` }));
const ready = performance.now();
const value = await OpenFeature.getClient().getBooleanValue(question.flag.key, !question.value, question.context);
answered(value, { imported, ready });
