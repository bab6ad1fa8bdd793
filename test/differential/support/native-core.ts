/** Asks GO Feature Flag's own core and Edict's kernel the same evaluations, and shows where they differ. */

import { spawnSync } from 'node:child_process';
import { refusal } from '../../../src/cli/engine-answer.ts';
import { answerLine } from '../../../src/cli/eval-vectors.ts';
import type { Kernel } from '../../../src/cli/kernel.ts';
import { findJsonSyntaxError } from '../../../src/flags/json-syntax.ts';
import { canonicalJson } from '../../../src/internal/canonical-json.ts';
import type { JsonObject, JsonValue } from '../../../src/internal/json.ts';
import { shrink } from '../../unit/flags/jsonlogic/shrink.ts';
import { type NativeCase, nativeCase } from './native-cases.ts';

/** What the core said, as canonical JSON; more than one thing where it does not always say the same. */
type NativeAnswer = readonly string[];

/** Enough to see an order of a Go map that comes up once in a hundred times. */
const TRIES = 2_000;

export interface NativeTally {
  pairs: number;
  /** How often each reason or error code was answered. */
  readonly outcomes: Map<string, number>;
  /** Pairs that the core decides by the order of a Go map; ours was among its answers. */
  undefined: number;
}

export function newNativeTally(): NativeTally {
  return { pairs: 0, outcomes: new Map(), undefined: 0 };
}

export class NativeCore {
  readonly #file: string;
  readonly #kernel: Kernel;

  constructor(file: string, kernel: Kernel) {
    this.#file = file;
    this.#kernel = kernel;
  }

  /** Compares the cases from number `first` on; the text of the first difference, or undefined. */
  difference(first: number, count: number, tally: NativeTally): string | undefined {
    const cases = Array.from({ length: count }, (_, i) => nativeCase(first + i));
    const answers = this.#native(cases.map(({ text }) => text));
    for (const [i, asked] of cases.entries()) {
      const native = answers[i] as NativeAnswer;
      const edict = this.#edict(asked.text);
      tally.pairs++;
      count1(tally.outcomes, edict);
      if (native[0] === edict) continue;
      if (this.#isUndefined(asked.text, edict)) tally.undefined++;
      else return this.#report(asked);
    }
    return undefined;
  }

  /**
   * What spec/flags.md §15 leaves open, and the core decides by the order of a Go map: percentages are added in it, which shows when
   * three or more have fractions among them; and with one below zero (§11.4) buckets overlap, and the first of them in that order
   * is taken. The core must then give our answer too, just not every time.
   */
  #isUndefined(text: string, edict: string): boolean {
    if (findJsonSyntaxError(text) !== undefined || !dependsOnMapOrder(text)) return false;
    const [native = []] = this.#native([text], TRIES);
    return native.length > 1 && native.includes(edict);
  }

  #edict(text: string): string {
    try {
      const { output } = JSON.parse(answerLine(this.#kernel, lineOf(text))) as { output: JsonValue };
      return canonicalJson(output);
    } catch (caught) {
      return `threw ${String(caught)}`;
    }
  }

  #native(texts: readonly string[], tries?: number): NativeAnswer[] {
    const input = texts.map((text) => lineOf(text, tries)).join('\n');
    const { status, stdout, stderr } = spawnSync(this.#file, { input, encoding: 'utf8', maxBuffer: 2 ** 30 });
    if (status !== 0) throw new Error(`the native core ended with ${status}: ${stderr}`);
    const lines = stdout.trimEnd().split('\n');
    if (lines.length !== texts.length) throw new Error(`${lines.length} answers to ${texts.length} questions`);
    return lines.map(readAnswer);
  }

  #report({ seed, input, text }: NativeCase): string {
    const differs = (candidate: string): boolean => {
      const edict = this.#edict(candidate);
      return this.#native([candidate])[0]?.[0] !== edict && !this.#isUndefined(candidate, edict);
    };
    const small = differs(JSON.stringify(input))
      ? JSON.stringify(shrink(input, (candidate) => differs(JSON.stringify(candidate))))
      : text;
    return [
      `case ${seed} (EDICT_NATIVE_SEED=${seed} EDICT_NATIVE_CASES=1)`,
      `input  ${small}`,
      `native ${this.#native([small])[0]?.[0]}`,
      `edict  ${this.#edict(small)}`,
    ].join('\n');
  }
}

/** Whether a percentage has an entry that is no whole number, or below zero. */
function dependsOnMapOrder(text: string): boolean {
  let found = false;
  JSON.parse(text, (name, value: unknown) => {
    if (name.toLowerCase() === 'percentage' && typeof value === 'object' && value !== null) {
      found ||= Object.values(value).some((share) => !Number.isInteger(share) || (share as number) < 0);
    }
    return value;
  });
  return found;
}

function lineOf(inputText: string, tries = 1): string {
  return JSON.stringify({ id: null, inputText, tries });
}

function readAnswer(line: string): NativeAnswer {
  const {
    output,
    panic,
    others = [],
  } = JSON.parse(line) as { output?: JsonValue; panic?: string; others?: JsonValue[] };
  // A server around the core recovers from a panic, and its answer is then what §3.4 has for one.
  if (panic !== undefined)
    return [canonicalJson(refusal('GENERAL', `recovered from panic during evaluation: ${panic}`))];
  return [output as JsonValue, ...others].map((answer) => canonicalJson(answer));
}

function count1(outcomes: Map<string, number>, answer: string): void {
  if (answer.startsWith('threw')) return;
  const { reason, errorCode } = JSON.parse(answer) as JsonObject;
  const name = String(errorCode || reason);
  outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
}
