/** Edict inside the SDK's multi-provider: flags come from the relay, those that it does not have from memory. */

import { InMemoryProvider, MultiProvider, OpenFeature } from '@openfeature/server-sdk';
import { EdictProvider } from 'edict';
import { createRelay } from 'edict/relay';

const quiet = { error: console.error, warn() {}, info() {}, debug() {} };
const flags = {
  'new-checkout': { variations: { on: true, off: false }, defaultRule: { variation: 'on' } },
};
const relay = await createRelay({ flags, port: 0, logger: quiet });

const edict = new EdictProvider({ endpoint: relay.url, logger: quiet });
const memory = new InMemoryProvider({
  // The relay has it too, so nobody asks here.
  'new-checkout': { variants: { off: false }, defaultVariant: 'off', disabled: false },
  // Not on the relay yet: a feature on somebody's own machine.
  'dark-mode': { variants: { on: true }, defaultVariant: 'on', disabled: false },
});
// The first that has the flag answers (FirstMatchStrategy, the default); only FLAG_NOT_FOUND asks the next.
await OpenFeature.setProviderAndWait(new MultiProvider([{ provider: edict }, { provider: memory }]));

const client = OpenFeature.getClient();
for (const key of ['new-checkout', 'dark-mode', 'no-such-flag']) {
  const { value, reason, variant = '-' } = await client.getBooleanDetails(key, false);
  const isOnRelay = edict.evaluator.evaluate(key, {}).errorCode === undefined;
  const source = isOnRelay ? 'Edict' : reason === 'ERROR' ? 'nobody' : 'memory';
  console.log(`${key.padEnd(14)}${String(value).padEnd(7)}${variant.padEnd(5)}${reason.padEnd(8)}${source}`);
}

await OpenFeature.close();
await relay.close();
