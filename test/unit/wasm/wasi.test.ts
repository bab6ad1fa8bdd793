import { beforeEach, describe, expect, it } from 'vitest';
import { EdictError } from '../../../src/errors.ts';
import { verifyModule } from '../../../src/wasm/verify-module.ts';
import { denyWasi, WASI_FUNCTIONS, WASI_IMPORTS, WASI_MODULE } from '../../../src/wasm/wasi.ts';
import { assemble, compileFixture } from './support/wat.ts';

type Guest = Record<string, () => number> & { readonly memory: WebAssembly.Memory };

const EBADF = 8;
const ENOTCAPABLE = 76;

let guest: Guest;
beforeEach(() => {
  const instance = new WebAssembly.Instance(compileFixture('wasi-caller'), { [WASI_MODULE]: denyWasi() });
  guest = instance.exports as unknown as Guest;
});

describe('a guest that imports all of WASI', () => {
  it('links, and keeps the rules', () => {
    const rules = { imports: WASI_IMPORTS, exports: new Map([['memory', 'memory' as const]]), maxPages: 16 };
    expect(verifyModule(assemble('wasi-caller'), rules, false).importedFunctions).toBe(7);
    expect(Object.keys(denyWasi()).sort()).toEqual([...WASI_FUNCTIONS].sort());
    expect(WASI_FUNCTIONS).toHaveLength(7);
  });

  it.each([
    ['arguments', 'args', ENOTCAPABLE],
    ['the size of the arguments', 'argsSizes', ENOTCAPABLE],
    ['the clock', 'clock', ENOTCAPABLE],
    ['random bytes', 'random', ENOTCAPABLE],
    ['standard input', 'read', EBADF],
    ['standard output', 'write', EBADF],
  ])('is denied %s by an error number, and its memory stays as it was', (_, name, errno) => {
    const before = new Uint8Array(guest.memory.buffer.slice(0));
    expect(guest[name]?.()).toBe(errno);
    expect(Buffer.compare(new Uint8Array(guest.memory.buffer), before)).toBe(0);
  });

  it('ends its own call, and nothing else, when it asks to end the process', () => {
    let caught: unknown;
    try {
      guest['exit']?.();
    } catch (thrown) {
      caught = thrown;
    }
    expect(caught).toBeInstanceOf(EdictError);
    expect(caught).toMatchObject({ code: 'TRAP', message: expect.stringContaining('end the process with code 3') });
  });
});

describe('denyWasi', () => {
  it('gives every guest functions of its own', () => {
    expect(denyWasi()).not.toBe(denyWasi());
  });
});
