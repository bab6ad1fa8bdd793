/** Random flags in the files of a relay: its answers over OFREP against those of the evaluator that it feeds. */

import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { RawOutcome } from '../../src/evaluator/outcome-reader.ts';
import { parseFlag } from '../../src/flags/parse-flag.ts';
import { validateFlag } from '../../src/flags/validate.ts';
import { InProcessEvaluator } from '../../src/index.ts';
import type { JsonObject, JsonValue } from '../../src/internal/json.ts';
import { relayCase } from '../differential/support/native-cases.ts';
import { embeddedRelay } from './support/embedded-relay.ts';
import { post } from './support/http.ts';
import type { Flags, RelayKind } from './support/relay-under-test.ts';
import { stockRelay } from './support/stock-relay.ts';

/** Other flags in every run. Set EDICT_RELAY_SEED to replay one. */
const SEED = Number(process.env['EDICT_RELAY_SEED'] ?? randomInt(2 ** 31));
const REPLAY = `EDICT_RELAY_SEED=${SEED} replays this`;
const FLAGS = 3_000;
const CONTEXTS = 60;
const SILENT = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

const made = relayCase(SEED, FLAGS, CONTEXTS);
/**
 * What is not put to a relay: a date that cannot be read costs the whole file; with one that cannot be written the stock relay
 * answers 500 to everything; and a rollout with one end ends it.
 */
const flags = Object.fromEntries(
  Object.entries(made.flags).filter(
    ([, flag]) => !('error' in parseFlag(flag)) && !hasOddOffset(flag) && !lacksAnEnd(flag) && !dependsOnMapOrder(flag),
  ),
);

if (stockRelay.missing !== undefined) {
  it.skip(`${stockRelay.name} decides random flags as Edict does (${stockRelay.missing})`);
}

const kinds = [embeddedRelay, stockRelay].filter(({ missing }) => missing === undefined);

describe.each(kinds.map((kind) => [kind.name, kind] as const))('%s', (_name, kind) => {
  it('serves the flags that Edict’s linter finds nothing wrong with, and no others', async () => {
    const relay = await kind.start({ flags });
    try {
      const answer = (await post(relay.url, '/v1/flag/configuration', {})).json() as { flags: JsonObject };
      const valid = Object.entries(flags).filter(([key, flag]) => validateFlag(key, flag).length === 0);
      expect(Object.keys(answer.flags).sort(), REPLAY).toEqual(valid.map(([key]) => key).sort());
    } finally {
      await relay.dispose();
    }
  });

  it('decides random flags over OFREP as the evaluator does that it feeds (D-92, RF-04)', async () => {
    const { different, pairs, served } = await compare(kind);
    expect(different, REPLAY).toEqual([]);
    expect(served.length).toBeGreaterThan(FLAGS / 10);
    expect(pairs).toBe(served.length * CONTEXTS);
  }, 120_000);
});

async function compare(kind: RelayKind): Promise<{ different: string[]; pairs: number; served: readonly string[] }> {
  const relay = await kind.start({ flags: await withoutPanics(flags), enrichment: made.enrichment });
  const evaluator = new InProcessEvaluator({ endpoint: relay.url, logger: SILENT });
  try {
    await evaluator.initialize();
    const different: string[] = [];
    let pairs = 0;
    for (const context of made.contexts) {
      const answer = await post(relay.url, '/ofrep/v1/evaluate/flags', { context });
      expect(answer.status, answer.text).toBe(200);
      const { flags: answers } = answer.json() as { flags: JsonObject[] };
      for (const answered of answers) {
        pairs++;
        const key = String(answered['key']);
        const raw = evaluator.evaluateRaw(key, context);
        const [relayWords, edictWords] = [
          words(answered),
          raw === undefined ? 'no such flag' : words(ofrepMember(raw)),
        ];
        if (relayWords === edictWords || different.length >= 5) continue;
        different.push(
          `${key}: relay ${relayWords}, edict ${edictWords}\n${JSON.stringify({ flag: flags[key], context })}`,
        );
      }
    }
    return { different, pairs, served: evaluator.flagKeys() };
  } finally {
    await evaluator.close();
    await relay.dispose();
  }
}

/** Flags whose schedule Go panics over: one of them would cost every bulk evaluation its answer. */
async function withoutPanics(all: Flags): Promise<Flags> {
  const evaluator = new InProcessEvaluator({
    bootstrap: { flags: all, evaluationContextEnrichment: made.enrichment },
    logger: SILENT,
  });
  await evaluator.initialize();
  try {
    const panics = (key: string) =>
      made.contexts.some((context) => evaluator.evaluateRaw(key, context)?.preEvaluation === true);
    return Object.fromEntries(Object.entries(all).filter(([key]) => !panics(key)));
  } finally {
    await evaluator.close();
  }
}

function ofrepMember({ code, details, reason, variation, value, metadata }: RawOutcome): JsonObject {
  return {
    reason,
    variant: variation,
    value: (value ?? null) as JsonValue,
    ...(code === '' ? {} : { errorCode: code, errorDetails: details }),
    ...(metadata === undefined ? {} : { metadata: metadata as JsonObject }),
  };
}

/**
 * The members that say something, in one order. The relays word two cases differently in bulk answers: a disabled flag has no variant
 * in the stock relay's, and a variation that is not there is TYPE_MISMATCH in it.
 */
function words({ reason, variant, value, errorCode, metadata }: JsonObject): string {
  const isValueless = (value ?? null) === null && errorCode === undefined && reason !== 'DISABLED';
  if (isValueless || errorCode === 'TYPE_MISMATCH') return 'no value';
  const isEmpty = metadata === undefined || metadata === null || Object.keys(metadata as object).length === 0;
  return JSON.stringify([
    reason,
    reason === 'DISABLED' || reason === 'ERROR' ? '' : variant,
    value ?? null,
    errorCode ?? '',
    isEmpty ? {} : sorted(metadata as JsonValue),
  ]);
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name] as JsonValue)]),
  );
}

/** An offset that Go reads, and refuses to write. */
function hasOddOffset(flag: JsonObject): boolean {
  return /[+-](24:|23:60)/.test(JSON.stringify(flag));
}

function lacksAnEnd({ defaultRule, targeting }: JsonObject): boolean {
  const rules = [defaultRule, ...((targeting ?? []) as JsonValue[])] as (JsonObject | undefined)[];
  return rules.some((rule) => {
    const rollout = rule?.['progressiveRollout'] as JsonObject | undefined;
    return rollout !== undefined && (rollout['initial'] === undefined || rollout['end'] === undefined);
  });
}

/** Such percentages are gone through in the order of a Go map, another each time (spec/flags.md §11.4, §15). */
function dependsOnMapOrder(flag: JsonObject): boolean {
  let names = 0;
  let fraction = false;
  let negative = false;
  JSON.stringify(flag, (name, value: unknown) => {
    if (name === 'percentage' && typeof value === 'object' && value !== null) {
      names = Math.max(names, Object.keys(value).length);
      fraction ||= Object.values(value).some((share) => !Number.isInteger(share));
      negative ||= Object.values(value).some((share) => (share as number) < 0);
    }
    return value;
  });
  return negative || (fraction && (names >= 3 || flag['scheduledRollout'] !== undefined));
}
