/** Text to double and back in the guest: exactly as Go does it, checked against JavaScript's own exact conversions. */

import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../flags/jsonlogic/random-cases.ts';
import { formatNumber, parseNumber } from '../flags/jsonlogic/reference-numbers.ts';
import { JsonLogicRig } from './jsonlogic-rig.ts';

const ROUNDS = process.env.EDICT_DEEP === '1' ? 1_000_000 : 30_000;

/** No promise about speed: only so that a hanging test ends. */
const PATIENCE_MS = 600_000;

let rig: JsonLogicRig;
beforeAll(async () => {
  rig = await JsonLogicRig.start();
}, 120_000);

const bits = new DataView(new ArrayBuffer(8));

/** Any bit pattern, so mostly numbers with 17 digits and large exponents. */
function anyDouble(random: Random): number {
  bits.setUint32(0, random.next() * 2 ** 32);
  bits.setUint32(4, random.next() * 2 ** 32);
  return bits.getFloat64(0);
}

function bitsOf(value: number): bigint {
  bits.setFloat64(0, value);
  return bits.getBigUint64(0);
}

/** Doubles that people write, and those at the edges of the format. */
function likelyDouble(random: Random): number {
  const kind = random.below(6);
  if (kind === 0) return random.below(1_000_000) / 10 ** random.below(8);
  if (kind === 1) return 2 ** (random.below(2_098) - 1_074);
  if (kind === 2) return Math.round(random.next() * 2 ** random.below(70));
  if (kind === 3) return Number.MIN_VALUE * random.below(1_000);
  if (kind === 4) return random.next() * 10 ** random.below(20);
  return -random.below(1_000) - random.below(100) / 100;
}

/** The number exactly between a double and the next, in all its digits. */
function midpoint(value: number): string {
  const low = bitsOf(value);
  const exponent = Math.max(Number(low >> 52n), 1) - 1_075;
  const fraction = low & 0xfffffffffffffn;
  const mantissa = (low >> 52n === 0n ? fraction : fraction | (1n << 52n)) * 2n + 1n;
  const power = exponent - 1;
  if (power >= 0) return (mantissa << BigInt(power)).toString();
  // mantissa / 2^n = mantissa * 5^n / 10^n
  const digits = (mantissa * 5n ** BigInt(-power)).toString().padStart(-power + 1, '0');
  return `${digits.slice(0, power)}.${digits.slice(power)}`;
}

describe('numbers as text', () => {
  it('are the shortest that read back, without exponent', { timeout: PATIENCE_MS }, () => {
    const random = new Random(1);
    for (let i = 0; i < ROUNDS; i++) {
      const value = i % 3 === 0 ? likelyDouble(random) : anyDouble(random);
      const text = rig.format(value);
      if (text !== formatNumber(value)) expect.fail(`${bitsOf(value).toString(16)}: ${text} for ${value}`);
    }
  });

  it.each([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-1.5, '-1.5'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1e21, '1000000000000000000000'],
    [1e-7, '0.0000001'],
    [123456.789, '123456.789'],
    [2 ** 53 + 2, '9007199254740994'],
    [5e-324, `0.${'0'.repeat(323)}5`],
    [1.7976931348623157e308, `17976931348623157${'0'.repeat(292)}`],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [Number.NaN, 'NaN'],
  ])('%d is %s', (value, text) => {
    expect(rig.format(value)).toBe(text);
  });
});

