/** What must never reach the compiler does not. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { EdictError } from '../../src/errors.ts';
import { compileFixture } from './support/bare-host.ts';
import { hostileFixtures } from './support/fixtures.ts';

const refused = hostileFixtures().filter(({ stage }) => stage === 'load');
const compile = vi.spyOn(WebAssembly, 'Module');
afterEach(() => compile.mockClear());

function refusalOf(fixture: (typeof refused)[number]): unknown {
  try {
    compileFixture(fixture);
  } catch (caught) {
    return caught;
  }
  return 'compiled';
}

describe('a hostile module that verification can know by its bytes (WH-01, P-53)', () => {
  it.each(refused.filter(({ name }) => name !== 'invalid-code'))('$name is refused: $reason', (fixture) => {
    const refusal = refusalOf(fixture);
    expect(refusal).toBeInstanceOf(EdictError);
    expect(refusal).toMatchObject({ code: 'MODULE_REJECTED', message: expect.stringContaining(fixture.reason!) });
    expect(compile).not.toHaveBeenCalled();
  });

  it('says the same of code whose types are wrong only once the engine validated it', () => {
    const fixture = refused.find(({ name }) => name === 'invalid-code')!;
    expect(WebAssembly.validate(fixture.bytes)).toBe(false);
    expect(refusalOf(fixture)).toBeInstanceOf(WebAssembly.CompileError);
  });

  it('puts no control character into the message of a refusal', () => {
    for (const fixture of refused) {
      const { message } = refusalOf(fixture) as Error;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(message, fixture.name).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
  });
});
