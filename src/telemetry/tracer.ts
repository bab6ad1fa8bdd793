/** The part of OpenTelemetry's `Tracer` that Edict uses, by shape: no package is needed for its types. */

type Value = string | number | boolean;

export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}

export interface Span {
  spanContext(): SpanContext;
  setAttribute(key: string, value: Value): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  /** `endTime` in epoch milliseconds. */
  end(endTime?: number): void;
}

/** What a tracer finds the parent of a span in; OpenTelemetry's `Context` has this shape. */
export interface TraceContext {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): TraceContext;
  deleteValue(key: symbol): TraceContext;
}

/** What the option `tracer` takes; the `Tracer` of `@opentelemetry/api` has this shape. */
export interface Tracer {
  startSpan(
    name: string,
    options?: { readonly startTime?: number; readonly kind?: number; readonly attributes?: Record<string, Value> },
    context?: TraceContext,
  ): Span;
}

/** Codes of the API, which are fixed. */
export const SPAN_ERROR = 2;
export const SPAN_INTERNAL = 0;

/** The key under which the API keeps the span of a context: `createContextKey` registers it under this text. */
const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN');

/** Nothing but a parent: what else is active is the caller's and has no place in a policy's span. */
class ParentContext implements TraceContext {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown>) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): TraceContext {
    return new ParentContext(new Map(this.#values).set(key, value));
  }

  deleteValue(key: symbol): TraceContext {
    const values = new Map(this.#values);
    values.delete(key);
    return new ParentContext(values);
  }
}

const ROOT = new ParentContext(new Map());

/** A context whose span is the parent. */
export function below(parent: Pick<Span, 'spanContext'> | undefined): TraceContext {
  return parent === undefined ? ROOT : ROOT.setValue(SPAN_KEY, parent);
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The caller's span, from the header `traceparent`; undefined when there is none, or nothing that can be read. */
export function remoteParent(traceparent: string | undefined): Pick<Span, 'spanContext'> | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const context: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return { spanContext: () => context, ...SILENT };
}

/** A tracer may treat a parent as a whole span. */
const SILENT = {
  isRecording: () => false,
  setAttribute: () => undefined,
  setStatus: () => undefined,
  end: () => undefined,
};
