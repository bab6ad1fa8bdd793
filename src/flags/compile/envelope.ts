/** Reads the relay's answer down to its flags: size and nesting first, then shape (relay-and-provider §2.2). */

import { EdictError } from '../../errors.ts';
import { hasOwn, isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts';

/** Deepest nesting of `{` and `[` in a configuration document. */
export const MAX_NESTING = 64;
/** The same of a document that came parsed: only what recursion bears, and what finds a document that contains itself. */
const MAX_DOCUMENT_NESTING = 512;
/** Most flags one process takes. */
export const MAX_FLAGS = 50_000;

export interface Envelope {
  readonly flags: JsonObject;
  readonly enrichment: JsonObject;
  /** Carries members of an error answer: zero flags are not credible then (§2.3). */
  readonly suspicious: boolean;
}

/** Parses the body of a configuration answer. Throws `INVALID_BODY` or `CONFIGURATION_TOO_LARGE`. */
export function parseEnvelope(body: Uint8Array): Envelope {
  const depth = nesting(body);
  if (depth > MAX_NESTING) {
    throw new EdictError(
      'INVALID_BODY',
      `the configuration nests more than ${MAX_NESTING} levels; flatten its flag values`,
    );
  }
  let document: JsonValue;
  try {
    document = JSON.parse(new TextDecoder().decode(body)) as JsonValue;
  } catch (caught) {
    throw new EdictError('INVALID_BODY', `the configuration is not JSON: ${(caught as Error).message}`, {
      cause: caught,
    });
  }
  return toEnvelope(document);
}

/** The same for a document that is parsed already, perhaps by nobody: a program can build what JSON cannot say. */
export function readEnvelope(document: unknown): Envelope {
  checkDocument(document, 1);
  return toEnvelope(document);
}

/** Depth first, so that a cycle meets the limit before its breadth does. `undefined` counts as absent. */
function checkDocument(value: unknown, depth: number): void {
  switch (typeof value) {
    case 'bigint':
    case 'function':
    case 'symbol':
      throw new EdictError('INVALID_BODY', `the configuration holds a ${typeof value}, which JSON cannot say`);
    case 'object':
      if (value === null) return;
      if (depth > MAX_DOCUMENT_NESTING) {
        throw new EdictError(
          'INVALID_BODY',
          `the configuration nests more than ${MAX_DOCUMENT_NESTING} levels, or contains itself`,
        );
      }
      for (const member of Array.isArray(value) ? value : Object.values(value)) checkDocument(member, depth + 1);
  }
}

function toEnvelope(document: unknown): Envelope {
  if (!isJsonObject(document)) throw invalid('the configuration is not a JSON object');
  if (hasOwn(document, 'errorCode')) throw invalid('the relay answered an error code in place of a configuration');
  const flags = member(document, 'flags');
  const enrichment = member(document, 'evaluationContextEnrichment') ?? {};
  if (flags === null || (flags !== undefined && !isJsonObject(flags))) throw invalid('`flags` is not an object');
  if (!isJsonObject(enrichment)) throw invalid('`evaluationContextEnrichment` is not an object');
  const count = flags === undefined ? 0 : Object.keys(flags).length;
  if (count > MAX_FLAGS) {
    throw new EdictError(
      'CONFIGURATION_TOO_LARGE',
      `the configuration holds ${count} flags, more than ${MAX_FLAGS}; name the flags this process needs in flagList`,
    );
  }
  return {
    flags: flags ?? {},
    enrichment,
    suspicious: hasOwn(document, 'errorDetails') || hasOwn(document, 'message'),
  };
}

function member(document: JsonObject, name: string): JsonValue | undefined {
  return hasOwn(document, name) ? document[name] : undefined;
}

function invalid(text: string): EdictError {
  return new EdictError('INVALID_BODY', `${text}; check that the endpoint is a relay`);
}

/** Deepest nesting of a JSON text, without parsing it: `JSON.parse` copes with a million levels, what follows does not. */
export function nesting(body: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === 0x22) {
      i++;
      while (i < body.length && body[i] !== 0x22) i += body[i] === 0x5c ? 2 : 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > deepest) deepest = depth;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return deepest;
}
