/** Options from environment variables, for callers that ask: nothing else in Edict reads the environment. */

import { EdictError } from '../errors.ts';
import { emptyRecord } from '../internal/json.ts';
import type { EdictOptions } from './edict-options.ts';
import { parseHeaderRecord } from './header-rules.ts';
import type { OptionRow } from './kinds.ts';
import { numberFromText, REFUSED } from './kinds.ts';
import type { OptionName } from './table.ts';
import { OPTION_NAMES, OPTION_TABLE } from './table.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `pollIntervalMs` → `EDICT_POLL_INTERVAL_MS`; `wasmSha256` → `EDICT_WASM_SHA256`. */
export function environmentName(option: OptionName): string {
  return `EDICT_${option.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * Reads `EDICT_<OPTION>` for every option that one text can say, then OpenFeature's `OFREP_ENDPOINT`, `OFREP_HEADERS`
 * and `OFREP_TIMEOUT_MS` for what is still missing. An empty variable counts as not set.
 *
 * @example
 * new EdictProvider({ ...optionsFromEnv(), flagList: ['new-checkout'] }); // values given in code win
 *
 * @throws EdictError INVALID_OPTION, naming the variable and the rule, never the text.
 */
export function optionsFromEnv(env: Environment = process.env): EdictOptions {
  const options = emptyRecord<unknown>();
  for (const name of OPTION_NAMES) {
    const row = OPTION_TABLE[name] as OptionRow<unknown>;
    if (row.fromText === undefined) continue;
    const variable = environmentName(name);
    const text = env[variable];
    if (text !== undefined && text !== '') options[name] = checked(variable, row, row.fromText(text));
  }
  const { endpoint, timeoutMs } = OPTION_TABLE;
  const { OFREP_ENDPOINT, OFREP_TIMEOUT_MS, OFREP_HEADERS } = env;
  if (OFREP_ENDPOINT && options.endpoint === undefined) {
    options.endpoint = checked('OFREP_ENDPOINT', endpoint, OFREP_ENDPOINT);
  }
  if (OFREP_TIMEOUT_MS && options.timeoutMs === undefined) {
    options.timeoutMs = checked('OFREP_TIMEOUT_MS', timeoutMs, numberFromText(OFREP_TIMEOUT_MS));
  }
  if (OFREP_HEADERS) options.headers = parseOfrepHeaders(OFREP_HEADERS);
  // Null-prototype while it was keyed by names, a plain object for the caller who spreads or prints it.
  return { ...options } as EdictOptions;
}

/** Keeps the text's own value (the resolver copies and normalises); only its rule is checked here, for the better message. */
function checked(variable: string, row: Pick<OptionRow<unknown>, 'parse' | 'rule'>, value: unknown): unknown {
  if (row.parse(value) === REFUSED) {
    throw new EdictError('INVALID_OPTION', `environment variable ${variable}: must be ${row.rule}`);
  }
  return value;
}

/** `name=value,name=value`, percent-encoded as a whole: decoded first, then split, as OFREP asks. */
function parseOfrepHeaders(text: string): Record<string, string> {
  const record = emptyRecord<string>();
  for (const pair of decode(text).split(',')) {
    if (pair.trim() === '') continue;
    const equals = pair.indexOf('=');
    if (equals < 1) throw ofrepHeadersError();
    record[pair.slice(0, equals).trim()] = pair.slice(equals + 1).trim();
  }
  if (parseHeaderRecord(record) === undefined) throw ofrepHeadersError();
  return record;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw ofrepHeadersError();
  }
}

function ofrepHeadersError(): EdictError {
  return new EdictError(
    'INVALID_OPTION',
    'environment variable OFREP_HEADERS: must be name=value pairs separated by commas',
  );
}
