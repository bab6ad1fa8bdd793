/** The part of OpenTelemetry's `Meter` that Edict uses, by shape: no package is needed for its types. */

/** An instrument that is asked when metrics are collected; only its identity matters here. */
export type Instrument = object;

/** Takes the values of one collection. Attributes never hold context values. */
export interface Observations {
  observe(instrument: Instrument, value: number, attributes?: Readonly<Record<string, string>>): void;
}

interface InstrumentOptions {
  readonly description?: string;
  readonly unit?: string;
}

/** What the option `meter` takes; the `Meter` of `@opentelemetry/api` has this shape. */
export interface Meter {
  createObservableCounter(name: string, options?: InstrumentOptions): Instrument;
  createObservableGauge(name: string, options?: InstrumentOptions): Instrument;
  addBatchObservableCallback(callback: (result: Observations) => void, instruments: Instrument[]): void;
  removeBatchObservableCallback(callback: (result: Observations) => void, instruments: Instrument[]): void;
}

/** Takes one value at a time. */
export interface Histogram {
  record(value: number, attributes?: Readonly<Record<string, string>>): void;
}

/** A meter that can also make histograms; the `Meter` of `@opentelemetry/api` has this shape too. */
export interface HistogramMeter extends Meter {
  createHistogram(
    name: string,
    options?: InstrumentOptions & { readonly advice?: { readonly explicitBucketBoundaries?: number[] } },
  ): Histogram;
}
