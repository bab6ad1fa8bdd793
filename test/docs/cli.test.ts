import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';

const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

/** Command to the text of its section. */
function sections(): Map<string, string> {
  const parts = text.split(/^## edict /m).slice(1);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part]));
}

describe('docs/cli.md', () => {
  const { commands } = createProgram(() => undefined);

  it('has a section for each command and for no other', () => {
    expect([...sections().keys()]).toEqual(commands.map((command) => command.name()));
  });

  it.each(commands.map((command) => [command.name(), command] as const))(
    'lists exactly the options of edict %s, with their defaults',
    (name, command) => {
      const rows = [...(sections().get(name) as string).matchAll(/^\| `(--[^`]+)` \|(.*)\|$/gm)];
      expect(rows.map(([, flags]) => flags)).toEqual(command.options.map(({ flags }) => flags));
      for (const [i, { defaultValue }] of command.options.entries()) {
        if (defaultValue === undefined || defaultValue === false) continue;
        const cells = rows[i]?.[2]?.split('|') ?? [];
        expect(cells.at(-1)?.trim().replaceAll('`', '')).toBe(String(defaultValue));
      }
    },
  );

  it('says what every exit code means', () => {
    expect([...text.matchAll(/^\| (\d) \|/gm)].map(([, code]) => code)).toEqual(['0', '1', '2']);
  });
});
