/** Texts that templates made, as the types their schema wants. What a user wrote as a text stays one. */

import { hasOwn, isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';
import { pointer } from '../model/config-problem.ts';

const INTEGER = /^[+-]?\d{1,16}$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/** A copy of `value` with the texts at `templated` coerced where the schema does not take a text. */
export function coerce(value: JsonValue, schema: JsonObject, templated: ReadonlySet<string>): JsonValue {
  return templated.size === 0 ? value : walk(value, [schema], schema, templated, '');
}

function walk(
  value: JsonValue,
  schemas: readonly JsonObject[],
  root: JsonObject,
  templated: ReadonlySet<string>,
  at: string,
): JsonValue {
  if (typeof value === 'string') return templated.has(at) ? coerced(value, schemas, root) : value;
  const all = schemas.flatMap((schema) => branches(schema, root));
  if (Array.isArray(value)) {
    return value.map((item, i) =>
      walk(
        item,
        all.flatMap((schema) => itemOf(schema, i)),
        root,
        templated,
        pointer(at, i),
      ),
    );
  }
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      walk(
        inner,
        all.flatMap((schema) => memberOf(schema, name)),
        root,
        templated,
        pointer(at, name),
      ),
    ]),
  );
}

/** A schema with everything it refers to and combines; references are followed eight deep. */
function branches(schema: JsonObject, root: JsonObject, depth = 0): JsonObject[] {
  if (depth > 8) return [];
  const found = [schema];
  for (const keyword of ['oneOf', 'anyOf', 'allOf']) {
    const list = schema[keyword];
    if (Array.isArray(list))
      for (const one of list) if (isJsonObject(one)) found.push(...branches(one, root, depth + 1));
  }
  for (const keyword of ['then', 'else']) {
    const one = schema[keyword];
    if (isJsonObject(one)) found.push(...branches(one, root, depth + 1));
  }
  const target = referred(schema.$ref, root);
  if (target !== undefined) found.push(...branches(target, root, depth + 1));
  return found;
}

function referred(reference: JsonValue | undefined, root: JsonObject): JsonObject | undefined {
  if (typeof reference !== 'string' || !reference.startsWith('#')) return undefined;
  let here: JsonValue | undefined = root;
  for (const step of reference.slice(1).split('/').slice(1)) {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    here = isJsonObject(here) && hasOwn(here, name) ? here[name] : undefined;
  }
  return isJsonObject(here) ? here : undefined;
}

function itemOf({ items }: JsonObject, index: number): JsonObject[] {
  const one = Array.isArray(items) ? items[index] : items;
  return isJsonObject(one) ? [one] : [];
}

function memberOf({ properties, additionalProperties }: JsonObject, name: string): JsonObject[] {
  const one = isJsonObject(properties) && hasOwn(properties, name) ? properties[name] : additionalProperties;
  return isJsonObject(one) ? [one] : [];
}

function coerced(text: string, schemas: readonly JsonObject[], root: JsonObject): JsonValue {
  const types = new Set(schemas.flatMap((schema) => branches(schema, root)).flatMap(typesOf));
  if (types.has('string')) return text;
  const trimmed = text.trim();
  if (types.has('integer') && INTEGER.test(trimmed) && Number.isSafeInteger(Number(trimmed))) return Number(trimmed);
  if (types.has('number') && NUMBER.test(trimmed) && Number.isFinite(Number(trimmed))) return Number(trimmed);
  if (types.has('boolean') && (trimmed === 'true' || trimmed === 'false')) return trimmed === 'true';
  return text;
}

/** An enumeration without a type says its types by its values. */
function typesOf({ type, enum: values, const: constant }: JsonObject): string[] {
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.filter((one): one is string => typeof one === 'string');
  const given = Array.isArray(values) ? values : constant === undefined ? [] : [constant];
  return given.map((value) => (typeof value === 'number' ? 'number' : typeof value));
}
