/** GrowthBook's multi-user client fetching its features, from nothing to its first answer. */

import { answered, port, question } from './report.mjs';

const { GrowthBookClient } = await import('@growthbook/growthbook');
const imported = performance.now();
const client = new GrowthBookClient({ apiHost: `http://127.0.0.1:${port}`, clientKey: 'sdk-bench' });
await client.init({ timeout: 30_000 });
const ready = performance.now();
const { targetingKey, ...attributes } = question.context;
answered(client.isOn(question.flag.key, { attributes: { id: targetingKey, ...attributes } }), { imported, ready });
