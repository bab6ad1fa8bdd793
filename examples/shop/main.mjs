/**
 * Edict in an online shop: a relay that serves a flag file, a service that decides in-process behind a chain of policies, and
 * a change of the file that arrives while it runs. `--once` ends after that change.
 */

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk';
import { EdictProvider } from 'edict';
import { createRelay } from 'edict/relay';
import { example } from '../../tools/components/examples.mjs';
import { decideAll, differences, median } from './decisions.mjs';
import { addComponent, askThroughPolicies, policyRows, startPolicies } from './policies.mjs';
import { heading, list, say, showAnswers, showDecisions, showDifferences, showPolicies } from './screen.mjs';
import { startService } from './service.mjs';

/** A demo should not keep you waiting; the default, two minutes, suits production. */
const POLL_INTERVAL_MS = 500;
/** Builds the component in a process of its own, which ends with this one. */
const BUILD = fileURLToPath(new URL('../../tools/components/build.mjs', import.meta.url));
/** The day flags.yaml is written for. */
const WRITTEN_FOR = Date.UTC(2025, 11, 1);
const DAY_MS = 86_400_000;

const quiet = { error: console.error, warn() {}, info() {}, debug() {} };
const once = process.argv.includes('--once');
/** `npm start` says so: then what is missing is built, which downloads its tools. */
const builds = process.argv.includes('--build') && !once;
const stopped = new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve);
});
const cleanups = [];
let isStopped = false;

try {
  await Promise.race([run(), stopped]);
} finally {
  isStopped = true;
  for (const cleanup of cleanups.reverse()) await cleanup();
}

async function run() {
  const folder = await mkdtemp(join(tmpdir(), 'edict-shop-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const flagFile = join(folder, 'flags.yaml');
  await writeFile(flagFile, moveDates(await readFile(new URL('flags.yaml', import.meta.url), 'utf8')));

  const relay = await createRelay({ flagFiles: [flagFile], port: 0, logger: quiet });
  cleanups.push(() => relay.close());

  const provider = new EdictProvider({ endpoint: relay.url, pollIntervalMs: POLL_INTERVAL_MS, logger: quiet });
  cleanups.push(() => OpenFeature.close());
  await OpenFeature.setProviderAndWait(provider);
  const client = OpenFeature.getClient();

  const policyFolder = join(folder, 'policies');
  const component = await example('shop', { build: false });
  const policies = await startPolicies(policyFolder, quiet, component.file);
  cleanups.push(() => policies.close());
  const service = await startService(client, policies);
  cleanups.push(() => service.close());

  heading('Edict in an online shop');
  list([
    ['flag file', flagFile],
    ['relay', relay.url],
    ['service', service.url],
    ['policies', policyFolder],
  ]);

  heading('Every flag for three users, decided in this process, in WebAssembly');
  // Twice: the first round shows how long code takes that nobody has run before.
  await decideAll(client, provider.evaluator);
  let rows = await decideAll(client, provider.evaluator);
  showDecisions(rows);
  const around = median(rows.map(({ clientMicros }) => clientMicros));
  say();
  say(`  µs is what the decision itself takes; with the OpenFeature client around it, ${around.toFixed(1)} µs.`);

  heading('The shop answers through a chain of policies, and the policy of a partner never ends');
  // As above: the rounds before the shown one are for code that nobody has run yet.
  for (let round = 0; round < 20; round += 1) await askThroughPolicies(service.url);
  showAnswers(await askThroughPolicies(service.url, { partner: true }));
  say();
  showPolicies(policyRows(policies));
  say();
  say('  loop-forever is stopped when its fuel is used up: its request fails closed. After five of them');
  say('  the partner rests for a second: 503, without asking the policy. The shop goes on.');
  if (component.file === undefined && builds) void bringComponent(policyFolder, policies, service.url);

  const showChange = async (flags, since) => {
    const delay =
      since === undefined ? '' : `, ${((performance.now() - since) / 1000).toFixed(1)} s after the file was written`;
    const now = await decideAll(client, provider.evaluator);
    const pairs = differences(rows, now);
    rows = now;
    heading(`Changed: ${flags.join(', ')}${delay}`);
    if (pairs.length === 0) say('  No decision is another one.');
    else showDifferences(pairs);
  };

  heading('Now the flag file changes: payments by card are paused, the new checkout comes to Germany');
  const changed = nextChange(client);
  const written = performance.now();
  await writeFile(flagFile, changeFlags(await readFile(flagFile, 'utf8')));
  await showChange(await changed, written);
  if (once) return;

  heading('Your turn');
  list([
    ['edit', flagFile],
    ['service', `curl '${service.url}/basket?user=ben'`],
    ['', `curl '${service.url}/flags?user=ana'`],
    ['', `curl -i '${service.url}/partner/offers'`],
    ['relay', `curl -H 'content-type: application/json' -d '{"context":{"country":"DE"}}' \\`],
    ['', `  ${relay.url}/ofrep/v1/evaluate/flags/new-checkout`],
    ['stop', 'Ctrl-C'],
  ]);
  for (;;) await showChange(await nextChange(client));
}

/**
 * Builds the policy in JavaScript while the shop answers, and puts it into the folder that its engine watches. Its tools are
 * large: a minute or two on the first start, nothing later.
 */
async function bringComponent(folder, policies, url) {
  say('  A third policy, in JavaScript, is being built meanwhile, this once; the shop takes it up while it runs.');
  try {
    const built = await buildComponent();
    if (built === undefined) return;
    if (built.file === undefined) {
      heading('The policy in JavaScript could not be built; the shop goes on without it');
      say(`  ${built.reason}`);
      return;
    }
    const loaded = new Promise((resolve) => {
      const stop = policies.onChange(({ routes }) => {
        if (policies.describe().packages.some(({ name }) => name === 'language') && routes.size > 0) resolve(stop());
      });
    });
    await addComponent(folder, built.file);
    await loaded;
    for (let round = 0; round < 20; round += 1) await askThroughPolicies(url);
    heading('The policy in JavaScript is built, and the chain of the running shop has it');
    showAnswers(await askThroughPolicies(url));
    say();
    showPolicies(policyRows(policies));
  } catch (error) {
    say(`  The policy in JavaScript: ${error.message}`);
  }
}

/** `{ file }` or `{ reason }`; undefined when the shop was stopped meanwhile. */
function buildComponent() {
  const child = spawn(process.execPath, [BUILD, '--json', 'shop'], { stdio: ['ignore', 'pipe', 'pipe'] });
  cleanups.push(() => void child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => {
      if (code === null || isStopped) resolve(undefined);
      else if (code === 0) resolve(JSON.parse(output));
      else resolve({ reason: output.trim() });
    });
  });
}

/** The flags of the provider's next change. */
function nextChange(client) {
  return new Promise((resolve) => {
    const handler = ({ flagsChanged }) => {
      client.removeHandler(ProviderEvents.ConfigurationChanged, handler);
      resolve(flagsChanged ?? []);
    };
    client.addHandler(ProviderEvents.ConfigurationChanged, handler);
  });
}

/** The two edits of the demo, as an operator would make them. */
function changeFlags(text) {
  return text.replace('variation: accepted', 'variation: paused').replace('country eq "NL"', 'country in ["NL", "DE"]');
}

/** Moves every date of the file by whole days, so that the season of the file is the one of today. */
function moveDates(text) {
  const days = Math.floor(Date.now() / DAY_MS) - WRITTEN_FOR / DAY_MS;
  return text.replace(/\b\d{4}-\d\d-\d\d(?=T)/g, (day) =>
    new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10),
  );
}
