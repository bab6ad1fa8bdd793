// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references into the configuration look like this.
/** Parameters on their way to a policy: templates, coercion, the operator's values, merging, freezing, digest. */

import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/internal/json.ts';
import type { ConfigResolver } from '../../../../src/policy/params/config-references.ts';
import { loadConfigResolver } from '../../../../src/policy/params/load-config-resolver.ts';
import { Redactor } from '../../../../src/policy/params/redactor.ts';
import { paramsDigest, resolveParams } from '../../../../src/policy/params/resolve-params.ts';
import type { TemplateSources } from '../../../../src/policy/params/templates.ts';

const at = '/chains/c1/api/0/params';

const SECRETS: Record<string, string> = { db: 'p"ss/wörd', port: '8080', empty: '' };
const SOURCES: TemplateSources = {
  secret: (name) => SECRETS[name],
  env: (name) => ({ PORT: '9000', ON: 'true', RATE: '2.5', HOST: ' Example.COM ', HIDDEN: 'no' })[name],
  envNames: ['PORT', 'ON', 'RATE', 'HOST', 'UNSET'],
};

interface Given {
  readonly parameters?: JsonObject;
  readonly systemParameters?: JsonObject;
  readonly redactor?: Redactor;
  readonly resolve?: ConfigResolver;
  readonly attachedTo?: 'api' | 'route';
}

function resolved(given: JsonValue | undefined, more: Given = {}) {
  const { parameters = {}, systemParameters = {}, redactor = new Redactor(), resolve, attachedTo = 'api' } = more;
  const manifest = { parameters, systemParameters };
  return resolveParams({ manifest, given, attachedTo, path: at, sources: SOURCES, redactor, resolve });
}

function params(given: JsonValue | undefined, more: Given = {}): JsonObject {
  const result = resolved(given, more);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  const { attachedTo: _, ...rest } = result.params;
  return rest;
}

function faults(given: JsonValue | undefined, more: Given = {}): string[] {
  const result = resolved(given, more);
  return 'problems' in result ? result.problems.map(({ path, message }) => `${path}: ${message}`) : [];
}

const typed = (type: string): JsonObject => ({ properties: { a: { type } } });

describe('templates in parameters', () => {
  const table: [name: string, text: string, expected: string][] = [
    ['a secret', '{{ secret "db" }}', 'p"ss/wörd'],
    ['an environment variable', '{{ env "PORT" }}', '9000'],
    ['a default for what is not set', '{{ env "UNSET" | default "80" }}', '80'],
    ['a default for what is empty', '{{ secret "empty" | default "x" }}', 'x'],
    ['a default that is not needed', '{{ env "PORT" | default "80" }}', '9000'],
    ['required, when it is there', '{{ env "PORT" | required "no port" }}', '9000'],
    [
      'trim, lower and upper',
      '{{ env "HOST" | trim | lower }}/{{ env "HOST" | trim | upper }}',
      'example.com/EXAMPLE.COM',
    ],
    ['replace', '{{ env "HOST" | trim | replace "COM" "$&org" }}', 'Example.$&org'],
    ['parentheses', '{{ default "x" (env "UNSET") }}', 'x'],
    ['raw texts', '{{ upper `a"b` }}', 'A"B'],
    ['text around it', 'http://{{ env "PORT" }}/x', 'http://9000/x'],
    ['braces as text', '{{ "{{" }}name}}', '{{name}}'],
    ['braces inside a text', '{{ "a}}b" | upper }}', 'A}}B'],
    ['no template at all', '{ not one }', '{ not one }'],
  ];
  it.each(table)('%s', (_name, text, expected) => {
    expect(params({ a: text, deep: [{ b: text }] })).toEqual({ a: expected, deep: [{ b: expected }] });
  });

  const wrong: [name: string, text: string, says: string][] = [
    ['a name that is not allowed', '{{ env "HIDDEN" }}', 'env HIDDEN is not on the list'],
    ['nothing there', '{{ env "UNSET" }}', 'env UNSET is not set'],
    ['an unknown secret', '{{ secret "none" | upper }}', 'secret none is not set'],
    ['required, when it is missing', '{{ env "UNSET" | required "the port is missing" }}', 'the port is missing'],
    ['an unknown function', '{{ shell "rm" }}', 'there is no template function shell'],
    ['a wrong number of values', '{{ upper "a" "b" }}', 'upper takes 1 value(s), not 2'],
    ['a template that is not closed', '{{ env "PORT"', 'not closed'],
    ['an empty one', '{{ }}', 'is empty'],
    ['something left over', '{{ "a" "b" }}', 'left over'],
    ['a pipe into a text', '{{ env "PORT" | "x" }}', 'pipes a value into a text'],
    ['nesting without end', `{{ ${'('.repeat(20)}env "PORT"${')'.repeat(20)} }}`, 'nested too deep'],
  ];
  it.each(wrong)('P-63: refuses %s, with its path', (_name, text, says) => {
    expect(faults({ list: [{ a: text }] })).toEqual([expect.stringContaining(`${at}/list/0/a: `)]);
    expect(faults({ list: [{ a: text }] })[0]).toContain(says);
  });
});

