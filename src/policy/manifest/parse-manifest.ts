/** `policy.yaml` from its text: checked whole, every mistake with its path, defaults filled in. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { type ConfigProblem, problem } from '../model/config-problem.ts';
import type { BodyMode, HeaderMode, ProcessingModes } from '../model/modes.ts';
import { compileSchema, type SchemaValidator } from '../params/json-schema.ts';
import { jsonFault } from './json-fault.ts';
import {
  type Capabilities,
  DEFAULT_KV_BYTES,
  DEFAULT_LIMITS,
  type HeaderSelection,
  type ManifestInputs,
  type ManifestOutputs,
  type PolicyManifest,
  type SelfTest,
} from './manifest.ts';
import { MANIFEST_SCHEMA } from './manifest-schema.ts';
import { readYaml } from './read-yaml.ts';

/** A manifest, or everything that is wrong with it. */
export type ManifestResult = { readonly manifest: PolicyManifest } | { readonly problems: readonly ConfigProblem[] };

/** Reads YAML or JSON text. Never throws. */
export function parseManifest(text: string): ManifestResult {
  const read = readYaml(text);
  return 'fault' in read ? { problems: [problem('', read.fault, 'MODULE_INVALID')] } : manifestOf(read.value);
}

/** Reads a manifest that is JSON already, such as one from a relay. Never throws; the value is not changed. */
export function manifestOf(value: JsonValue): ManifestResult {
  if (!isJsonObject(value)) return { problems: [problem('', 'a manifest is an object', 'MODULE_INVALID')] };
  const fault = jsonFault(value);
  if (fault !== undefined) return { problems: [problem('', fault, 'MODULE_INVALID')] };
  const problems = rules()
    .check(value, '')
    .map((found): ConfigProblem => ({ ...found, code: 'MODULE_INVALID' }));
  if (problems.length > 0) return { problems };
  const faults = [
    ...schemaFaults(value, 'parameters'),
    ...schemaFaults(value, 'systemParameters'),
    ...crossFaults(value),
  ];
  return faults.length > 0 ? { problems: faults } : { manifest: filled(value) };
}

let compiled: SchemaValidator | undefined;

/** Compiled on first use: a process without policies never pays for it. */
function rules(): SchemaValidator {
  compiled ??= compileSchema(MANIFEST_SCHEMA) as SchemaValidator;
  return compiled;
}

/** The schemas of parameters are looked at when the manifest is read, not when the first parameters come (spec §4.2). */
function schemaFaults(value: JsonObject, member: 'parameters' | 'systemParameters'): readonly ConfigProblem[] {
  const schema = value[member];
  if (!isJsonObject(schema)) return [];
  const result = compileSchema(schema, `/${member}`);
  return 'check' in result ? [] : result.map((found): ConfigProblem => ({ ...found, code: 'MODULE_INVALID' }));
}

/** Rules between fields. */
function crossFaults(value: JsonObject): ConfigProblem[] {
  const faults: ConfigProblem[] = [];
  const say = (path: string, message: string): void => void faults.push(problem(path, message, 'MODULE_INVALID'));
  const abi = value.abi ?? 'edict-core/1';
  if (abi !== 'native' && value.module === undefined) say('/module', 'is required unless abi is native');
  const carry = memberOf(value, 'state').carry;
  if (carry === 'kv' && memberOf(value, 'capabilities').kv === undefined) {
    say('/state/carry', 'kv needs the capability kv');
  }
  const modes = modesOf(value);
  if (Object.values(modes).every((mode) => mode === 'skip'))
    say('/processing', 'the policy asks for no part of an exchange');
  for (const hook of Object.keys(memberOf(value, 'outputs')) as (keyof ProcessingModes)[]) {
    if (modes[hook] === 'skip') say(`/outputs/${hook}`, 'this hook is skipped, so it writes nothing');
  }
  return faults;
}

