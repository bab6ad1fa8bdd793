import { describe, expect, it } from 'vitest';
import { GUEST_WASI_FUNCTIONS, type GuestWasiPorts, serveWasi } from '../../../src/wasm/guest-wasi.ts';
import { GuestMemory } from '../../../src/wasm/memory.ts';

const EBADF = 8;
const EFAULT = 21;
const ENOTCAPABLE = 76;
const PAGE = 65_536;

function rig(ports: Partial<GuestWasiPorts> = {}) {
  const memory = new GuestMemory(new WebAssembly.Memory({ initial: 1, maximum: 1 }));
  const lines: [string, boolean][] = [];
  const wasi = serveWasi({ memory: () => memory, write: (line, isError) => lines.push([line, isError]), ...ports });
  const call = (name: string, ...args: unknown[]): number =>
    (wasi[name] as unknown as (...given: unknown[]) => number)(...args);
  /** Puts texts at 4,096 and their vectors at 1,024. */
  const vectors = (...texts: readonly string[]): void => {
    let at = 4_096;
    for (const [i, text] of texts.entries()) {
      memory.write(at, Buffer.from(text));
      memory.words.set([at, text.length], (1_024 + i * 8) / 4);
      at += text.length;
    }
  };
  return { memory, lines, call, vectors };
}

describe('WASI for policies', () => {
  it('has what the libraries of a guest link, and nothing that reaches outside', () => {
    expect(Object.keys(serveWasi({ memory: () => rig().memory })).sort()).toEqual([...GUEST_WASI_FUNCTIONS].sort());
    expect(GUEST_WASI_FUNCTIONS.some((name) => /path|sock|prestat|poll/.test(name))).toBe(false);
  });

  it('has no arguments, no environment, and a standard input that is at its end', () => {
    const { memory, call } = rig();
    for (const name of ['args_sizes_get', 'environ_sizes_get', 'fd_read']) {
      memory.words.fill(7);
      expect(name === 'fd_read' ? call(name, 0, 0, 0, 16) : call(name, 16, 20)).toBe(0);
      expect(memory.words[4]).toBe(0);
    }
    expect(call('fd_read', 3, 0, 0, 16)).toBe(EBADF);
    expect(call('fd_close', 1)).toBe(EBADF);
  });

  it('writes to the log, one line a call, escapes neutralised', () => {
    const { memory, lines, call, vectors } = rig();
    vectors('\u001b[2J', 'hello\n');
    expect(call('fd_write', 1, 1_024, 2, 16)).toBe(0);
    expect(memory.words[4]).toBe(10);
    vectors('bad\rnews');
    expect(call('fd_write', 2, 1_024, 1, 16)).toBe(0);
    expect(lines).toEqual([
      ['\\u001b[2Jhello', false],
      ['bad\\u000dnews', true],
    ]);
    expect(call('fd_write', 3, 1_024, 1, 16)).toBe(EBADF);
  });

  it('keeps 4 KiB of what is written and says that all of it was: a gigabyte costs nothing', () => {
    const { memory, lines, call } = rig();
    memory.words.set([4_096, 50_000, 4_096, 1_000_000_000], 256);
    expect(call('fd_write', 1, 1_024, 2, 16)).toBe(0);
    expect(memory.words[4]).toBe(1_000_050_000);
    expect(lines[0]?.[0].length).toBe(4_096 * 6);
  });

  it('answers bad pointers by an error number', () => {
    const { call } = rig({ nowMs: () => 5, random: (bytes) => new Uint8Array(bytes) });
    expect(call('fd_write', 1, PAGE - 4, 1, 16)).toBe(EFAULT);
    expect(call('fd_write', 1, 1_024, 1, PAGE)).toBe(EFAULT);
    expect(call('clock_time_get', 0, 0n, PAGE - 4)).toBe(EFAULT);
    expect(call('random_get', PAGE - 4, 8)).toBe(EFAULT);
    expect(call('args_sizes_get', -4, 0)).toBe(EFAULT);
  });

  it('gives time and random bytes only where they are granted', () => {
    const denied = rig();
    expect(denied.call('clock_time_get', 0, 0n, 16)).toBe(ENOTCAPABLE);
    expect(denied.call('random_get', 16, 8)).toBe(ENOTCAPABLE);
    const granted = rig({ nowMs: () => 1_700_000_000_123.9, random: (bytes) => new Uint8Array(bytes).fill(9) });
    expect(granted.call('clock_time_get', 0, 0n, 16)).toBe(0);
    expect(granted.memory.buffer.readBigUInt64LE(16)).toBe(1_700_000_000_123_000_000n);
    expect(granted.call('random_get', 16, 2)).toBe(0);
    expect([...granted.memory.read(16, 3, 3)].slice(0, 2)).toEqual([9, 9]);
    expect(granted.call('random_get', 16, 100_000)).toBe(ENOTCAPABLE);
  });

  it('ends the call, not the process, on proc_exit', () => {
    expect(() => rig().call('proc_exit', 1)).toThrow('the guest asked to end the process with code 1');
  });
});