describe('P-23: coercion', () => {
  const table: [schema: JsonObject, text: string, expected: JsonValue][] = [
    [typed('integer'), '{{ env "PORT" }}', 9_000],
    [typed('number'), '{{ env "RATE" }}', 2.5],
    [typed('boolean'), '{{ env "ON" }}', true],
    [typed('string'), '{{ env "PORT" }}', '9000'],
    [{ properties: { a: { type: ['integer', 'string'] } } }, '{{ env "PORT" }}', '9000'],
    [{ properties: { a: { oneOf: [{ type: 'boolean' }, { type: 'integer' }] } } }, '{{ env "PORT" }}', 9_000],
    [{ properties: { a: { enum: [9_000, 1] } } }, '{{ env "PORT" }}', 9_000],
    [
      { definitions: { 'a/b': { type: 'integer' } }, properties: { a: { $ref: '#/definitions/a~1b' } } },
      '{{ env "PORT" }}',
      9_000,
    ],
    [{ additionalProperties: { type: 'integer' } }, '{{ env "PORT" }}', 9_000],
    [typed('integer'), '{{ secret "port" }}', 8_080],
  ];
  it.each(table)('makes of a templated text what %j wants', (schema, text, expected) => {
    expect(params({ a: text }, { parameters: schema })).toEqual({ a: expected });
  });

  it('goes into arrays and objects', () => {
    const parameters: JsonObject = {
      properties: { list: { type: 'array', items: { type: 'object', properties: { max: { type: 'integer' } } } } },
    };
    expect(params({ list: [{ max: '{{ env "PORT" }}' }, { max: 3 }] }, { parameters })).toEqual({
      list: [{ max: 9_000 }, { max: 3 }],
    });
  });

  it('leaves a text alone that the user wrote, and one that is no such value', () => {
    expect(faults({ a: '9000' }, { parameters: typed('integer') })).toEqual([`${at}/a: must be integer`]);
    expect(faults({ a: '{{ env "HOST" }}' }, { parameters: typed('integer') })).toEqual([`${at}/a: must be integer`]);
    expect(faults({ a: '{{ env "RATE" }}' }, { parameters: typed('integer') })).toEqual([`${at}/a: must be integer`]);
  });
});

const CONFIG: JsonObject = {
  a: { b: 'text', n: 5, f: 1.5, on: true, list: [1, { x: 'y' }], map: { k: [2] }, 'odd-name': 'odd' },
  host: 'keys.example',
  port: 443,
};

