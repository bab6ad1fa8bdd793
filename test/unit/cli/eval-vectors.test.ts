import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createGunzip, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { answerText } from '../../../src/cli/engine-answer.ts';
import type { JsonObject } from '../../../src/internal/json.ts';
import { resultOf, runCli, startCli, temporaryFile } from './run-cli.ts';

const VECTORS = fileURLToPath(new URL('../../conformance/vectors/flags.jsonl.gz', import.meta.url));
const FLAG = { variations: { on: true, off: false }, defaultRule: { variation: 'on' } };
const ANSWER =
  '{"trackEvents":true,"variationType":"on","failed":false,"version":"","reason":"STATIC","errorCode":"","value":true,"cacheable":true}';

const record = (id: unknown, input: unknown = { flagKey: 'f', flag: FLAG }): string =>
  `${JSON.stringify({ id, input })}\n`;

describe('edict eval --vectors', () => {
  it('answers every conformance vector, byte for byte', { timeout: 180_000 }, async () => {
    const { code, stdout, stderr } = await runCli(['eval', '--vectors', VECTORS]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answers = stdout.split('\n');
    const wrong: string[] = [];
    let count = 0;
    for await (const line of createInterface({ input: createReadStream(VECTORS).pipe(createGunzip()) })) {
      const { id, expected } = JSON.parse(line) as { id: number; expected: JsonObject };
      if (answers[count] !== `{"id":${JSON.stringify(id)},"output":${answerText(expected)}}`) wrong.push(line);
      count += 1;
    }
    expect(count).toBe(20_000);
    expect(wrong).toEqual([]);
  });

  it('reads standard input, plain and gzip, whether or not the last line ends', async () => {
    for (const text of [record(1) + record('two'), (record(1) + record('two')).trimEnd()]) {
      for (const input of [text, gzipSync(text)]) {
        const result = await runCli(['eval', '--vectors', '-'], { input });
        expect(result).toEqual({
          code: 0,
          stdout: `{"id":1,"output":${ANSWER}}\n{"id":"two","output":${ANSWER}}\n`,
          stderr: '',
        });
      }
    }
  });

  it('names the lines it cannot answer on standard error, answers the others, and ends with 1', async () => {
    const input = `${record(1)}{"id":2,\n\n[]\n{"id":3}\n${record(4)}`;
    const { code, stdout, stderr } = await runCli(['eval', '--vectors', '-'], { input });
    expect(code).toBe(1);
    expect(stdout.match(/"id":\d/g)).toEqual(['"id":1', '"id":4']);
    expect(stderr.split('\n')).toEqual([
      'standard input:2: not JSON: unexpected end of JSON input (column 9)',
      'standard input:4: the line is not a JSON object',
      'standard input:5: the line has no member "input"',
      '3 of 6 lines could not be answered',
      '',
    ]);
  });

  it('takes flag keys and attributes that every object has for ordinary names', async () => {
    const flag = { ...FLAG, targeting: [{ query: 'constructor pr', variation: 'off' }] };
    for (const flagKey of ['__proto__', 'constructor', '', 'toString']) {
      const { stdout } = await runCli(['eval', '--vectors', '-'], { input: record(0, { flagKey, flag }) });
      expect(JSON.parse(stdout).output).toMatchObject({ reason: 'DEFAULT', value: true });
    }
    const input = `{"id":0,"input":{"flagKey":"f","flag":{"variations":{"__proto__":1},"defaultRule":{"variation":"__proto__"}}}}`;
    const { stdout } = await runCli(['eval', '--vectors', '-'], { input });
    expect(JSON.parse(stdout).output).toMatchObject({ variationType: '__proto__', value: 1 });
  });

  it('answers an input given as text, also one that is not JSON', async () => {
    const lines = ['{"flagKey":', JSON.stringify({ flagKey: 'f', flag: FLAG })].map((inputText, id) =>
      JSON.stringify({ id, inputText }),
    );
    const { code, stdout } = await runCli(['eval', '--vectors', '-'], { input: lines.join('\n') });
    expect(code).toBe(0);
    const outputs = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).output);
    expect(outputs[0]).toMatchObject({ errorCode: 'PARSE_ERROR', errorDetails: 'unexpected end of JSON input' });
    expect(JSON.stringify(outputs[1])).toBe(ANSWER);
  });

  it('takes a line of several megabytes', async () => {
    const value = 'x'.repeat(5_000_000);
    const input = record(1, { flag: { variations: { on: value }, defaultRule: { variation: 'on' } } });
    const { code, stdout } = await runCli(['eval', '--vectors', '-'], { input });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).output.value).toBe(value);
  });

  it('ends quietly when its reader has had enough', async () => {
    const child = startCli(['eval', '--vectors', VECTORS]);
    child.stdin?.end();
    child.stdout?.once('data', () => child.stdout?.destroy());
    const { code, stderr } = await resultOf(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('ends with 2 for a file that cannot be read, or is broken gzip', async () => {
    expect(await runCli(['eval', '--vectors', 'no-such-file'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('cannot read no-such-file'),
    });
    const broken = await temporaryFile('broken.gz', gzipSync(record(1)).subarray(0, 20));
    expect(await runCli(['eval', '--vectors', broken])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot read'),
    });
  });
});
