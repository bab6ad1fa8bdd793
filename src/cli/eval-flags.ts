/** `edict eval --flags FILE`: decides flags of a file for one context, and says why on request. */

import { type RawOutcome, variantOf } from '../evaluator/outcome-reader.ts';
import { validateFlag } from '../flags/validate.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts';
import { type Paint, paintFor } from './colour.ts';
import type { Cell } from './columns.ts';
import { alignColumns } from './columns.ts';
import { print, printError, printJson, shownName, shownValue } from './console.ts';
import { ExitCode } from './exit-codes.ts';
import { explain } from './explain/explain.ts';
import type { Explanation } from './explain/explanation.ts';
import { explanationLines } from './explain/explanation-text.ts';
import { type LoadedFlag, loadFlags } from './flag-files.ts';
import { readJsonArgument, readObjectArgument } from './json-argument.ts';
import { Kernel } from './kernel.ts';
import { nearestNames } from './nearest-names.ts';
import { UsageError } from './usage-error.ts';

export interface EvalFlagsOptions {
  readonly flags: readonly string[];
  /** Without it every flag is decided. */
  readonly flag?: string;
  readonly context?: string;
  readonly default?: string;
  readonly enrich?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
}

/** One decision, with everything the engine said of it. */
interface Decision {
  readonly raw: RawOutcome;
  /** The flag's value, or the default in its place. */
  readonly value: JsonValue;
  readonly explanation: Explanation | undefined;
}

/** Exit code 1 when a decision is an error. */
export async function evalFlags(options: EvalFlagsOptions): Promise<ExitCode> {
  if (options.explain === true && options.flag === undefined) {
    throw new UsageError('--explain needs --flag KEY', 'one decision is explained at a time');
  }
  const context = await readObjectArgument('--context', options.context ?? '{}');
  const enrichment = await readObjectArgument('--enrich', options.enrich ?? '{}');
  const fallback = options.default === undefined ? null : await readJsonArgument('--default', options.default);
  const flags = await loadFlags(options.flags);
  const keys = options.flag === undefined ? [...flags.keys()].sort() : [options.flag];
  const now = Date.now();
  const kernel = await Kernel.open(() => now);
  const decisions = keys.map((flagKey): Decision => {
    const question = { flagKey, flag: flagOf(flags, flagKey, options.flags).value, context, enrichment };
    const raw = kernel.ask(question);
    const explanation = options.explain === true ? explain(kernel, question, raw, now) : undefined;
    return { raw, value: raw.value === undefined ? fallback : raw.value, explanation };
  });
  for (const key of keys) warnIfInvalid(key, flags.get(key) as LoadedFlag);
  show(decisions, options);
  return decisions.some(({ raw }) => raw.code !== '') ? ExitCode.found : ExitCode.fine;
}

function flagOf(flags: ReadonlyMap<string, LoadedFlag>, key: string, paths: readonly string[]): LoadedFlag {
  const flag = flags.get(key);
  if (flag !== undefined) return flag;
  const near = nearestNames(key, [...flags.keys()]);
  const hint = near.length > 0 ? `did you mean ${near.map(shownName).join(', ')}?` : `it has ${flags.size} flags`;
  throw new UsageError(`there is no flag "${shownName(key)}" in ${paths.join(', ')}`, hint);
}

/** The engine decides what it can; a relay would not have served the flag at all. */
function warnIfInvalid(key: string, { value, path }: LoadedFlag): void {
  const [finding] = validateFlag(key, value);
  if (finding === undefined) return;
  const paint = paintFor(process.stderr);
  printError(
    `${paint('yellow', 'warning')}: a relay leaves flag "${shownName(key)}" out: ${finding.message} (see edict lint ${path})`,
  );
}

function show(decisions: readonly Decision[], options: EvalFlagsOptions): void {
  const paint = paintFor(process.stdout);
  const [only] = decisions;
  if (options.json === true)
    printJson(options.flag === undefined ? decisions.map(documentOf) : documentOf(only as Decision));
  else if (options.flag === undefined) for (const line of tableOf(decisions, paint)) print(line);
  else for (const line of linesOf(only as Decision, paint)) print(line);
}

/** The names are those of a `Resolution`. */
function documentOf({ raw, value, explanation }: Decision): JsonObject {
  return {
    flagKey: raw.flagKey,
    value,
    variant: variantOf(raw),
    reason: raw.reason === '' ? 'ERROR' : raw.reason,
    ...(raw.code === '' ? {} : { errorCode: raw.code, errorMessage: raw.details }),
    ...(raw.ruleIndex === undefined ? {} : { ruleIndex: raw.ruleIndex }),
    ...(raw.ruleName === undefined ? {} : { ruleName: raw.ruleName }),
    metadata: raw.metadata ?? {},
    version: raw.version,
    trackEvents: raw.trackEvents,
    cacheable: raw.cacheable,
    ...(explanation === undefined ? {} : { explanation: JSON.parse(JSON.stringify(explanation)) as JsonValue }),
  };
}

function linesOf({ raw, value, explanation }: Decision, paint: Paint): string[] {
  const rows: (Cell | string)[][] = [];
  const add = (name: string, text: string, style?: Cell['style']): void => {
    rows.push([{ text: name, style: 'dim' }, style === undefined ? text : { text, style }]);
  };
  if (raw.code !== '') add('error', `${raw.code}: ${shownName(raw.details)}`, 'red');
  add('variation', shownName(variantOf(raw)));
  add('reason', raw.reason === '' ? 'ERROR' : raw.reason);
  add('rule', ruleOf(raw));
  if (raw.version !== '') add('version', shownName(raw.version));
  if (raw.metadata !== undefined && Object.keys(raw.metadata).length > 0)
    add('metadata', shownValue(raw.metadata, 200));
  const lines = [
    `${paint('bold', shownName(raw.flagKey))} = ${paint('cyan', textOf(value))}`,
    ...alignColumns(rows, paint, '  '),
  ];
  if (explanation !== undefined)
    lines.push('', paint('bold', 'How it came about'), ...explanationLines(explanation, paint));
  return lines;
}

function tableOf(decisions: readonly Decision[], paint: Paint): string[] {
  const header = ['flag', 'value', 'variation', 'reason', 'rule'].map((text): Cell => ({ text, style: 'bold' }));
  const rows = decisions.map(({ raw, value }): (Cell | string)[] => [
    shownName(raw.flagKey),
    { text: shownValue(value, 30), style: 'cyan' },
    shownName(variantOf(raw)),
    raw.code === '' ? raw.reason : { text: `${raw.reason || 'ERROR'} ${raw.code}`, style: 'red' },
    raw.code === '' ? ruleOf(raw) : shownName(raw.details),
  ]);
  return alignColumns([header, ...rows], paint);
}

function ruleOf(raw: RawOutcome): string {
  if (raw.ruleIndex === undefined) return raw.reason === 'DISABLED' || raw.code !== '' ? '-' : 'default rule';
  return raw.ruleName ? `${raw.ruleIndex + 1} "${shownName(raw.ruleName)}"` : String(raw.ruleIndex + 1);
}

/** Objects in full, one member a line; everything else on one. */
function textOf(value: JsonValue): string {
  const isLarge = (isJsonObject(value) || Array.isArray(value)) && JSON.stringify(value).length > 60;
  return isLarge ? JSON.stringify(value, null, 2) : shownValue(value, 1_000);
}
