/** Random programs, plain and metered side by side: same answer or same trap, same host calls, same memory, same fuel. */

import { describe, expect, it } from 'vitest';
import { FuelMeter } from '../../../../src/policy/guest/fuel-meter.ts';
import { parseModule } from '../../../../src/wasm/binary/parse-module.ts';
import { FUEL_EXPORT, meterModule, PAUSE_EXPORT } from '../../../../src/wasm/metering/rewrite.ts';
import { Random } from '../../flags/jsonlogic/random-cases.ts';
import { randomProgram } from '../support/random-program.ts';
import { assembleText } from '../support/wat.ts';

/** Set EDICT_FUZZ_SEED and EDICT_FUZZ_CASES to go further, or to replay one. */
const FIRST = Number(process.env['EDICT_FUZZ_SEED'] ?? 1);
const CASES = Number(process.env['EDICT_FUZZ_CASES'] ?? 300);
const BUDGET = 2 ** 31 - 1;

interface Run {
  readonly answers: unknown[];
  readonly hostCalls: number[];
  readonly memory: Uint8Array;
  readonly fuel: number[];
}

function run(module: WebAssembly.Module): Run {
  const hostCalls: number[] = [];
  const host = (a: number, b: number) => {
    hostCalls.push(a, b);
    return (a ^ b) + hostCalls.length;
  };
  const guest = new WebAssembly.Instance(module, { env: { host } }).exports as Record<string, unknown>;
  const call = guest['run'] as (a: number, b: number) => number;
  const global = guest[FUEL_EXPORT] as WebAssembly.Global | undefined;
  const meter = new FuelMeter(global === undefined ? [] : [global], guest[PAUSE_EXPORT], () => false);
  const fuel: number[] = [];
  const answers = [
    [0, 0],
    [7, -1],
    [-(2 ** 31), 12_345],
  ].map(([a, b]) => {
    meter.fill(BUDGET);
    try {
      return call(a!, b!);
    } catch (caught) {
      return (caught as Error).message;
    } finally {
      if (global !== undefined) fuel.push(meter.used);
    }
  });
  return { answers, hostCalls, memory: new Uint8Array((guest['memory'] as WebAssembly.Memory).buffer), fuel };
}

describe('a random program (P-56)', () => {
  it(`does the same metered, and uses the same fuel each time: ${CASES} of them`, () => {
    let traps = 0;
    let spent = 0;
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      const name = `case ${seed} (EDICT_FUZZ_SEED=${seed} EDICT_FUZZ_CASES=1)`;
      const bytes = assembleText(randomProgram(new Random(seed)));
      const { bytes: metered } = meterModule(parseModule(bytes));
      expect(WebAssembly.validate(metered), name).toBe(true);
      const module = new WebAssembly.Module(metered);
      const [plain, first, second] = [run(new WebAssembly.Module(bytes)), run(module), run(module)];
      expect({ ...first, memory: 0, fuel: 0 }, name).toEqual({ ...plain, memory: 0, fuel: 0 });
      expect(Buffer.compare(first.memory, plain.memory), name).toBe(0);
      expect(second.fuel, name).toEqual(first.fuel);
      const { bytes: pausing } = meterModule(parseModule(bytes), { pauses: true });
      expect(WebAssembly.validate(pausing), name).toBe(true);
      expect({ ...run(new WebAssembly.Module(pausing)), memory: 0 }, name).toEqual({ ...first, memory: 0 });
      for (const used of first.fuel) {
        expect(used, name).toBeGreaterThan(0);
        spent += used;
      }
      traps += first.answers.filter((answer) => typeof answer === 'string').length;
    }
    // Programs that all trap at once, or that do nothing, would prove little.
    if (CASES >= 100) {
      expect(traps).toBeLessThan(CASES);
      expect(spent / CASES).toBeGreaterThan(1_000);
    }
  }, 120_000);
});
