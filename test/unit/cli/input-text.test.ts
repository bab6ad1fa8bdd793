import { describe, expect, it } from 'vitest';
import { readEvaluationInput } from '../../../src/cli/evaluation-input.ts';
import { readInputText, readLineInput } from '../../../src/cli/input-text.ts';
import { parseFlag } from '../../../src/flags/parse-flag.ts';

function flagOf(text: string) {
  const input = readEvaluationInput(readInputText(`{"flag":${text}}`).value);
  if ('error' in input) throw new Error(input.error);
  const parsed = parseFlag(input.flag);
  if ('error' in parsed) throw new Error(parsed.error.details);
  return parsed.flag;
}

function errorOf(text: string): string | undefined {
  const { value, overflows } = readInputText(text);
  const read = readEvaluationInput(value, overflows);
  return 'error' in read ? read.error : undefined;
}

describe('the text of an input', () => {
  it('is read as JSON.parse reads it, when nothing is special about it', () => {
    const text =
      ' { "flagKey" : "k\\u00e9\\"" , "flag" : { "variations" : { "a" : -0 , "b" : [ 1.5e3 , { "c" : "]}" } ] } , "targeting" : [ ] , ' +
      '"defaultRule" : { "percentage" : { } } } , "evalContext" : { "x" : { } , "__proto__" : 1 } , "flagContext" : null } ';
    expect(JSON.stringify(readInputText(text).value)).toBe(JSON.stringify(JSON.parse(text)));
    for (const scalar of ['null', '"x"', '1', '[1, 2]', 'true'])
      expect(readInputText(scalar).value).toEqual(JSON.parse(scalar));
  });

  it('takes halves of surrogate pairs that stand alone for one and the same letter, in names too', () => {
    const text =
      '{"flagContext":{"defaultSdkValue":{"\\ud800":1,"\\uDC00":2,"\ud800":3,"\\ud83d\\ude00":4,"\\\\ud800":"\\ud800\\ud83d\\ude00"}}}';
    expect(readInputText(text).value).toEqual({
      flagContext: { defaultSdkValue: { '\ufffd': 3, '😀': 4, '\\ud800': '\ufffd😀' } },
    });
  });

  it('decodes a member that comes twice into what the first one left', () => {
    const flag = flagOf(
      '{"experimentation":{"start":"2025-01-01T00:00:00Z"},"experimentation":{"end":"2025-02-01T00:00:00Z"},' +
        '"defaultRule":{"variation":"a","percentage":{"a":1}},"defaultRule":{"percentage":{"b":2}},' +
        '"variations":{"a":1,"a":2},"version":"1","version":null,"version":"2"}',
    );
    expect(flag.experimentation?.start).toBeDefined();
    expect(flag.experimentation?.end).toBeDefined();
    expect(flag.defaultRule?.variation).toBe('a');
    expect([...(flag.defaultRule?.percentage ?? [])]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(flag.variations).toEqual({ a: 2 });
    expect(flag.version).toBe('2');
    const twice = readEvaluationInput(
      readInputText('{"flag":{"version":"1","disable":true},"FLAG":{"version":"2"}}').value,
    );
    if ('error' in twice) throw new Error(twice.error);
    expect(parseFlag(twice.flag)).toMatchObject({ flag: { version: '2', disable: true } });
  });

  it.each(['["back\\\\slash"]', '{"back\\\\slash":null}', '{"\\u0000":1}'])(
    'takes nothing but a string for a date, whatever is inside %s',
    (date) => {
      expect(errorOf(`{"flag":{"experimentation":{"start":${date}}}}`)).toBe(
        'Time.UnmarshalJSON: input is not a JSON string',
      );
    },
  );

  it('quotes a date as it is written', () => {
    const start = (date: string) => errorOf(`{"flag":{"experimentation":{"start":"${date}"}}}`);
    expect(start('2025-01-01T00:00:00\\u005a')).toBe(
      'parsing time "2025-01-01T00:00:00\\\\u005a" as "2006-01-02T15:04:05Z07:00": cannot parse "\\\\u005a" as "Z07:00"',
    );
    expect(start('2025-01-01T00:00:00Z\\"')).toBe('parsing time "2025-01-01T00:00:00Z\\\\\\"": extra text: "\\\\\\""');
    expect(start('2025-01-01T00:00:00Z')).toBeUndefined();
  });

  it('quotes a number that fits no double where a number was wanted, and only names its kind elsewhere', () => {
    expect(errorOf('{"evalContext":{"t":"9e999","a":[-1e999,1e400]}}')).toBe(
      'json: cannot unmarshal number -1e999 into Go struct field EvaluateInput.evalContext of type float64',
    );
    expect(errorOf('{"flagKey":1e999}')).toBe(
      'json: cannot unmarshal number into Go struct field EvaluateInput.flagKey of type string',
    );
    expect(errorOf('{"flag":{"version":1e999,"variations":{"a":1e998}}}')).toBe(
      'json: cannot unmarshal number into Go struct field InternalFlag.flag.version of type string',
    );
    expect(errorOf('{"flag":{"converter":1e999,"variations":{"a":1e998}}}')).toContain('number 1e998 into');
    expect(errorOf('{"flag":{"converter":1e999}}')).toBeUndefined();
  });

  it('is found in its line, the last one of several', () => {
    const line = '{"id":{"input":[1]},"input":{"flagKey":"a"},"cat":"}","input":{"flagKey":"b"},"expected":{"x":[{}]}}';
    expect(readLineInput(line).value).toEqual({ flagKey: 'b' });
  });
});
