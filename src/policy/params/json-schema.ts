/** JSON Schema (draft-07) as policies use it: compiled once, errors with paths, no pattern that can run away. */

import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { isJsonObject } from '../../internal/json.ts';
import { type ConfigProblem, pointer, problem } from '../model/config-problem.ts';
import { FORMATS } from './formats.ts';
import { linearPattern } from './linear-pattern.ts';

/** Largest schema that is compiled, as JSON text. */
export const MAX_SCHEMA_CHARS = 262_144;
/** More problems of one value are not worth reading. */
const MAX_PROBLEMS = 100;

/** A schema that was compiled without a complaint. */
export interface SchemaValidator {
  /** Fills defaults into `value` (in place) and says what else is wrong with it; paths begin with `base`. */
  check(value: JsonValue, base: string): readonly ConfigProblem[];
}

/**
 * Compiles a schema, or says what is wrong with it: unknown types and formats, patterns that are not linear, references that
 * lead nowhere, and defaults that do not pass their own schema. Keywords beyond draft-07 (`x-…`) are kept and ignored.
 */
export function compileSchema(schema: JsonObject, base = ''): SchemaValidator | readonly ConfigProblem[] {
  if (JSON.stringify(schema).length > MAX_SCHEMA_CHARS) {
    return [problem(base, `a schema may have at most ${MAX_SCHEMA_CHARS} characters`)];
  }
  const warnings: string[] = [];
  const ajv = new Ajv(optionsFor(warnings));
  let validate: ValidateFunction;
  try {
    validate = ajv.compile({ ...schema, $id: ROOT_ID });
  } catch (caught) {
    return [problem(base, `the schema cannot be used: ${(caught as Error).message}`)];
  }
  const faults = warnings.filter((text) => text.includes('unknown format')).map((text) => problem(base, text));
  for (const [at, member] of defaultsOf(schema)) faults.push(...defaultFaults(ajv, at, member, base));
  return faults.length > 0 ? faults : { check: (value, from) => problemsOf(validate, value, from) };
}

const ROOT_ID = 'edict:schema';

function optionsFor(warnings: string[]): Options {
  const regExp = Object.assign((pattern: string) => linearPattern(pattern), { code: 'linearPattern' });
  return {
    allErrors: true,
    strict: false,
    useDefaults: true,
    formats: { ...FORMATS },
    code: { regExp },
    logger: { log() {}, warn: (text: unknown) => void warnings.push(String(text)), error() {} },
  };
}

function problemsOf(validate: ValidateFunction, value: unknown, base: string): readonly ConfigProblem[] {
  if (validate(value)) return [];
  const problems = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if').map((error) => found(error, base));
  return problems.slice(0, MAX_PROBLEMS);
}

/** Points at the member that is missing or too much, not at the object around it. */
function found(error: ErrorObject, base: string): ConfigProblem {
  const { keyword, instancePath, params, message = 'is not allowed' } = error;
  const place = base + instancePath;
  switch (keyword) {
    case 'required':
      return problem(pointer(place, String(params.missingProperty)), 'is required');
    case 'additionalProperties':
      return problem(pointer(place, String(params.additionalProperty)), 'is not a known parameter');
    case 'enum':
      return problem(place, `must be one of ${JSON.stringify(params.allowedValues)}`);
    case 'const':
      return problem(place, `must be ${JSON.stringify(params.allowedValue)}`);
    default:
      return problem(place, message);
  }
}

/** Where schemas lie inside a schema: by member one, by member many, or as a list. */
const ONE = new Set([
  'items',
  'additionalProperties',
  'contains',
  'not',
  'if',
  'then',
  'else',
  'propertyNames',
  'additionalItems',
]);
const MANY = new Set(['properties', 'patternProperties', 'definitions', '$defs']);
const LIST = new Set(['oneOf', 'anyOf', 'allOf', 'items']);

/** Every default with the pointer of its schema. */
function* defaultsOf(schema: JsonValue, at = ''): Generator<readonly [at: string, value: JsonValue]> {
  if (!isJsonObject(schema)) return;
  if (schema.default !== undefined) yield [at, schema.default];
  for (const [keyword, inner] of Object.entries(schema)) {
    const below = pointer(at, keyword);
    if (MANY.has(keyword) && isJsonObject(inner)) {
      for (const [name, one] of Object.entries(inner)) yield* defaultsOf(one, pointer(below, name));
    } else if (LIST.has(keyword) && Array.isArray(inner)) {
      for (const [index, one] of inner.entries()) yield* defaultsOf(one, pointer(below, index));
    } else if (ONE.has(keyword)) yield* defaultsOf(inner, below);
  }
}

function defaultFaults(ajv: Ajv, at: string, value: JsonValue, base: string): ConfigProblem[] {
  const validate = ajv.compile({ $ref: `${ROOT_ID}#${encodeURI(at)}` });
  const faults = problemsOf(validate, structuredClone(value), `${base}${at}/default`);
  return faults.map(({ path, message }) => problem(path, `the default does not pass its own schema: ${message}`));
}
