import { describe, expect, it } from 'vitest';
import { formatOf, parseFlagFile } from '../../../../src/flags/files/read-flag-file.ts';
import { locateFindings } from '../../../../src/flags/finding.ts';
import { validateFlag } from '../../../../src/flags/validate.ts';
import type { JsonValue } from '../../../../src/internal/json.ts';

const FLAG: JsonValue = {
  variations: { on: true, off: false },
  targeting: [{ name: 'beta', query: 'group eq "beta"', percentage: { on: 25.5, off: 74.5 } }],
  defaultRule: { variation: 'off' },
  experimentation: { start: '2024-01-01T00:00:00Z' },
};
const JSON_FILE = JSON.stringify({ shop: FLAG, other: FLAG }, null, 2);
const YAML_FILE = `
shop: &flag
  variations: {on: true, off: false}
  targeting:
    - name: beta
      query: group eq "beta"
      percentage:
        on: 25.5
        off: 74.5
  defaultRule:
    variation: off
  experimentation:
    start: 2024-01-01
other: *flag
`;
const TOML_FLAG = (name: string) => `
[${name}.variations]
on = true
off = false
[[${name}.targeting]]
name = "beta"
query = 'group eq "beta"'
percentage = { on = 25.5, off = 74.5 }
[${name}.defaultRule]
variation = "off"
[${name}.experimentation]
start = 2024-01-01
`;

function plainFlags(flags: ReadonlyMap<string, JsonValue>): unknown {
  return JSON.parse(JSON.stringify([...flags]));
}

describe('parseFlagFile', () => {
  it('reads the same flags from all three formats', () => {
    const expected = [
      ['shop', FLAG],
      ['other', FLAG],
    ];
    for (const [text, format] of [
      [JSON_FILE, 'json'],
      [YAML_FILE, 'yaml'],
      [TOML_FLAG('shop') + TOML_FLAG('other'), 'toml'],
    ] as const) {
      const file = parseFlagFile(text, format);
      expect(file.findings).toEqual([]);
      expect(file.isReadable).toBe(true);
      expect(plainFlags(file.flags)).toEqual(expected);
      for (const [key, flag] of file.flags) expect(validateFlag(key, flag)).toEqual([]);
    }
  });

  it('skips a byte order mark', () => {
    expect(parseFlagFile('\ufeff{"f":{}}', 'json').flags.size).toBe(1);
    expect(parseFlagFile('\ufefff: {}', 'yaml').flags.has('f')).toBe(true);
    expect(parseFlagFile('\ufeff[f]', 'toml').flags.has('f')).toBe(true);
  });

  it.each([
    ['{"a":{},}', 'json', { line: 1, column: 9 }],
    ['{\n  "a": {\n    "disable": yes\n  }\n}', 'json', { line: 3, column: 16 }],
    ['a:\n  b: [1\nc: 2\n', 'yaml', { line: 3, column: 1 }],
    ['a:\n\tb: 1\n', 'yaml', { line: 2, column: 1 }],
    ['[a]\nb = \n', 'toml', { line: 2, column: 5 }],
    ['[a]\nb = 1\nb = 2\n', 'toml', { line: 3, column: 1 }],
  ] as const)('answers %j with one finding that has a place and no flag', (text, format, place) => {
    const file = parseFlagFile(text, format);
    expect(file.flags.size).toBe(0);
    expect(file.isReadable).toBe(false);
    expect(file.findings).toHaveLength(1);
    expect(file.findings[0]).toMatchObject(place);
    expect(file.findings[0]?.flag).toBeUndefined();
    expect(file.findings[0]?.message).toMatch(/\S/);
    expect(file.positions('a', [])).toBeUndefined();
  });

  it.each([
    ['[1]', 'json', 'array'],
    ['null', 'json', 'null'],
    ['"x"', 'json', 'string'],
    ['- a\n', 'yaml', 'array'],
    ['hello\n', 'yaml', 'string'],
  ] as const)('says that the top level of %j is no map of flags', (text, format, kind) => {
    const { findings, flags, isReadable } = parseFlagFile(text, format);
    expect(isReadable).toBe(false);
    expect(flags.size).toBe(0);
    expect(findings.map(({ message }) => message)).toEqual([
      `the top level must map flag names to flags, found ${kind}`,
    ]);
  });

  it('takes an empty YAML or TOML file for a file without flags', () => {
    for (const [text, format] of [
      ['', 'yaml'],
      ['# nothing\n', 'yaml'],
      ['~', 'yaml'],
      ['', 'toml'],
    ] as const) {
      expect(parseFlagFile(text, format)).toMatchObject({ findings: [], isReadable: true });
    }
    expect(parseFlagFile('', 'json').findings[0]?.message).toBe('unexpected end of JSON input');
  });

  it('takes __proto__ and constructor for ordinary names in every format', () => {
    for (const [text, format] of [
      ['{"__proto__":{"variations":{"__proto__":1,"constructor":2}}}', 'json'],
      ['__proto__:\n  variations: {__proto__: 1, constructor: 2}\n', 'yaml'],
      ['["__proto__".variations]\n__proto__ = 1\nconstructor = 2\n', 'toml'],
    ] as const) {
      const { flags } = parseFlagFile(text, format);
      const flag = flags.get('__proto__') as { variations: object };
      expect(Object.keys(flag.variations), format).toEqual(['__proto__', 'constructor']);
      expect(validateFlag('__proto__', flag as unknown as JsonValue).map(({ message }) => message)).toEqual([
        'missing default rule',
      ]);
    }
  });
});

