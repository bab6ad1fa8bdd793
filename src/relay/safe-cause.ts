/** The cause of an error without what must not be seen in it: whoever prints an error prints its causes too. */

import { inspect } from 'node:util';
import type { SafeLogger } from '../telemetry/logger.ts';

/** Deeper causes, and what lies deeper in one, are cut off. */
const MAX_DEPTH = 5;

type Redaction = Pick<SafeLogger, 'redact' | 'betrays'>;

/**
 * What was caught, itself, when nothing that a log would print of it holds a credential. Otherwise a plain error with its name,
 * code and redacted message, and so for its causes: a caller's `fetch` may hang the whole request on the error it throws.
 */
export function safeCause(caught: unknown, redaction: Redaction): unknown {
  return isClean(caught, redaction) ? caught : copyOf(caught, redaction, MAX_DEPTH);
}

function isClean(caught: unknown, { betrays }: Redaction): boolean {
  try {
    return !betrays(inspect(caught, { depth: MAX_DEPTH, maxStringLength: 10_000, maxArrayLength: 100 }));
  } catch {
    // An object that cannot even be printed (a getter or an `inspect.custom` that throws).
    return false;
  }
}

function copyOf(caught: unknown, redaction: Redaction, depth: number): Error {
  const { name, message, code, cause, errors } = partsOf(caught);
  const inner = cause ?? errors?.at(-1);
  const copy: Error & { code?: string } = new Error(
    redaction.redact(message),
    inner === undefined || depth === 0 ? undefined : { cause: copyOf(inner, redaction, depth - 1) },
  );
  copy.name = redaction.redact(name);
  // Where it was copied says nothing.
  copy.stack = `${copy.name}: ${copy.message}`;
  if (code !== undefined) copy.code = redaction.redact(code);
  return copy;
}

interface Parts {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

function partsOf(caught: unknown): Parts {
  try {
    if (!(caught instanceof Error))
      return { name: 'Error', message: typeof caught === 'string' ? caught : typeof caught };
    const { name, message, cause } = caught;
    const { code } = caught as { code?: unknown };
    return {
      name: `${name}`,
      message: `${message}`,
      ...(typeof code === 'string' ? { code } : {}),
      ...(cause === undefined ? {} : { cause }),
      ...(caught instanceof AggregateError ? { errors: caught.errors } : {}),
    };
  } catch {
    return { name: 'Error', message: 'an error that cannot be read' };
  }
}
