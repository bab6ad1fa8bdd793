/** Options whose value is JSON: given in place, or as `@file`. */

import { readFile } from 'node:fs/promises';
import { findJsonSyntaxError } from '../flags/json-syntax.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import { UsageError } from './usage-error.ts';

/** How much of a text is shown around the place where it stops being JSON. */
const SHOWN = 30;

/** Rejects with a `UsageError` that names the option, the place and the reason. */
export async function readJsonArgument(option: string, argument: string): Promise<JsonValue> {
  const text = argument.startsWith('@') ? await readText(option, argument.slice(1)) : argument;
  try {
    return JSON.parse(text) as JsonValue;
  } catch (caught) {
    const problem = findJsonSyntaxError(text);
    if (problem === undefined) throw new UsageError(`${option} is not JSON: ${(caught as Error).message}`);
    const before = text.slice(0, problem.offset);
    const line = before.split('\n').length;
    const column = problem.offset - before.lastIndexOf('\n');
    throw new UsageError(
      `${option} is not JSON: ${problem.message} (line ${line}, column ${column})`,
      pointAt(text, problem.offset),
    );
  }
}

/** The same for options that take an object. */
export async function readObjectArgument(option: string, argument: string): Promise<JsonObject> {
  const value = await readJsonArgument(option, argument);
  if (isJsonObject(value)) return value;
  throw new UsageError(`${option} must be a JSON object`, `for example ${option} '{"targetingKey":"user-1"}'`);
}

async function readText(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (caught) {
    throw new UsageError(`${option}: cannot read ${path}: ${(caught as Error).message}`);
  }
}

/** The text around the place, with a caret below it. */
function pointAt(text: string, offset: number): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = text.indexOf('\n', offset);
  const start = Math.max(lineStart, offset - SHOWN);
  const end = Math.min(lineEnd < 0 ? text.length : lineEnd, offset + SHOWN);
  return `${text.slice(start, end)}\n${' '.repeat(offset - start)}^`;
}
