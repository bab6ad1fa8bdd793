/** Bytes of any kind: read, or refused with the one typed error; nothing else is thrown and nothing goes on for ever. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EdictError } from '../../../../src/errors.ts';
import { functionNames } from '../../../../src/wasm/binary/function-names.ts';
import { parseModule } from '../../../../src/wasm/binary/parse-module.ts';
import { meterModule } from '../../../../src/wasm/metering/rewrite.ts';
import { Random } from '../../flags/jsonlogic/random-cases.ts';
import { CORPUS } from '../support/corpus.ts';
import { assembleText } from '../support/wat.ts';

/** Set EDICT_FUZZ_SEED and EDICT_FUZZ_CASES to go further, or to replay one. */
const FIRST = Number(process.env['EDICT_FUZZ_SEED'] ?? 1);
const CASES = Number(process.env['EDICT_FUZZ_CASES'] ?? 4_000);

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const modules = [
  ...Object.values(CORPUS).map(({ text }) => assembleText(text)),
  new Uint8Array(readFileSync(new URL('../../../../wasm/flags.wasm', import.meta.url))),
];

type Fate = 'metered' | 'refused';

/** Parses and meters; gives what became of the bytes, or says what went wrong. */
function fateOf(bytes: Uint8Array): Fate | string {
  try {
    const module = parseModule(bytes);
    functionNames(module);
    const { bytes: metered } = meterModule(module, { maxPages: 65_536, maxTableEntries: 0xffff_ffff });
    // INVARIANT: metering turns nothing valid into something invalid, and the other way round.
    if (WebAssembly.validate(bytes) !== WebAssembly.validate(metered)) return 'validity changed';
    return 'metered';
  } catch (caught) {
    if (caught instanceof EdictError && caught.code === 'MODULE_REJECTED') return 'refused';
    return String((caught as Error)?.stack ?? caught);
  }
}

/** One to four changes: bits, bytes, pieces cut out, doubled or swapped for others. */
function mutated(random: Random): Uint8Array {
  let bytes = Uint8Array.from(random.pick(modules));
  for (let left = 1 + random.below(4); left > 0 && bytes.length > 8; left--) {
    const at = 8 + random.below(bytes.length - 8);
    const length = 1 + random.below(8);
    const kind = random.below(6);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 1) bytes[at] = random.below(256);
    else if (kind === 2) bytes[at] = random.pick([0, 1, 0x0b, 0x7f, 0x80, 0xfc, 0xfd, 0xff]);
    else if (kind === 3) bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + length)]);
    else if (kind === 4) bytes = Uint8Array.from([...bytes.subarray(0, at + length), ...bytes.subarray(at)]);
    else bytes = bytes.slice(0, at);
  }
  return bytes;
}

function noise(random: Random): Uint8Array {
  const bytes = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
  return random.chance(0.9) ? Uint8Array.from([...HEADER, random.below(14), ...bytes]) : bytes;
}

describe.each([
  ['mutated modules', mutated],
  ['random bytes', noise],
] as const)('%s', (_, make) => {
  it('are metered or refused with MODULE_REJECTED', () => {
    const fates: Record<Fate, number> = { metered: 0, refused: 0 };
    for (let seed = FIRST; seed < FIRST + CASES; seed++) {
      const fate = fateOf(make(new Random(seed)));
      if (fate === 'metered' || fate === 'refused') fates[fate]++;
      else expect.fail(`case ${seed} (EDICT_FUZZ_SEED=${seed} EDICT_FUZZ_CASES=1): ${fate}`);
    }
    // Mutations that are always noticed, or never, would prove little.
    if (CASES >= 1_000) expect(fates.refused).toBeGreaterThan(CASES / 10);
    if (CASES >= 1_000 && make === mutated) expect(fates.metered).toBeGreaterThan(CASES / 20);
  }, 120_000);
});

describe('counts and lengths that lie', () => {
  it.each(modules.map((bytes, index) => [index, bytes] as const))(
    'are noticed at every byte of module %i',
    (_, bytes) => {
      const step = bytes.length > 4_000 ? 37 : 1;
      for (let at = 8; at < bytes.length; at += step) {
        const lying = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...[0xff, 0xff, 0xff, 0xff, 0x0f],
          ...bytes.subarray(at + 1),
        ]);
        expect(fateOf(lying), `byte ${at}`).toMatch(/^(metered|refused)$/);
      }
    },
  );
});
