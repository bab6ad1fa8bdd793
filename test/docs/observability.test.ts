/** Holds docs/observability.md equal to what diagnostics(), the instruments and the channels really are. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NO_FACTS } from '../../src/evaluator/evaluator-facts.ts';
import type { EdictOptions } from '../../src/options/edict-options.ts';
import { POLICY_METRIC_ROWS } from '../../src/policy-engine/policy-metric-rows.ts';
import type { Diagnostics } from '../../src/provider/diagnostics.ts';
import { EdictProvider } from '../../src/provider/edict-provider.ts';
import { INSTRUMENT_ROWS } from '../../src/provider/instrument-rows.ts';
import { json, reply, ScriptedRelay } from '../unit/relay/support/scripted-relay.ts';

const text = readFileSync(new URL('../../docs/observability.md', import.meta.url), 'utf8');
const section = (title: string): string => text.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const rows = (title: string): string[][] =>
  [...section(title).matchAll(/^\| (.*) \|$/gm)].slice(1).map((row) => (row[1] as string).split(' | '));
const quoted = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((found) => found[1] as string);

/** A provider that has everything its mode can have, started. */
async function shownBy(options: EdictOptions): Promise<Diagnostics> {
  const relay = await ScriptedRelay.start((exchange) => {
    const { path } = exchange.request;
    if (path.startsWith('/stream/')) return reply(404, '')(exchange);
    json(
      path.endsWith('/change')
        ? '{"hash":1,"flags":{}}'
        : '{"flags":{"f":{"variations":{"v":1},"defaultRule":{"variation":"v"}}}}',
    )(exchange);
  });
  onTestFinished(() => relay.close());
  const logger = { error() {}, warn() {}, info() {}, debug() {} };
  const provider = new EdictProvider({ endpoint: relay.url, logger, streaming: 'sse', ...options });
  onTestFinished(() => provider.onClose());
  await provider.initialize();
  return provider.diagnostics();
}

/** Members, and members of members. */
function paths(shown: Diagnostics): string[] {
  return Object.entries(shown).flatMap(([name, value]) => {
    const isGroup = typeof value === 'object' && value !== null && name !== 'options';
    return isGroup ? [name, ...Object.keys(value).map((inner) => `${name}.${inner}`)] : [name];
  });
}

describe('docs/observability.md', () => {
  it('lists every member of diagnostics(), and no other', async () => {
    const persistPath = new URL('../../no-such-folder/flags', import.meta.url);
    const all = [
      ...paths(await shownBy({ persistPath })),
      ...paths(await shownBy({ evaluationType: 'remote', remoteCacheMaxEntries: 1 })),
    ];
    const documented = rows('`diagnostics()`').map(([member]) => quoted(member)[0] as string);
    expect(new Set(documented).size).toBe(documented.length);
    expect([...documented].sort()).toEqual([...new Set(all)].sort());
    expect(Object.keys(NO_FACTS).filter((name) => !documented.includes(name))).toEqual([]);
  });

  it('lists the instruments with kind, unit and description, in the order of the table', () => {
    const documented = rows('Metrics').map(([name, kind, unit, , what]) => [
      quoted(name)[0],
      kind,
      quoted(unit)[0],
      what,
    ]);
    expect(documented).toEqual(
      INSTRUMENT_ROWS.map(({ name, kind, unit, description }) => [name, kind, unit, description]),
    );
  });

  it('lists the attributes that each instrument has', async () => {
    const base = await shownBy({});
    const remote = await shownBy({ evaluationType: 'remote', remoteCacheMaxEntries: 1 });
    const failed = { ...base.feed?.polls, failedByCode: { NETWORK: 1 } };
    const busy = {
      ...base,
      feed: { ...base.feed, polls: failed },
      evaluations: remote.evaluations,
      cache: remote.cache,
    };
    const documented = rows('Metrics').map(([name, , , attributes]) => [quoted(name)[0], quoted(attributes)]);
    const real = INSTRUMENT_ROWS.map(({ name, observe }) => {
      const names = new Set<string>();
      observe(busy as unknown as Diagnostics, (_, attributes = {}) => {
        for (const attribute of Object.keys(attributes)) names.add(attribute);
      });
      return [name, [...names]];
    });
    expect(documented).toEqual(real);
  });

  it('lists the instruments of policies with kind, unit and description, in the order of the table (P-35)', () => {
    const documented = rows('Metrics of policies').map(([name, kind, unit, , what]) => [
      quoted(name)[0],
      kind,
      quoted(unit)[0],
      what,
    ]);
    const histograms = documented.filter(([, kind]) => kind === 'histogram').map(([name]) => name);
    expect(documented.filter(([, kind]) => kind !== 'histogram')).toEqual(
      POLICY_METRIC_ROWS.map(({ name, kind, unit, description }) => [name, kind, unit, description]),
    );
    const source = readFileSync(new URL('../../src/policy-engine/policy-metrics.ts', import.meta.url), 'utf8');
    const made = [...source.matchAll(/[hH]istogram\(\s*'(\w+)'/g)].map(([, name]) => name);
    expect(histograms).toEqual(made);
  });

  it('lists the channels, and the members of their messages', () => {
    const source = readFileSync(new URL('../../src/telemetry/channels.ts', import.meta.url), 'utf8');
    const declared = [...source.matchAll(/readonly '(edict:\w+)': \{([^}]*)\}/g)].map(([, name, body]) => [
      name,
      [...(body as string).matchAll(/readonly (\w+):/g)].map((member) => member[1]),
    ]);
    const documented = rows('Channels').map(([name, , message]) => [
      quoted(name)[0],
      quoted((message as string).replace(/\([^)]*\)/g, '')),
    ]);
    expect(documented).toEqual(declared);
  });

  it('quotes lines that the code really writes', () => {
    const root = new URL('../../src/', import.meta.url);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
    const code = files.map((path) => readFileSync(new URL(path, root), 'utf8')).join('\n');
    const lines = rows('Lines of the log worth an alert').map(([line]) => quoted(line)[0] as string);
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter((line) => !code.includes(line))).toEqual([]);
  });
});