describe('positions', () => {
  const places = (text: string, format: 'yaml' | 'json' | 'toml') => {
    const { positions } = parseFlagFile(text, format);
    return (flag: string, ...path: (string | number)[]) => {
      const place = positions(flag, path);
      return place && `${place.line}:${place.column}`;
    };
  };

  it('are those of keys and elements in JSON', () => {
    const at = places(JSON_FILE, 'json');
    expect(at('shop')).toBe('2:3');
    expect(at('shop', 'variations', 'off')).toBe('5:7');
    expect(at('shop', 'targeting', 0)).toBe('8:7');
    expect(at('shop', 'targeting', 0, 'query')).toBe('10:9');
    expect(at('other')).toBe('24:3');
    expect(at('shop', 'targeting', 1)).toBeUndefined();
    expect(at('shop', 'disable')).toBeUndefined();
    expect(at('nobody')).toBeUndefined();
  });

  it('see through escapes, brackets in strings and repeated members in JSON', () => {
    const text = '{"a\\u0062":{"q":"]}\\"{[","n":-1.5e3,"n":[true,null,{"x":""}]}}';
    const at = places(text, 'json');
    const column = (index: number) => `1:${index + 1}`;
    expect(at('ab')).toBe(column(1));
    expect(at('ab', 'q')).toBe(column(text.indexOf('"q"')));
    expect(at('ab', 'n')).toBe(column(text.lastIndexOf('"n"')));
    expect(at('ab', 'n', 2, 'x')).toBe(column(text.indexOf('"x"')));
  });

  it('are those of keys and elements in YAML, through aliases and merges', () => {
    const at = places(`${YAML_FILE}merged:\n  <<: *flag\n  version: 1\n`, 'yaml');
    expect(at('shop')).toBe('2:1');
    expect(at('shop', 'targeting', 0)).toBe('5:7');
    expect(at('shop', 'targeting', 0, 'query')).toBe('6:7');
    expect(at('other')).toBe('14:1');
    expect(at('other', 'targeting', 0, 'query')).toBe('6:7');
    expect(at('merged', 'version')).toBe('17:3');
    expect(at('merged', 'defaultRule')).toBe('10:3');
    expect(at('shop', 'targeting', 0, 'query', 0)).toBeUndefined();
  });

  it('count the elements of YAML lists as the flag does, without the empty ones', () => {
    const at = places('f:\n  targeting:\n    - ~\n    - name: a\n    -\n    - name: b\n', 'yaml');
    expect(at('f', 'targeting', 0)).toBe('4:7');
    expect(at('f', 'targeting', 1, 'name')).toBe('6:7');
  });

  it('are those of table headers and keys in TOML', () => {
    const at = places(
      '# flags\n[shop]\ndisable = true\n  [[shop.targeting]]\n  name = "a"\n  [[shop.targeting]]\n  query = """\n[no.header]\n"""\n' +
        '  [shop.targeting.percentage]\n  on = 1\n["a.b".variations]\n"x y" = 1 # [c]\n',
      'toml',
    );
    expect(at('shop')).toBe('2:1');
    expect(at('shop', 'disable')).toBe('3:1');
    expect(at('shop', 'targeting', 0)).toBe('4:3');
    expect(at('shop', 'targeting', 1)).toBe('6:3');
    expect(at('shop', 'targeting', 1, 'query')).toBe('7:3');
    expect(at('shop', 'targeting', 1, 'percentage', 'on')).toBe('11:3');
    expect(at('a.b')).toBe('12:1');
    expect(at('a.b', 'variations', 'x y')).toBe('13:1');
    expect(at('no')).toBeUndefined();
    expect(at('c')).toBeUndefined();
  });

  it('place the findings of validation', () => {
    const text = 'f:\n  variations: {a: 1}\n  targeting:\n    - query: x eq 1\n      variation: b\n';
    const file = parseFlagFile(text, 'yaml');
    const findings = [...file.flags].flatMap(([key, flag]) => validateFlag(key, flag));
    expect(
      locateFindings(findings, file.positions).map(({ message, line, column }) => [message, line, column]),
    ).toEqual([
      ['missing default rule', 1, 1],
      ['invalid variation: b does not exist', 5, 7],
    ]);
  });
});

describe('formatOf', () => {
  it.each([
    ['flags.json', 'json'],
    ['FLAGS.JSON', 'json'],
    ['a/flags.toml', 'toml'],
    ['flags.yml', 'yaml'],
    ['flags.goff.yaml', 'yaml'],
    ['flags', 'yaml'],
  ])('reads %s as %s', (name, format) => {
    expect(formatOf(name)).toBe(format);
  });
});
