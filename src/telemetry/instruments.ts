/** Shows facts that are counted anyway as OpenTelemetry instruments, read when somebody collects and never in between. */

import type { SafeLogger } from './logger.ts';
import type { Instrument, Meter, Observations } from './meter.ts';

/** Attributes of one value; each name has few values, or a series would be kept for every one of them. */
export type Attributes = Readonly<Record<string, string>>;

/** Takes one value of an instrument. */
export type Put = (value: number, attributes?: Attributes) => void;

/** One instrument, and how its values are found in the facts; it puts none where the facts have no such thing. */
export interface InstrumentRow<Facts> {
  readonly name: string;
  /** A counter only goes up; a gauge is what is so now. */
  readonly kind: 'counter' | 'gauge';
  /** In UCUM: `s`, `By`, `{flag}`. */
  readonly unit: string;
  readonly description: string;
  readonly observe: (facts: Facts, put: Put) => void;
}

/**
 * One batch callback for all rows, so that the values of one collection are of one moment. It lives from `register` to `remove`.
 *
 * A meter is a caller's object: when it throws there are no metrics and one line in the log, and nothing else suffers.
 */
export class Instruments<Facts> {
  readonly #meter: Meter;
  readonly #rows: readonly InstrumentRow<Facts>[];
  readonly #read: () => Facts;
  readonly #logger: Pick<SafeLogger, 'warn'>;
  #instruments: Instrument[] | undefined;
  #isRegistered = false;

  constructor(
    meter: Meter,
    rows: readonly InstrumentRow<Facts>[],
    read: () => Facts,
    logger: Pick<SafeLogger, 'warn'>,
  ) {
    this.#meter = meter;
    this.#rows = rows;
    this.#read = read;
    this.#logger = logger;
  }

  /** Collections see values from now on. Idempotent; never throws. */
  register(): void {
    if (this.#isRegistered) return;
    this.#isRegistered = true;
    this.#safely(() => {
      this.#instruments ??= this.#rows.map((row) => this.#create(row));
      this.#meter.addBatchObservableCallback(this.#observe, this.#instruments);
    });
  }

  /** Collections see nothing from now on. Idempotent; never throws. */
  remove(): void {
    if (!this.#isRegistered) return;
    this.#isRegistered = false;
    const instruments = this.#instruments;
    if (instruments !== undefined) {
      this.#safely(() => this.#meter.removeBatchObservableCallback(this.#observe, instruments));
    }
  }

  #create({ kind, name, unit, description }: InstrumentRow<Facts>): Instrument {
    return kind === 'counter'
      ? this.#meter.createObservableCounter(name, { unit, description })
      : this.#meter.createObservableGauge(name, { unit, description });
  }

  /** A member, because a meter finds a callback again by its identity. */
  readonly #observe = (result: Observations): void => {
    const facts = this.#read();
    for (const [i, { observe }] of this.#rows.entries()) {
      const instrument = this.#instruments?.[i] as Instrument;
      observe(facts, (value, attributes) => result.observe(instrument, value, attributes));
    }
  };

  #safely(work: () => void): void {
    try {
      work();
    } catch (caught) {
      this.#logger.warn(`the meter refused the instruments, so there are no metrics: ${String(caught)}`);
    }
  }
}
