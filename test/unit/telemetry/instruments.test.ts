/** The binding of facts to instruments, on a meter whose every call is seen. */

import type { Meter as OpenTelemetryMeter } from '@opentelemetry/api';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { InstrumentRow } from '../../../src/telemetry/instruments.ts';
import { Instruments } from '../../../src/telemetry/instruments.ts';
import { createSafeLogger } from '../../../src/telemetry/logger.ts';
import type { Instrument, Meter, Observations } from '../../../src/telemetry/meter.ts';
import { RecordingLogger } from '../relay/support/recording-logger.ts';

interface Facts {
  readonly jumps: number;
  readonly height: number | undefined;
}

const ROWS: readonly InstrumentRow<Facts>[] = [
  {
    kind: 'counter',
    name: 'jumps',
    unit: '{jump}',
    description: 'Jumps',
    observe: ({ jumps }, put) => put(jumps, { leg: 'left' }),
  },
  {
    kind: 'gauge',
    name: 'height',
    unit: 'm',
    description: 'Height',
    observe: ({ height }, put) => void (height !== undefined && put(height)),
  },
];

class FakeMeter implements Meter {
  readonly created: string[] = [];
  readonly callbacks: ((result: Observations) => void)[] = [];

  createObservableCounter(name: string): Instrument {
    return this.#create('counter', name);
  }

  createObservableGauge(name: string): Instrument {
    return this.#create('gauge', name);
  }

  addBatchObservableCallback(callback: (result: Observations) => void): void {
    this.callbacks.push(callback);
  }

  removeBatchObservableCallback(callback: (result: Observations) => void): void {
    this.callbacks.splice(this.callbacks.indexOf(callback), 1);
  }

  collect(): unknown[] {
    const seen: unknown[] = [];
    const observe: Observations['observe'] = (instrument, value, attributes) =>
      void seen.push([(instrument as { name: string }).name, value, attributes]);
    for (const callback of this.callbacks) callback({ observe });
    return seen;
  }

  #create(kind: string, name: string): Instrument {
    this.created.push(`${kind} ${name}`);
    return { name };
  }
}

function bind(meter: Meter, facts: Facts = { jumps: 3, height: 1.5 }) {
  const logger = new RecordingLogger();
  let reads = 0;
  const read = (): Facts => {
    reads++;
    return facts;
  };
  const instruments = new Instruments(meter, ROWS, read, createSafeLogger(logger));
  return { instruments, logger, reads: () => reads };
}

it("OpenTelemetry's Meter has the shape that the option asks for", () => {
  expectTypeOf<OpenTelemetryMeter>().toExtend<Meter>();
});

describe('instruments', () => {
  it('read the facts once for a collection, and never in between', () => {
    const meter = new FakeMeter();
    const { instruments, reads } = bind(meter);
    instruments.register();
    expect([meter.created, reads()]).toEqual([['counter jumps', 'gauge height'], 0]);
    expect(meter.collect()).toEqual([
      ['jumps', 3, { leg: 'left' }],
      ['height', 1.5, undefined],
    ]);
    expect(reads()).toBe(1);
  });

  it('put nothing for a fact that is not there', () => {
    const meter = new FakeMeter();
    bind(meter, { jumps: 0, height: undefined }).instruments.register();
    expect(meter.collect()).toEqual([['jumps', 0, { leg: 'left' }]]);
  });

  it('are created once and have one callback, however often they are registered and removed', () => {
    const meter = new FakeMeter();
    const { instruments } = bind(meter);
    instruments.remove();
    instruments.register();
    instruments.register();
    expect(meter.callbacks).toHaveLength(1);
    instruments.remove();
    instruments.remove();
    expect(meter.callbacks).toEqual([]);
    instruments.register();
    expect([meter.callbacks.length, meter.created.length]).toEqual([1, 2]);
  });

  it('of a meter that throws cost one line in the log, and nothing else', () => {
    const meter = new FakeMeter();
    meter.createObservableGauge = () => {
      throw new Error('no gauges today');
    };
    const { instruments, logger } = bind(meter);
    instruments.register();
    instruments.remove();
    expect(logger.at('warn')).toEqual([expect.stringContaining('no gauges today')]);
    expect(meter.callbacks).toEqual([]);
  });
});
