/** Reads the bodies of OFREP: one evaluation, many, or the reason why there is none. */

import type { JsonObject, JsonValue } from '../internal/json.ts';
import { isJsonObject } from '../internal/json.ts';

/** The relay evaluated the flag. */
export interface OfrepValue {
  readonly kind: 'value';
  /** As the relay names the flag, where it does. */
  readonly key: string | undefined;
  /** Frozen. `null` when there is none: the caller's default belongs there. */
  readonly value: JsonValue;
  /** Opaque text. */
  readonly reason: string | undefined;
  readonly variant: string | undefined;
  /** Frozen. */
  readonly metadata: Readonly<JsonObject>;
}

/** The relay could not evaluate the flag, and says why: the flag's error, or the context's, not an outage. */
export interface OfrepError {
  readonly kind: 'error';
  readonly key: string | undefined;
  /** As the relay wrote it; OpenFeature may not know it. */
  readonly code: string;
  readonly details: string;
  readonly metadata: Readonly<JsonObject>;
}

export type OfrepEvaluation = OfrepValue | OfrepError;

/** A flag's value and metadata may nest this deep; a relay refuses a configuration long before. */
const MAX_LEVELS = 128;

const NO_METADATA: Readonly<JsonObject> = Object.freeze({});

/** The evaluation in the body of a 200; `undefined` when it is none. */
export function readEvaluation(bytes: Uint8Array): OfrepEvaluation | undefined {
  return evaluationOf(parse(bytes));
}

/** The evaluations in the body of a bulk 200, in the relay's order; `undefined` when it has none. */
export function readEvaluations(bytes: Uint8Array): readonly OfrepEvaluation[] | undefined {
  const body = parse(bytes);
  if (!isJsonObject(body) || !Array.isArray(body.flags)) return undefined;
  const evaluations: OfrepEvaluation[] = [];
  for (const member of body.flags) {
    const evaluation = evaluationOf(member);
    // An answer that names no flag answers nothing.
    if (evaluation?.key === undefined) return undefined;
    evaluations.push(evaluation);
  }
  return evaluations;
}

/**
 * The evaluation error in the body of a 400 or 404; `undefined` for any other body: then it is the request that was refused,
 * or the route that does not exist.
 */
export function readError(bytes: Uint8Array): OfrepError | undefined {
  const body = parse(bytes);
  const evaluation = isJsonObject(body) ? evaluationOf(body) : undefined;
  return evaluation?.kind === 'error' ? evaluation : undefined;
}

function parse(bytes: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Members that are `null` count as absent; members of another kind make the answer unreadable. */
function evaluationOf(body: JsonValue | undefined): OfrepEvaluation | undefined {
  if (!isJsonObject(body)) return undefined;
  const { key, value, reason, variant, errorCode, errorDetails, metadata } = body;
  if (![key, reason, variant, errorCode, errorDetails].every(isTextOrNone)) return undefined;
  const facts = metadata ?? NO_METADATA;
  if (!isJsonObject(facts) || !freezeWithin(facts, MAX_LEVELS)) return undefined;
  const name = textOf(key);
  const code = textOf(errorCode) ?? '';
  if (code !== '') return { kind: 'error', key: name, code, details: textOf(errorDetails) ?? '', metadata: facts };
  // `{}` and a gateway's `{"message":"ok"}` say nothing about any flag.
  if (value === undefined && name === undefined && textOf(reason) === undefined) return undefined;
  if (value !== undefined && !freezeWithin(value, MAX_LEVELS)) return undefined;
  return {
    kind: 'value',
    key: name,
    value: value ?? null,
    reason: textOf(reason),
    variant: textOf(variant),
    metadata: facts,
  };
}

function isTextOrNone(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || typeof value === 'string';
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Answers may be shared between calls, so nobody may change them. False when they nest deeper than `levels`. */
function freezeWithin(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  for (const member of Object.values(value)) if (!freezeWithin(member, levels - 1)) return false;
  Object.freeze(value);
  return true;
}
