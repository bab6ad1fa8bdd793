/** What fuel and maxima by themselves do against the hostile modules: every call ends, and nothing grows past its limit. */

import { describe, expect, it } from 'vitest';
import { BareHost, compileFixture, HOOK_FUEL } from './support/bare-host.ts';
import { hostileFixture, hostileFixtures } from './support/fixtures.ts';

const MAX_BYTES = 256 * 65_536;

const fixtures = hostileFixtures();
const running = fixtures.filter(({ stage }) => stage === 'call');
const runaways = running.filter(({ expect, name }) => expect[0] === 'FUEL_EXHAUSTED' && name !== 'log-for-ever');

function prepared(name: string): BareHost {
  const host = new BareHost(compileFixture(hostileFixture(name)));
  expect(host.prepare(), name).toBe(true);
  return host;
}

describe('a module that runs away (P-53)', () => {
  it.each(runaways)('$name runs out of fuel in call $calls, and not before', ({ name, calls, phase }) => {
    const host = prepared(name);
    for (let call = 1; call < calls; call++) expect(host.hook(phase).thrown).toBeUndefined();
    expect(host.hook(phase)).toMatchObject({ outOfFuel: true, thrown: expect.any(WebAssembly.RuntimeError) });
  });

  it('uses the same fuel to the unit each time it is asked, in every instance (P-56)', () => {
    for (const { name, calls, phase } of running) {
      const use = () => {
        const host = prepared(name);
        return Array.from({ length: Math.min(calls, 3) }, () => {
          const { used, thrown } = host.hook(phase, 300_000);
          // How deep a stack reaches is the engine's affair, so what was used when it ended is too.
          return thrown instanceof RangeError ? 'stack' : used;
        });
      };
      expect(use(), name).toEqual(use());
    }
  });

  it('is stopped 200 times in a row, and the well-behaved one is right each time', () => {
    const module = compileFixture(hostileFixture('loop'));
    const good = prepared('well-behaved');
    const right = good.hook(1);
    expect(right.value).toBeGreaterThan(0);
    for (let time = 0; time < 200; time++) {
      expect(new BareHost(module).hook(1)).toMatchObject({ outOfFuel: true });
      expect(good.hook(1)).toEqual(right);
    }
  });

  it('cannot be stopped late by a wall of slow code: its turns cost what they are long', () => {
    const host = prepared('loop-of-long-code');
    // 160 statements of 12 bytes a turn: 30 units and the one for the check itself, behind the one for the entry.
    expect(host.call('edict_call', 31, 1, 1, 12)).toMatchObject({ outOfFuel: true, used: 32 });
    expect(host.call('edict_call', 40, 1, 1, 12)).toMatchObject({ outOfFuel: true, used: 63 });
  });
});

describe('a module that traps', () => {
  it.each(running.filter(({ expect }) => expect[0] === 'TRAP'))('$name is not taken for one out of fuel', (fixture) => {
    const host = prepared(fixture.name);
    for (let call = 1; call < fixture.calls; call++) expect(host.hook(fixture.phase).thrown).toBeUndefined();
    const { thrown, outOfFuel } = host.hook(fixture.phase);
    expect(thrown).toBeInstanceOf(Error);
    expect(outOfFuel).toBe(false);
  });

  it.each(running.filter(({ expect }) => expect[0] === 'STACK_OVERFLOW'))(
    '$name overflows the stack with fuel to spare, and runs out of fuel with little',
    ({ name }) => {
      expect(prepared(name).hook(1)).toMatchObject({ outOfFuel: false, thrown: expect.any(RangeError) });
      expect(prepared(name).hook(1, 500)).toMatchObject({
        outOfFuel: true,
        thrown: expect.any(WebAssembly.RuntimeError),
      });
    },
  );
});

describe('memory (P-57)', () => {
  it('stays within 16 MiB, whatever a module does with it', () => {
    for (const { name, phase, calls } of running) {
      const host = prepared(name);
      for (let call = 0; call < calls; call++) if (host.hook(phase).thrown !== undefined) break;
      expect(host.memory.buffer.byteLength, name).toBeLessThanOrEqual(MAX_BYTES);
    }
  });

  it('may be taken up to the maximum, and growing past it is told to fail', () => {
    const greedy = prepared('grow-to-the-maximum');
    expect(greedy.hook(1)).toMatchObject({ value: 0 });
    expect(greedy.memory.buffer.byteLength).toBe(MAX_BYTES);
    expect(prepared('grow-past-the-maximum').hook(1).value).toBe(-7);
    const steady = prepared('grow-in-every-call');
    for (let call = 0; call < 300; call++) expect(steady.hook(1).value).toBeGreaterThan(0);
    expect(steady.memory.buffer.byteLength).toBe(MAX_BYTES);
  });
});

describe('start and init', () => {
  it.each(fixtures.filter(({ stage }) => stage === 'start' || stage === 'init'))(
    '$name does not come to serve, and the host goes on',
    ({ name }) => {
      let host: BareHost;
      try {
        host = new BareHost(compileFixture(hostileFixture(name)));
      } catch (caught) {
        expect(caught).toBeInstanceOf(WebAssembly.RuntimeError);
        return;
      }
      // Nonsense modes are for the binding to refuse.
      if (name === 'modes-nonsense') expect(host.call('edict_modes', HOOK_FUEL, 1).value).toBe(0);
      else expect(host.prepare()).toBe(false);
    },
  );

  it('a loop in destroy ends as well', () => {
    const host = prepared('destroy-loop');
    expect(host.hook(1).value).toBe(0);
    expect(host.call('edict_destroy', HOOK_FUEL, 1).outOfFuel).toBe(true);
  });
});

describe('host calls', () => {
  it('cost enough that logging for ever ends after a bounded number of lines', () => {
    const host = prepared('log-for-ever');
    expect(host.hook(1).outOfFuel).toBe(true);
    expect(host.hostCalls.get('log')).toBe(Math.floor((HOOK_FUEL - 1) / 11));
  });

  it('writing 1 GiB to a host that denies it moves nothing', () => {
    const host = prepared('write-1-gib');
    expect(host.hook(1).value).toBe(0);
    expect(host.hostCalls.get('fd_write')).toBe(16_384);
    expect(host.memory.buffer.byteLength).toBe(65_536);
  });
});
