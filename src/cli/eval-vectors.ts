/** `edict eval --vectors FILE`: answers JSON lines of evaluations, one line out for each line in. */

import { findJsonSyntaxError } from '../flags/json-syntax.ts';
import { canonicalJson } from '../internal/canonical-json.ts';
import type { JsonObject, JsonValue } from '../internal/json.ts';
import { hasOwn, isJsonObject } from '../internal/json.ts';
import { readLines } from './byte-lines.ts';
import { LineWriter, printError } from './console.ts';
import { answerText, engineAnswer, refusal } from './engine-answer.ts';
import { readEvaluationInput } from './evaluation-input.ts';
import { ExitCode } from './exit-codes.ts';
import { type InputText, readInputText, readLineInput } from './input-text.ts';
import { Kernel } from './kernel.ts';

/**
 * Reads `{id, input: {flagKey, flag, evalContext, flagContext}}` and writes `{id, output}`, in order. In place of `input`
 * a line may carry `inputText`, the input as one string, to see what the engine says of text that is not JSON.
 *
 * A line that cannot be answered is named on standard error and left out; the rest is answered, and the exit code is 1.
 */
export async function evalVectors(path: string): Promise<ExitCode> {
  const kernel = await Kernel.open();
  const out = new LineWriter();
  const name = path === '-' ? 'standard input' : path;
  let number = 0;
  let bad = 0;
  for await (const line of readLines(path)) {
    number++;
    if (line.trim() === '') continue;
    try {
      await out.write(answerLine(kernel, line));
    } catch (caught) {
      bad++;
      await out.flush();
      printError(`${name}:${number}: ${(caught as Error).message}`);
    }
  }
  await out.flush();
  if (bad === 0) return ExitCode.fine;
  printError(`${bad} of ${number} lines could not be answered`);
  return ExitCode.found;
}

/** The line that answers a line, without its line feed. Throws what the line's writer has to know. */
export function answerLine(kernel: Kernel, line: string): string {
  const record = parse(line);
  if (!isJsonObject(record)) throw new Error('the line is not a JSON object');
  const id = hasOwn(record, 'id') ? (record.id as JsonValue) : null;
  const output = hasOwn(record, 'input')
    ? answer(kernel, readLineInput(line))
    : answerInputText(kernel, hasOwn(record, 'inputText') ? record.inputText : undefined);
  return `{"id":${canonicalJson(id)},"output":${answerText(output)}}`;
}

function answerInputText(kernel: Kernel, text: JsonValue | undefined): JsonObject {
  if (typeof text !== 'string') throw new Error('the line has no member "input"');
  // Go's scanner sees a space behind the end: what is cut off inside a word or a number is told by that space.
  const syntax = findJsonSyntaxError(`${text} `);
  if (syntax === undefined) return answer(kernel, readInputText(text));
  return refusal('PARSE_ERROR', asBytes(syntax.message));
}

function answer(kernel: Kernel, { value, overflows }: InputText): JsonObject {
  const input = readEvaluationInput(value, overflows);
  if ('error' in input) return refusal('PARSE_ERROR', input.error);
  const { flagKey, flag, evalContext: context, enrichment } = input;
  return engineAnswer(kernel.ask({ flagKey, flag, context, enrichment }), input.defaultSdkValue);
}

/** Go's scanner goes by bytes: of a character that is none of ASCII it shows the first byte, as if that were Latin-1. */
function asBytes(message: string): string {
  return message.replace(/^(invalid character ')([^\0-\x7f])/u, (_all, before: string, char: string) => {
    return before + String.fromCharCode(Buffer.from(char)[0] as number);
  });
}

function parse(line: string): JsonValue {
  try {
    return JSON.parse(line) as JsonValue;
  } catch (caught) {
    const problem = findJsonSyntaxError(line);
    if (problem === undefined) throw caught;
    throw new Error(`not JSON: ${problem.message} (column ${problem.offset + 1})`);
  }
}