describe('text as numbers', () => {
  function check(text: string): void {
    const { value, error } = parseNumber(text);
    const status = error === undefined ? 0 : error === 'syntax' ? 1 : 2;
    const found = rig.parse(text);
    if (!Object.is(found.value, value) || found.status !== status) {
      expect.fail(`${JSON.stringify(text.slice(0, 200))}: ${found.value} (${found.status}), not ${value} (${status})`);
    }
  }

  it('is correctly rounded whatever its length', { timeout: PATIENCE_MS }, () => {
    const random = new Random(2);
    for (let i = 0; i < ROUNDS / 2; i++) {
      const value = i % 3 === 0 ? likelyDouble(random) : anyDouble(random);
      if (!Number.isFinite(value)) continue;
      check(String(value));
      check(value.toPrecision(1 + random.below(40)));
      check(value.toExponential(random.below(30)));
    }
  });

  it('is correctly rounded for random digits and exponents', { timeout: PATIENCE_MS }, () => {
    const random = new Random(3);
    for (let i = 0; i < ROUNDS / 2; i++) {
      const digits = Array.from({ length: 1 + random.below(i % 50 === 0 ? 1_200 : 25) }, () => random.below(10)).join(
        '',
      );
      const at = random.below(digits.length + 1);
      const point = random.chance(0.6) ? `${digits.slice(0, at)}.${digits.slice(at)}` : digits;
      const text = point === '.' ? '0' : point;
      check(random.chance(0.3) ? text : `${text}e${random.below(720) - 360}`);
    }
  });

  it('goes to the even neighbour from exactly between two doubles, and past it by any digit more', {
    timeout: PATIENCE_MS,
  }, () => {
    const random = new Random(4);
    for (let i = 0; i < ROUNDS / 50; i++) {
      const value = Math.abs(i % 2 === 0 ? likelyDouble(random) : anyDouble(random));
      if (!Number.isFinite(value)) continue;
      const text = midpoint(value);
      check(text);
      check(`${text}${text.includes('.') ? '' : '.'}${'0'.repeat(random.below(200))}1`);
      check(`${text.slice(0, -1)}4${'9'.repeat(20)}`);
    }
  });

  it('reads hexadecimal floats, correctly rounded', { timeout: PATIENCE_MS }, () => {
    const random = new Random(5);
    const hex = (length: number) => Array.from({ length }, () => random.below(16).toString(16)).join('');
    for (let i = 0; i < ROUNDS / 5; i++) {
      const whole = hex(random.below(20));
      const fraction = hex(random.below(20));
      const power = random.chance(0.7) ? random.below(60) - 30 : random.below(2_400) - 1_200;
      check(`${random.pick(['', '-', '+'])}0x${whole}${fraction === '' ? '' : `.${fraction}`}p${power}`);
    }
  });

  it.each([
    ...[
      '',
      ' ',
      '1',
      '+1',
      '-1',
      '--1',
      '+-1',
      '.5',
      '5.',
      '.',
      '+',
      '-',
      'e5',
      '1e',
      '1e+',
      '1e+5',
      '1E5',
      '1.5.2',
      '1 ',
      ' 1',
    ],
    ...[
      '1_000',
      '1__0',
      '_1',
      '1_',
      '1_.5',
      '1._5',
      '1_e5',
      '1e_5',
      '1e5_0',
      '1e5_',
      '0x_1p0',
      '0_x1p0',
      '0x1_fp1_0',
      '0x1p_1',
    ],
    ...[
      '0x',
      '0x1',
      '0xp1',
      '0x.p1',
      '0x.1p1',
      '0x1.p1',
      '0X1P+4',
      '0x1p',
      '0x1p+',
      '0x1e5',
      '0b1',
      '0o7',
      '1p4',
      '0x1g',
      '0x1pa',
    ],
    ...[
      'inf',
      'INF',
      '+Inf',
      '-infinity',
      'infinit',
      'infinityx',
      'nan',
      'NaN',
      '+nan',
      '-nan',
      'nana',
      'na',
      'i',
      'n',
    ],
    ...[
      '1e308',
      '1e309',
      '-1e309',
      '1e-324',
      '3e-324',
      '2e-324',
      '1e99999999999',
      '1e-99999999999',
      '0e99999999999',
      '0x1p1024',
    ],
    ...[
      '1.7976931348623158e308',
      '1.7976931348623159e308',
      '2.2250738585072011e-308',
      '9007199254740993',
      '0x1p-1075',
      '0x1.8p-1075',
    ],
    ...[
      '0x1.fffffffffffff8p1023',
      '0x1.fffffffffffff7p1023',
      '0x0.00000000000000000000000001p0',
      '٣',
      '1,5',
      '1\u00a0',
      'é',
    ],
  ])('reads %j as Go does', (text) => {
    check(text);
  });

  it('keeps digits beyond the 800th in mind only as not zero', () => {
    const half = midpoint(1);
    check(`${half}${'0'.repeat(2_000)}`);
    check(`${half}${'0'.repeat(2_000)}1`);
    check(`0.${'0'.repeat(5_000)}1e5001`);
    check('1'.repeat(310));
    check('1'.repeat(309));
  });
});
