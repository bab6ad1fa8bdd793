/** What policies write, the time they see, and randomness. */

import { describe, expect, it } from 'vitest';
import { hostFault } from '../../../src/policy/guest/host-functions.ts';
import { MAX_LINE_BYTES, safeLine } from '../../../src/policy-host/log-lines.ts';
import { INFO } from '../policy/guest/support/guest-rig.ts';
import { callOf, collected, freshInput, hostOf, OUTSIDE, StillTime } from './support/host-rig.ts';

describe('a line of a policy', () => {
  it('names tenant, policy, route and request', () => {
    const { lines, log } = collected();
    const host = hostOf({ log: true }, { log });
    host.log(callOf(), 'warn', 'slow');
    host.log(OUTSIDE, 'info', 'made');
    expect(lines).toEqual([
      { level: 'warn', message: 'slow', tenant: 'shop', policy: INFO.name, route: 'pets-get', requestId: 'r-1' },
      { level: 'info', message: 'made', tenant: 'shop', policy: INFO.name, route: 'pets-get', requestId: undefined },
    ]);
  });

  it.each([
    ['a colour', '\u001b[31mred', '\\u001b[31mred'],
    ['a new line', 'one\r\ntwo', 'one\\u000d\\u000atwo'],
    ['C1 controls', 'a\u009b2Jb', 'a\\u009b2Jb'],
    ['a line separator', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['marks of direction', 'user\u202etxt.exe\u2066', 'user\\u202etxt.exe\\u2066'],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
  ])('shows %s instead of doing it', (_name, given, shown) => {
    expect(safeLine(given)).toBe(shown);
  });

  it('has at most 4 KiB, whatever escaping makes of it, and never half a character', () => {
    for (const line of [
      'x'.repeat(1e6),
      '\u001b'.repeat(4_000),
      '\u20ac'.repeat(4_000),
      `${'x'.repeat(4_085)}\u20ac\u20ac\u20ac\u20ac`,
    ]) {
      const shown = safeLine(line);
      expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(MAX_LINE_BYTES);
      expect(shown.endsWith(' [cut]')).toBe(
        Buffer.byteLength(line.slice(0, MAX_LINE_BYTES)) > MAX_LINE_BYTES || line.startsWith('\u001b'),
      );
      expect(shown).not.toContain('\ufffd');
    }
  });

  it('is one of a hundred a second; what is dropped is counted and told once', () => {
    const time = new StillTime();
    const { lines, log } = collected();
    const host = hostOf({ log: true }, { log, time });
    for (let i = 0; i < 1_000; i++) host.log(callOf(), 'info', `line ${i}`);
    expect(lines).toHaveLength(100);
    expect(host.describe().droppedLogLines).toBe(900);
    time.monotonicMs += 1_000;
    host.log(callOf(), 'info', 'later');
    expect(lines.slice(100).map(({ message }) => message)).toEqual([
      '900 lines of this policy were dropped: it logs too fast',
      'later',
    ]);
  });

  it('goes nowhere without the grant, and a broken log is nobody\u2019s problem', () => {
    const { lines, log } = collected();
    hostOf({}, { log }).log(callOf(), 'info', 'x');
    expect(lines).toEqual([]);
    const broken = hostOf(
      { log: true },
      {
        log: () => {
          throw new Error('disk full');
        },
      },
    );
    expect(() => broken.log(callOf(), 'info', 'x')).not.toThrow();
  });
});

describe('the clocks of a policy', () => {
  it('tell whole milliseconds, and fractions only where that was granted', () => {
    const time = new StillTime();
    const coarse = hostOf({ clock: true }, { time });
    expect([coarse.nowMs(), coarse.monotonicMs()]).toEqual([1_700_000_000_123, 5_000]);
    const fine = hostOf({ clock: { fine: true } }, { time });
    expect([fine.nowMs(), fine.monotonicMs()]).toEqual([time.nowMs, time.monotonicMs]);
    expect(hostOf({}, { time }).nowMs()).toBeNaN();
  });

  it('are the system\u2019s when nothing else is given', () => {
    const before = Date.now() - 1;
    expect(hostOf({ clock: true }).nowMs()).toBeGreaterThanOrEqual(before);
    expect(Number.isInteger(hostOf({ clock: true }).monotonicMs())).toBe(true);
  });
});

describe('randomness', () => {
  it('is the system\u2019s, or that of a port, and refused without the grant', () => {
    const host = hostOf({ random: true });
    const [one, two] = [host.random(callOf(), 32), host.random(callOf(), 32)];
    expect(one).toHaveLength(32);
    expect(one).not.toEqual(two);
    const fixed = hostOf({ random: true }, { random: (bytes) => new Uint8Array(bytes).fill(9) });
    expect(fixed.random(callOf(freshInput()), 3)).toEqual(Uint8Array.of(9, 9, 9));
    expect(hostOf({}).random(callOf(), 3)).toBe(hostFault('denied'));
  });
});