describe('P-24: the table of references into the configuration', () => {
  const table: [name: string, marker: JsonValue, expected: JsonValue | undefined][] = [
    ['a dotted path', '${config.a.b}', 'text'],
    ['a bracket path', "${config.a['odd-name']}", 'odd'],
    ['an integer stays an integer', '${config.a.n}', 5],
    ['a fraction', '${config.a.f}', 1.5],
    ['a boolean', '${config.a.on}', true],
    ['a list', '${config.a.list}', [1, { x: 'y' }]],
    ['a map', '${config.a.map}', { k: [2] }],
    ['an item of a list', '${config.a.list[1].x}', 'y'],
    ['references in an array', ['${config.port}', { deep: '${config.a.b}' }, 7], [443, { deep: 'text' }, 7]],
    ['references in nested maps', { one: { two: '${config.a.n}' } }, { one: { two: 5 } }],
    ['a ternary', "${config.a.on ? 'yes' : 'no'}", 'yes'],
    ['size()', '${size(config.a.list)}', 2],
    ['arithmetic', '${config.port + 1}', 444],
    ['a reference inside longer text', 'https://${config.host}:${config.port}/x', 'https://keys.example:443/x'],
    ['a map inside longer text', 'v=${config.a.map}', 'v={"k":[2]}'],
    ['an unclosed brace', 'https://${config.host', 'https://${config.host'],
    ['a brace inside a text of the expression', "${'}' + config.a.b}", '}text'],
    ['an unknown path', '${config.none.x}', undefined],
    ['an unknown path inside longer text', 'x-${config.none}', undefined],
    ['an unknown path in an array', ['${config.none}'], undefined],
  ];
  it.each(table)('%s', async (_name, marker, expected) => {
    const resolve = await loadConfigResolver(CONFIG);
    const systemParameters: JsonObject = { properties: { p: { 'x-edict-default-config': marker } } };
    expect(params({}, { systemParameters, resolve })).toEqual(expected === undefined ? {} : { p: expected });
  });

  it('takes the aliases, the own name first', async () => {
    const resolve = await loadConfigResolver(CONFIG);
    const systemParameters: JsonObject = {
      properties: {
        p: { 'wso2/defaultValue': '${config.port}' },
        q: { 'x-wso2-policy-default-config': '${config.host}' },
        r: { 'wso2/defaultValue': 'x', 'x-edict-default-config': '${config.a.n}' },
      },
    };
    expect(params({}, { systemParameters, resolve })).toEqual({ p: 443, q: 'keys.example', r: 5 });
  });

  it('U-21: what is missing takes the default, is an error when required, and is left out otherwise', async () => {
    const resolve = await loadConfigResolver(CONFIG);
    const missing = { 'x-edict-default-config': '${config.none.key}' };
    const systemParameters: JsonObject = {
      required: ['needed', 'withDefault'],
      properties: { needed: { ...missing }, withDefault: { ...missing, default: 3 }, optional: { ...missing } },
    };
    expect(faults({}, { systemParameters, resolve })).toEqual([
      expect.stringContaining(`${at}/needed: is required, and the configuration does not have it`),
    ]);
    expect(params({ needed: 'mine' }, { systemParameters, resolve })).toEqual({ needed: 'mine', withDefault: 3 });
  });

  it('refuses a reference that is no expression, whatever the default is', async () => {
    const resolve = await loadConfigResolver(CONFIG);
    const systemParameters: JsonObject = {
      properties: { p: { 'x-edict-default-config': '${confg.a +}', default: 1 } },
    };
    expect(faults({}, { systemParameters, resolve })).toEqual([
      expect.stringContaining(`${at}/p: the reference cannot be used`),
    ]);
  });

  it('checks what the configuration gives by the schema of the operator', async () => {
    const resolve = await loadConfigResolver(CONFIG);
    const systemParameters: JsonObject = {
      properties: { p: { type: 'integer', 'wso2/defaultValue': '${config.host}' } },
    };
    expect(faults({}, { systemParameters, resolve })).toEqual([`${at}/p: must be integer`]);
  });
});

