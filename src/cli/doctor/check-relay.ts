/** Asks a relay for its flags, twice, as the provider would, and tells what came back. */

import { compileNow } from '../../evaluator/compile-now.ts';
import { holdProcess } from '../../options/clock.ts';
import type { EdictOptions } from '../../options/edict-options.ts';
import { optionsFromEnv } from '../../options/env.ts';
import { resolveOptions } from '../../options/resolve.ts';
import {
  type ChangedConfiguration,
  CONFIGURATION_ROUTE,
  ConfigurationClient,
} from '../../relay/configuration-client.ts';
import { RelayConnection } from '../../relay/connection.ts';
import { shownName } from '../console.ts';
import type { Check } from './check.ts';

export interface RelayAddress {
  readonly endpoint?: string;
  readonly apiKey?: string;
  readonly authScheme?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

const REMEDIES: Readonly<Record<string, string>> = {
  UNAUTHORIZED: 'give the key with --api-key (or EDICT_API_KEY); older relays want --auth-scheme bearer',
  FORBIDDEN: 'the key is known but may not read these flags',
  NOT_FOUND: 'check the path of --endpoint; it is the part before /v1',
  NETWORK: 'is the relay running, and is the address right?',
  TIMEOUT: 'the relay is slow or a firewall drops packets; --timeout waits longer',
  INVALID_BODY: 'something else than a relay answers at this address',
};

/** Options come from the command line, then from `EDICT_…` variables. Throws `INVALID_OPTION`. */
export async function checkRelay(address: RelayAddress): Promise<Check[]> {
  const given: EdictOptions = {
    ...optionsFromEnv(),
    ...(address.endpoint === undefined ? {} : { endpoint: address.endpoint }),
    ...(address.apiKey === undefined ? {} : { apiKey: address.apiKey }),
    ...(address.authScheme === undefined ? {} : { authScheme: address.authScheme as 'bearer' }),
    ...(address.timeout === undefined ? {} : { timeoutMs: address.timeout }),
  };
  if (given.endpoint === undefined) {
    return [{ name: 'relay', status: 'note', detail: 'not asked; --endpoint URL checks one' }];
  }
  const options = resolveOptions(given);
  const connection = new RelayConnection({ ...options, endpoint: options.endpoint ?? [] });
  const client = new ConfigurationClient(connection, options);
  const release = holdProcess(options.clock);
  try {
    return await ask(client, connection.endpoint);
  } finally {
    release();
    await connection.close();
  }
}

async function ask(client: ConfigurationClient, endpoint: string): Promise<Check[]> {
  const name = 'relay';
  const url = endpoint + CONFIGURATION_ROUTE;
  const [answer, ms] = await timed(() => client.fetch(undefined));
  if (answer.kind !== 'changed') {
    const error = answer.kind === 'failed' ? answer.error : undefined;
    const code = error?.code ?? 'UNEXPECTED_NOT_MODIFIED';
    const remedy = REMEDIES[code];
    return [
      {
        name,
        status: 'bad',
        detail: `${url}: ${error?.message ?? code}`,
        ...(remedy === undefined ? {} : { remedy }),
        facts: { url, code, status: error?.status ?? null, ms },
      },
    ];
  }
  const version = answer.relayVersion ?? 'a relay that does not say its version';
  const reached: Check = {
    name,
    status: 'ok',
    detail: `200 from ${url} in ${ms} ms, ${answer.body.length} bytes, ${version}`,
    facts: { url, status: 200, ms, bytes: answer.body.length, relayVersion: answer.relayVersion ?? null },
  };
  return [reached, flagsCheck(answer), await validatorCheck(client, answer)];
}

function flagsCheck({ body }: ChangedConfiguration): Check {
  const name = 'flags';
  try {
    const { flagCount, broken } = compileNow({ body }, {});
    const [first] = broken;
    const facts = { flagCount, brokenCount: broken.length };
    if (first === undefined) return { name, status: 'ok', detail: `${flagCount} flags, all compile`, facts };
    const detail = `${broken.length} of ${flagCount} flags do not compile, the first is "${shownName(first.key)}": ${shownName(first.details)}`;
    return { name, status: 'bad', detail, remedy: 'edict lint on the flag file says where', facts };
  } catch (caught) {
    return { name, status: 'bad', detail: (caught as Error).message, remedy: REMEDIES.INVALID_BODY as string };
  }
}

async function validatorCheck(client: ConfigurationClient, { validator }: ChangedConfiguration): Promise<Check> {
  const name = 'ETag';
  if (validator === undefined) {
    const remedy = 'a proxy may strip it; every poll then carries all flags';
    return { name, status: 'bad', detail: 'the answer has none', remedy, facts: { etag: null } };
  }
  const [again, ms] = await timed(() => client.fetch(validator));
  const isKnown = again.kind === 'unchanged';
  return {
    name,
    status: isKnown ? 'ok' : 'bad',
    detail: isKnown ? `${validator}, asked again: 304 in ${ms} ms` : `${validator}, asked again: not 304`,
    ...(isKnown ? {} : { remedy: 'flags that change at this moment, or a proxy that answers for the relay' }),
    facts: { etag: validator, revalidates: isKnown, ms },
  };
}

async function timed<T>(action: () => Promise<T>): Promise<readonly [T, ms: number]> {
  const started = performance.now();
  const result = await action();
  return [result, Math.round((performance.now() - started) * 10) / 10];
}
