/** LaunchDarkly's server SDK on its default transport, the stream, from nothing to its first answer. */

import { answered, port, question } from './report.mjs';

const { init } = await import('@launchdarkly/node-server-sdk');
const imported = performance.now();
const uri = `http://127.0.0.1:${port}`;
const client = init('sdk-bench', {
  baseUri: uri,
  streamUri: uri,
  eventsUri: uri,
  sendEvents: false,
  diagnosticOptOut: true,
  logger: { error: console.error, warn() {}, info() {}, debug() {} },
});
await client.waitForInitialization({ timeout: 30 });
const ready = performance.now();
const { targetingKey, ...attributes } = question.context;
answered(await client.variation(question.flag.key, { kind: 'user', key: targetingKey, ...attributes }, null), {
  imported,
  ready,
});