describe('P-25: merging', () => {
  const systemParameters: JsonObject = {
    properties: { url: { type: 'string', default: 'https://system.example' }, ttl: { type: 'integer', default: 60 } },
  };
  const parameters: JsonObject = { properties: { max: { type: 'integer', default: 5 } }, additionalProperties: false };

  it('users override the operator, by the schema of the operator', () => {
    expect(params({ ttl: 5 }, { parameters, systemParameters })).toEqual({
      url: 'https://system.example',
      ttl: 5,
      max: 5,
    });
    expect(faults({ ttl: 'soon', other: 1 }, { parameters, systemParameters }).sort()).toEqual([
      `${at}/other: is not a known parameter`,
      `${at}/ttl: must be integer`,
    ]);
  });

  it('say where the policy is attached, and nobody can say otherwise', () => {
    const result = resolved({ attachedTo: 'moon' }, { attachedTo: 'route' });
    expect(result).toMatchObject({ params: { attachedTo: 'route' } });
  });

  it('U-23: are frozen to the last member, and leave the document as it was', () => {
    const given = { list: [{ a: 1 }] };
    const result = resolved(given, { parameters: { properties: { b: { default: { c: 1 } } } } });
    if ('problems' in result) throw new Error('refused');
    const list = result.params.list as JsonObject[];
    expect(() => Object.assign(list[0]!, { a: 2 })).toThrow(TypeError);
    expect(() => list.push({})).toThrow(TypeError);
    expect(() => Object.assign(result.params.b as object, { c: 2 })).toThrow(TypeError);
    expect(given).toEqual({ list: [{ a: 1 }] });
    expect(Object.isFrozen(given.list)).toBe(false);
  });

  it('have a digest that knows no order of members and no spelling', () => {
    expect(paramsDigest({ a: 1, b: { d: 2, c: 3 } })).toBe(paramsDigest({ b: { c: 3, d: 2 }, a: 1.0 }));
    expect(paramsDigest({ a: 1 })).not.toBe(paramsDigest({ a: '1' }));
    expect(paramsDigest({ a: 1, b: [true, null, 'x'] })).toBe(
      'sha256:eca8cfb31ab74533e1eb2f4c74d2d55dfe3c79ac704787e54be8647ea7777eb1',
    );
  });

  it('are refused when they are no object, or too large', () => {
    expect(faults([1])).toEqual([`${at}: parameters are an object`]);
    expect(faults({ a: 'x'.repeat(1_100_000) })).toHaveLength(1);
  });
});

describe('P-26: secrets', () => {
  it('never show in an error message, plain, escaped or derived', () => {
    const redactor = new Redactor();
    const found = faults(
      { a: '{{ secret "db" }}', b: '{{ required (secret "db" | upper) (env "UNSET") }}' },
      { redactor },
    );
    expect(found.join()).not.toMatch(/p"ss|P"SS/);
    expect(found).toHaveLength(1);
  });

  it('are found by value in texts, JSON and canonical JSON, and so is what was made of them', () => {
    const redactor = new Redactor();
    params({ a: 'Bearer {{ secret "db" | upper }}', b: '{{ "abc" | redact }}' }, { redactor });
    const dump = JSON.stringify({ plain: 'p"ss/wörd', made: 'Bearer P"SS/WÖRD', other: 'abc' });
    expect(redactor.redact(dump)).toBe('{"plain":"[redacted]","made":"[redacted]","other":"[redacted]"}');
    expect(redactor.redact('p"ss/wörd p\\"ss\\/wörd p\\"ss/w\\u00f6rd')).toBe('[redacted] [redacted] [redacted]');
    expect(redactor.redactJson({ list: ['x p"ss/wörd'], n: 1 })).toEqual({ list: ['x [redacted]'], n: 1 });
  });

  it('that are numbers after coercion are hidden too', () => {
    const redactor = new Redactor();
    const given = params({ a: '{{ secret "port" }}' }, { redactor, parameters: typed('integer') });
    expect(given).toEqual({ a: 8_080 });
    expect(redactor.redactJson(given)).toEqual({ a: '[redacted]' });
  });

  it('leave no rest when one is inside another', () => {
    const redactor = new Redactor();
    redactor.add('abc');
    redactor.add('abcdef');
    redactor.add('');
    expect(redactor.redact('xabcdefx abc')).toBe('x[redacted]x [redacted]');
  });
});