function filled(value: JsonObject): PolicyManifest {
  const text = (member: string): string | undefined => value[member] as string | undefined;
  const name = text('name') as string;
  const metadata = memberOf(value, 'metadata');
  const inputs = memberOf(value, 'inputs');
  const names = (list: JsonValue | undefined): readonly string[] => (list ?? []) as string[];
  return Object.freeze<PolicyManifest>({
    apiVersion: 'edict/v1',
    name,
    version: text('version') as string,
    displayName: text('displayName') ?? name,
    description: text('description') ?? '',
    managedBy: text('managedBy'),
    module: moduleOf(value.module),
    abi: (value.abi ?? 'edict-core/1') as PolicyManifest['abi'],
    language: text('language'),
    signature: text('signature'),
    processing: modesOf(value),
    inputs: inputsOf(inputs),
    outputs: outputsOf(memberOf(value, 'outputs')),
    metadata: {
      reads: [...names(metadata.reads), ...names(memberOf(inputs, 'metadata').reads)],
      writes: names(metadata.writes),
    },
    scope: (value.scope ?? 'per-route') as PolicyManifest['scope'],
    state: { carry: (memberOf(value, 'state').carry ?? 'none') as PolicyManifest['state']['carry'] },
    acceptsTruncated: value.acceptsTruncated === true,
    async: (value.async ?? 'none') as PolicyManifest['async'],
    capabilities: capabilitiesOf(memberOf(value, 'capabilities')),
    limits: { ...DEFAULT_LIMITS, ...memberOf(value, 'limits') },
    minimumTier: (value.minimumTier ?? 'metered') as PolicyManifest['minimumTier'],
    failureMode: (value.failureMode ?? 'closed') as PolicyManifest['failureMode'],
    metrics: (value.metrics ?? []) as JsonObject[],
    parameters: memberOf(value, 'parameters'),
    systemParameters: memberOf(value, 'systemParameters'),
    selfTest: ((value.selfTest ?? []) as JsonObject[]).map(selfTestOf),
    source: value,
  });
}

function memberOf(value: JsonObject, member: string): JsonObject {
  const inner = value[member];
  return isJsonObject(inner) ? inner : {};
}

/** Modes may be written as the reference engine writes them, in capitals. */
function modesOf(value: JsonObject): ProcessingModes {
  const processing = memberOf(value, 'processing');
  const mode = (hook: string): string => String(processing[hook] ?? 'skip').toLowerCase();
  return {
    requestHeaders: mode('requestHeaders') as HeaderMode,
    requestBody: mode('requestBody') as BodyMode,
    responseHeaders: mode('responseHeaders') as HeaderMode,
    responseBody: mode('responseBody') as BodyMode,
  };
}

function moduleOf(value: JsonValue | undefined): PolicyManifest['module'] {
  if (!isJsonObject(value)) return undefined;
  return {
    file: value.file as string,
    sha256: value.sha256 as string,
    bytes: value.bytes as number | undefined,
  };
}

/** What is not declared is not sent; headers are so common that they are the default. */
function inputsOf(inputs: JsonObject): ManifestInputs {
  const yes = (member: string, otherwise = false): boolean => (inputs[member] as boolean | undefined) ?? otherwise;
  return {
    headers: headersOf((inputs.headers ?? 'all') as HeaderSelection),
    body: yes('body'),
    downstream: yes('downstream'),
    upstream: yes('upstream'),
    auth: yes('auth'),
    api: yes('api'),
  };
}

function headersOf(selection: HeaderSelection): HeaderSelection {
  return selection === 'all'
    ? 'all'
    : selection.map((name) => (name.startsWith('params:') ? name : name.toLowerCase()));
}

function outputsOf(outputs: JsonObject): ManifestOutputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([hook, names]) => [hook, headersOf(names as HeaderSelection)]),
  );
}

function capabilitiesOf(given: JsonObject): Capabilities {
  const granted = (name: string): boolean => given[name] === true;
  const { kv, http } = given;
  return {
    log: granted('log'),
    clock: granted('clock'),
    random: granted('random'),
    metrics: granted('metrics'),
    flags: granted('flags'),
    metadata: granted('metadata'),
    kv: isJsonObject(kv)
      ? { namespaces: kv.namespaces as string[], maxBytes: (kv.maxBytes ?? DEFAULT_KV_BYTES) as number }
      : undefined,
    crypto: (given.crypto ?? []) as string[],
    http: isJsonObject(http) ? { allow: (http.allow ?? []) as object[] } : undefined,
    hopByHop: granted('hopByHop'),
  };
}

function selfTestOf(given: JsonObject): SelfTest {
  return {
    phase: given.phase as SelfTest['phase'],
    input: memberOf(given, 'input'),
    expect: memberOf(given, 'expect'),
  };
}
