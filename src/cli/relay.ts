/** `edict relay --flags FILE`: runs the embedded relay until it is told to stop. */

import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { validateFlag } from '../flags/validate.ts';
import { VERSION } from '../relay/user-agent.ts';
import { createRelay, type ExporterOption, type Relay } from '../server/index.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Paint, paintFor, type Style } from './colour.ts';
import { alignColumns, type Cell } from './columns.ts';
import { print, printError, printJson } from './console.ts';
import { ExitCode } from './exit-codes.ts';
import { loadFlags } from './flag-files.ts';
import { readObjectArgument } from './json-argument.ts';
import { UsageError } from './usage-error.ts';

export interface RelayCommandOptions {
  readonly flags: readonly string[];
  readonly port: number;
  readonly host: string;
  readonly apiKey?: readonly string[];
  readonly adminKey?: readonly string[];
  readonly enrich?: string;
  readonly exportFile?: string;
  readonly exportLog?: boolean;
  readonly exportWebhook?: string;
  readonly exportSecret?: string;
  /** Milliseconds. */
  readonly poll: number;
  /** Folder of policies. */
  readonly policies?: string;
  readonly faults?: boolean;
  readonly json?: boolean;
}

const ROUTES = [
  ['POST', '/v1/flag/configuration', 'the flags, for in-process providers (ETag, 304)'],
  ['POST', '/ofrep/v1/evaluate/flags/{key}', 'one decision (OFREP)'],
  ['POST', '/ofrep/v1/evaluate/flags', 'all decisions of a context (OFREP)'],
  ['POST', '/v1/data/collector', 'takes usage events of providers'],
  ['GET', '/v1/flag/change', 'the ETag of the flags in force'],
  ['GET', '/stream/v1/sse/flag/change', 'changes as server-sent events'],
  ['GET', '/openfeature/v0/manifest', 'flags with a default value, for code generators'],
  ['GET', '/health', 'alive; /health?ready says whether every file is in force'],
  ['GET', '/info', 'when the flags were loaded, what was left out'],
  ['GET', '/metrics', 'Prometheus metrics'],
] as const;
const POLICY_ROUTES = [
  ['POST', '/v1/policy/configuration', 'the policies, for engines (ETag, 304)'],
  ['GET', '/v1/policy/modules/sha256/{hex}', 'a module by its digest; manifests and resources alike'],
  ['GET', '/stream/v1/sse/policy/change', 'changes of policies as server-sent events'],
] as const;
const FAULTS_ROUTE = ['PUT', '/edict/v1/faults', 'spoil answers on purpose; GET lists, DELETE clears'] as const;

/** Resolves after SIGINT or SIGTERM, when the relay has ended. Rejects with an `EdictError` when it cannot start. */
export async function runRelay(options: RelayCommandOptions): Promise<ExitCode> {
  const apiKeys = await readKeys('--api-key', options.apiKey ?? []);
  const adminKeys = await readKeys('--admin-key', options.adminKey ?? []);
  const exporters = await readExporters(options);
  const enrichment = await readObjectArgument('--enrich', options.enrich ?? '{}');
  const stopped = untilSignal();
  const relay = await createRelay({
    flagFiles: options.flags,
    host: options.host,
    port: options.port,
    apiKeys,
    adminKeys,
    exporters,
    evaluationContextEnrichment: enrichment,
    checkIntervalMs: options.poll,
    ...(options.policies === undefined ? {} : { policies: options.policies }),
    faults: options.faults === true,
    logger: stderrLogger(paintFor(process.stderr)),
  });
  try {
    await announce(relay, options, apiKeys.length);
    const signal = await stopped;
    if (options.json !== true) printError(`${signal}: the relay has ended`);
  } finally {
    await relay.close();
  }
  return ExitCode.fine;
}

/** A key in place, or `@file` with one key a line: what stands on a command line is seen by everybody on the machine. */
async function readKeys(option: string, values: readonly string[]): Promise<string[]> {
  const keys = (await Promise.all(values.map((value) => readLines(option, value)))).flat();
  if (values.length > 0 && keys.length === 0) throw new UsageError(`${option}: the file holds no key`);
  return keys;
}

