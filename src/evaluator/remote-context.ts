/** An evaluation context as the JSON that travels to a relay (relay-and-provider §4.3), by the rules of context-values.ts. */

import { EdictError } from '../errors.ts';
import { canonicalJson } from '../internal/canonical-json.ts';
import { emptyRecord, isJsonObject, type JsonValue } from '../internal/json.ts';
import {
  CONTEXT_MAX_DEPTH,
  CONTEXT_MAX_TEXT,
  CONTEXT_MAX_VALUES,
  ContextError,
  contextErrorText,
  plainItem,
  plainMembers,
  tooDeep,
  tooMuchText,
} from './context-values.ts';
import type { EvaluationContext } from './resolution.ts';

/**
 * The context as canonical JSON: equal contexts give equal text. With `flagList` the copy asks for those flags only, beside
 * whatever else its `gofeatureflag` holds. The caller's object is read once, and never changed.
 *
 * @throws EdictError INVALID_CONTEXT: too deep or a cycle, too large, or a getter that throws. Nothing else.
 */
export function contextJson(context: EvaluationContext, flagList?: readonly string[]): string {
  try {
    const copy = new PlainCopy().context(context);
    if (flagList !== undefined) {
      const reserved = copy.gofeatureflag;
      copy.gofeatureflag = Object.assign(emptyRecord<JsonValue>(), isJsonObject(reserved) ? reserved : {}, {
        flagList: [...flagList],
      });
    }
    return canonicalJson(copy);
  } catch (caught) {
    throw new EdictError('INVALID_CONTEXT', contextErrorText(caught), { cause: caught });
  }
}

/** Copies one context into plain JSON values, within the limits. INVARIANT: `__proto__` is a name like any other. */
class PlainCopy {
  #text = 0;
  #values = 0;

  context(context: EvaluationContext): Record<string, JsonValue> {
    const copy = emptyRecord<JsonValue>();
    for (const [name, value] of plainMembers(context)) {
      // Both modes take a targeting key that is no text for a missing one.
      if (name === 'targetingKey' && typeof context.targetingKey !== 'string') continue;
      this.#take(name);
      copy[name] = this.#value(value, 0);
    }
    return copy;
  }

  #value(value: unknown, depth: number): JsonValue {
    this.#count(1);
    if (typeof value === 'string') return this.#take(value);
    if (typeof value !== 'object' || value === null) return value as JsonValue;
    if (depth >= CONTEXT_MAX_DEPTH) throw tooDeep();
    if (Array.isArray(value)) return this.#array(value, depth);
    const copy = emptyRecord<JsonValue>();
    for (const [name, member] of plainMembers(value)) {
      this.#take(name);
      copy[name] = this.#value(member, depth + 1);
    }
    return copy;
  }

  #array(items: readonly unknown[], depth: number): JsonValue[] {
    const { length } = items;
    // Before the work: a sparse array may claim any length.
    if (length > CONTEXT_MAX_VALUES) throw tooMany();
    const copy: JsonValue[] = [];
    for (let i = 0; i < length; i++) copy.push(this.#value(plainItem(items[i]), depth + 1));
    return copy;
  }

  #take(text: string): string {
    this.#text += text.length;
    if (this.#text > CONTEXT_MAX_TEXT) throw tooMuchText();
    return text;
  }

  #count(values: number): void {
    this.#values += values;
    if (this.#values > CONTEXT_MAX_VALUES) throw tooMany();
  }
}

function tooMany(): ContextError {
  return new ContextError(`the context holds more than ${CONTEXT_MAX_VALUES} values`);
}
