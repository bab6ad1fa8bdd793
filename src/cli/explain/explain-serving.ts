/** What a rule serves to whom: the buckets of percentages and progressive rollouts, laid out for the reader. */

import { completeRollout, truncateToU32 } from '../../flags/compile/rollout-code.ts';
import { compareInstants, formatDate } from '../../flags/date.ts';
import type { Instant, Rule } from '../../flags/model.ts';
import { compareUtf8 } from '../../internal/canonical-json.ts';
import type { BucketRange, Serving } from './explanation.ts';

/** Buckets in one percent. */
const SCALE = 1_000;
const PROGRESS_MODULUS = 100_000;

export interface Served {
  readonly flagKey: string;
  /** The bucketing value. */
  readonly bucketBy: string;
  readonly date: Instant;
}

export function explainServing(rule: Rule, served: Served): Serving {
  if (rule.progressiveRollout !== undefined) return progressive(rule.progressiveRollout, served);
  if (rule.percentage !== undefined && rule.percentage.size > 0) return percentage(rule.percentage, served);
  if (rule.variation !== undefined) return { kind: 'variation', variation: rule.variation };
  return { kind: 'nothing', problem: 'the rule names no variation, percentage or progressive rollout' };
}

function percentage(shares: ReadonlyMap<string, number>, served: Served): Serving {
  const names = [...shares.keys()].sort((a, b) => compareUtf8(b, a));
  const modulus = truncateToU32(names.reduce((sum, name) => sum + (shares.get(name) ?? 0), 0) * SCALE);
  const ranges: BucketRange[] = [];
  let start = 0;
  for (const variation of names) {
    const end = start + (shares.get(variation) ?? 0) * SCALE;
    ranges.push({ variation, from: truncateToU32(start), to: truncateToU32(end) });
    start = end;
  }
  return { kind: 'percentage', bucket: bucketOf(served, modulus), modulus, ranges };
}

function progressive(rollout: NonNullable<Rule['progressiveRollout']>, served: Served): Serving {
  const complete = completeRollout(rollout);
  if (complete === undefined)
    return { kind: 'nothing', problem: 'the progressive rollout lacks members, or ends before it begins' };
  const { from, to } = complete;
  const initial = complete.initialPercentage * SCALE;
  const percent = complete.endPercentage;
  const end = (percent === 0 || percent > 100 ? 100 : percent) * SCALE;
  const started = compareInstants(served.date, from) >= 0;
  const perSecond = (end - initial) / (to.seconds - from.seconds);
  const reached =
    compareInstants(served.date, to) >= 0 ? end : (served.date.seconds - from.seconds) * perSecond + initial;
  return {
    kind: 'progressive',
    bucket: bucketOf(served, PROGRESS_MODULUS),
    modulus: PROGRESS_MODULUS,
    from: formatDate(from),
    to: formatDate(to),
    initialVariation: complete.initialVariation,
    endVariation: complete.endVariation,
    threshold: started ? truncateToU32(reached) : 0,
    started,
  };
}

/** FNV-1a over flag key and bucketing value, as the kernel hashes (spec/flags.md §5.2). */
function bucketOf({ flagKey, bucketBy }: Served, modulus: number): number {
  if (modulus === 0) return 0;
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(flagKey + bucketBy)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % modulus;
}
