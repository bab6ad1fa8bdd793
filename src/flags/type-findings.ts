/** Finds every place where a flag's JSON has the wrong type, for flags that {@link parseFlag} refused. */

import type { JsonValue } from '../internal/json.ts';
import type { Finding, FlagPath } from './finding.ts';
import { parseFlag } from './parse-flag.ts';

/** Flags are not this deep; what is deeper is reported at this depth. */
const MAX_DEPTH = 40;
const DATE_REMEDY = 'write dates as 2025-01-31T08:00:00Z, with the zone';
const TYPE_REMEDY = 'use the type that is named last';

/**
 * One finding per wrong place; the first is the one the parser reports. A flag that holds nothing but one part of the
 * whole fails exactly when that part is wrong, so the parts are tried one by one, down to the smallest that still fail.
 * Slow, but only wrong flags pay for it.
 */
export function typeFindings(flag: string, raw: JsonValue, reported: string): Finding[] {
  const findings = failingParts(raw, [], (part) => part).map(({ path, message }): Finding => {
    const field = path.findLast((step) => typeof step === 'string');
    return {
      flag,
      ...ruleOf(path, raw),
      ...(field === undefined ? {} : { field }),
      message,
      path,
      remedy: message.startsWith('json:') ? TYPE_REMEDY : DATE_REMEDY,
    };
  });
  const first = findings.findIndex(({ message }) => message === reported);
  return first < 0 ? findings : [...findings.splice(first, 1), ...findings];
}

interface FailingPart {
  readonly path: FlagPath;
  readonly message: string;
}

/** `wrap` rebuilds a flag around a part. */
function failingParts(part: JsonValue, path: FlagPath, wrap: (part: JsonValue) => JsonValue): FailingPart[] {
  const parsed = parseFlag(wrap(part));
  if ('flag' in parsed) return [];
  const inner: FailingPart[] = [];
  if (typeof part === 'object' && part !== null && path.length < MAX_DEPTH) {
    if (Array.isArray(part)) {
      part.forEach((item, i) => {
        inner.push(...failingParts(item, [...path, i], (child) => wrap([child])));
      });
    } else {
      for (const name of Object.keys(part)) {
        const single = (child: JsonValue): JsonValue => Object.fromEntries([[name, child]]);
        inner.push(...failingParts(part[name] as JsonValue, [...path, name], (child) => wrap(single(child))));
      }
    }
  }
  return inner.length > 0 ? inner : [{ path, message: parsed.error.details }];
}

/** The rule a path leads through. */
function ruleOf(path: FlagPath, raw: JsonValue): { rule?: string } {
  const [first, index] = path;
  if (first === 'defaultRule') return { rule: 'defaultRule' };
  if (first !== 'targeting' || typeof index !== 'number') return {};
  const rules = (raw as { targeting?: JsonValue }).targeting;
  const rule = Array.isArray(rules) ? rules[index] : undefined;
  const name = typeof rule === 'object' && rule !== null && !Array.isArray(rule) ? rule.name : undefined;
  return { rule: typeof name === 'string' && name !== '' ? name : `targeting[${index}]` };
}
