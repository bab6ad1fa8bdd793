/** The parameters of one position, as its policy is given them: filled in, coerced, checked, merged, frozen (spec §4.3). */

import { canonicalJson } from '../../internal/canonical-json.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { type Sha256, sha256 } from '../../internal/sha256.ts';
import type { PolicyManifest } from '../manifest/manifest.ts';
import { type ConfigProblem, problem } from '../model/config-problem.ts';
import { coerce } from './coerce.ts';
import type { ConfigResolver } from './config-references.ts';
import { compileSchema, type SchemaValidator } from './json-schema.ts';
import type { Redactor } from './redactor.ts';
import { systemParams } from './system-params.ts';
import { fillIn, type TemplateSources } from './templates.ts';

/** Largest parameters of one position, as JSON text. */
export const MAX_PARAMS_CHARS = 1_048_576;

export interface ParamsInput {
  readonly manifest: Pick<PolicyManifest, 'parameters' | 'systemParameters'>;
  /** As the user wrote them; absent is an empty object. */
  readonly given: JsonValue | undefined;
  readonly attachedTo: 'api' | 'route';
  /** Where they stand in the document. */
  readonly path: string;
  readonly sources: TemplateSources;
  readonly redactor: Redactor;
  /** Needed where the manifest refers to the configuration. */
  readonly resolve: ConfigResolver | undefined;
}

export interface ResolvedParams {
  readonly params: Readonly<JsonObject>;
  readonly digest: Sha256;
}

/** Parameters ready for `create`, or everything that is wrong with them, without a secret in it. */
export function resolveParams(input: ParamsInput): ResolvedParams | { readonly problems: readonly ConfigProblem[] } {
  const { manifest, given = {}, attachedTo, path, sources, redactor, resolve } = input;
  if (!isJsonObject(given)) return { problems: [problem(path, 'parameters are an object')] };
  if (JSON.stringify(given).length > MAX_PARAMS_CHARS) {
    return { problems: [problem(path, `parameters may have at most ${MAX_PARAMS_CHARS} characters`)] };
  }
  const filled = fillIn(given, path, sources, redactor);
  if (filled.problems.length > 0) return { problems: clean(filled.problems, redactor) };
  const user = coerceBoth(filled.value as JsonObject, manifest, filled.templated);
  const system = systemParams(manifest.systemParameters, resolve, user, path);
  // What the operator's schema declares may be overridden by the user, and is then checked by that schema.
  const declared = Object.keys(propertiesOf(manifest.systemParameters));
  const known = Object.keys(propertiesOf(manifest.parameters));
  const overrides = Object.fromEntries(Object.entries(user).filter(([name]) => declared.includes(name)));
  const own = Object.fromEntries(
    Object.entries(user).filter(([name]) => known.includes(name) || !declared.includes(name)),
  );
  const merged = { ...system.params, ...overrides };
  const problems = [
    ...system.problems,
    ...validatorOf(manifest.systemParameters).check(merged, path),
    ...validatorOf(manifest.parameters).check(own, path),
  ];
  if (problems.length > 0) return { problems: clean(unique(problems), redactor) };
  const params = deepFreeze({ ...merged, ...own, attachedTo });
  return { params, digest: paramsDigest(params) };
}

/**
 * Over canonical JSON. Against RFC 8785: members are in the order of their code points instead of UTF-16 units, `<`, `>`,
 * `&`, U+2028 and U+2029 are escaped, lone surrogates are U+FFFD, and -0 is kept. Parameters of ASCII names without these
 * characters have the digest that the RFC gives.
 */
export function paramsDigest(params: Readonly<JsonObject>): Sha256 {
  return sha256(canonicalJson(params));
}

function coerceBoth(
  value: JsonObject,
  { parameters, systemParameters }: ParamsInput['manifest'],
  templated: ReadonlySet<string>,
): JsonObject {
  const once = coerce(value, parameters as JsonObject, templated);
  return coerce(once, systemParameters as JsonObject, templated) as JsonObject;
}

/** By the object of the schema, so that a manifest compiles once however many positions use it. */
const validators = new WeakMap<object, SchemaValidator>();

/** Manifests are checked when they are read; a schema that came another way and does not compile refuses everything. */
function validatorOf(schema: Readonly<JsonObject>): SchemaValidator {
  let validator = validators.get(schema);
  if (validator === undefined) {
    const compiled = compileSchema(schema as JsonObject);
    validator = 'check' in compiled ? compiled : { check: (_value, base) => [problem(base, 'the schema is broken')] };
    validators.set(schema, validator);
  }
  return validator;
}

function propertiesOf({ properties }: Readonly<JsonObject>): JsonObject {
  return isJsonObject(properties) ? properties : {};
}

/** A parameter that is missing is found twice: by what the configuration lacks, and by the schema. */
function unique(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => {
    const missing = message.startsWith('is required') ? `${path} required` : `${path} ${message}`;
    return seen.has(missing) ? false : seen.add(missing);
  });
}

function clean(problems: readonly ConfigProblem[], redactor: Redactor): ConfigProblem[] {
  return problems.map((one) => ({ ...one, path: redactor.redact(one.path), message: redactor.redact(one.message) }));
}

function deepFreeze<T extends JsonValue>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner as JsonValue);
  }
  return value;
}