async function readLines(option: string, value: string): Promise<string[]> {
  if (!value.startsWith('@')) return [value];
  try {
    const lines = (await readFile(value.slice(1), 'utf8')).split(/\r?\n/);
    return lines.map((line) => line.trim()).filter((line) => line !== '');
  } catch (caught) {
    throw new UsageError(`${option}: cannot read ${value.slice(1)}: ${(caught as Error).message}`);
  }
}

async function readExporters(options: RelayCommandOptions): Promise<ExporterOption[]> {
  const { exportFile, exportLog, exportWebhook, exportSecret } = options;
  if (exportSecret !== undefined && exportWebhook === undefined) {
    throw new UsageError('--export-secret signs what is posted to a webhook: it goes with --export-webhook');
  }
  const exporters: ExporterOption[] = [];
  if (exportFile !== undefined) exporters.push({ type: 'file', path: exportFile });
  if (exportLog === true) exporters.push({ type: 'log' });
  if (exportWebhook !== undefined) {
    const [secret = ''] = exportSecret === undefined ? [] : await readKeys('--export-secret', [exportSecret]);
    exporters.push({ type: 'webhook', url: exportWebhook, secret });
  }
  return exporters;
}

async function announce(relay: Relay, options: RelayCommandOptions, keyCount: number): Promise<void> {
  const flags = await loadFlags(options.flags);
  const left = [...flags].filter(([key, { value }]) => validateFlag(key, value).length > 0).length;
  if (!isLoopback(options.host) && keyCount === 0) {
    const warning = paintFor(process.stderr)('yellow', 'warning');
    printError(`${warning}: everybody who reaches ${relay.host}:${relay.port} may read the flags; --api-key closes it`);
  }
  if (options.json === true) {
    printJson({ url: relay.url, host: relay.host, port: relay.port, flagCount: flags.size - left, leftOut: left });
    return;
  }
  const paint = paintFor(process.stdout);
  print(`${paint('bold', `Edict relay ${VERSION}`)} on ${paint('cyan', relay.url)}`);
  print();
  const count = `${flags.size - left} from ${options.flags.join(', ')}${left === 0 ? '' : `; ${left} left out`}`;
  const keys = keyCount === 0 ? 'none: whoever reaches the port may ask' : `${keyCount}, as X-API-Key or Bearer`;
  const facts: Cell[][] = [
    [{ text: 'flags', style: 'dim' }, { text: count }],
    [{ text: 'keys', style: 'dim' }, { text: keys }],
  ];
  if (options.policies !== undefined) facts.push([{ text: 'policies', style: 'dim' }, { text: options.policies }]);
  const exports = exportPlaces(options);
  if (exports !== '') facts.push([{ text: 'events', style: 'dim' }, { text: exports }]);
  for (const line of alignColumns(facts, paint, '  ')) print(line);
  print();
  const served = [
    ...ROUTES,
    ...(options.policies === undefined ? [] : POLICY_ROUTES),
    ...(options.faults === true ? [FAULTS_ROUTE] : []),
  ];
  const routes = served.map(([method, path, what]): Cell[] => [
    { text: method },
    { text: path },
    { text: what, style: 'dim' },
  ]);
  for (const line of alignColumns(routes, paint, '  ')) print(line);
  print();
  print(paint('dim', 'Changes of the files are taken up as they happen. Ctrl-C ends the relay.'));
}

/** Where usage events go, for people; of a webhook no more than its host, because its path may be a secret. */
function exportPlaces({ exportFile, exportLog, exportWebhook }: RelayCommandOptions): string {
  const places: string[] = [];
  if (exportFile !== undefined) places.push(`to ${exportFile}`);
  if (exportLog === true) places.push('to this log');
  if (exportWebhook !== undefined) places.push(`to ${new URL(exportWebhook).host}`);
  return places.join(', ');
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** The relay's log on standard error: time, then the message, coloured by level. */
function stderrLogger(paint: Paint): Logger {
  const write = (style: Style) => (message: unknown) => {
    const time = new Date().toLocaleTimeString('en-GB');
    printError(`${paint('dim', time)} ${paint(style, String(message).replace(/^edict: /, ''))}`);
  };
  return { error: write('red'), warn: write('yellow'), info: write('green'), debug: () => undefined };
}

/** The first signal ends the relay in order; a second one, the process. */
function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const listener = (signal: NodeJS.Signals): void => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.removeListener(name, listener);
      resolve(signal);
    };
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, listener);
  });
}
