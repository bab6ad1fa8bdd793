/** Percentages and progressive rollouts after spec/flags.md §5.2–5.4, sentence by sentence: the judge of tables and guest. */

/** FNV-1a, 32 bit, over UTF-8: the prime is 2^24 + 403, and no product here reaches 2^53. */
export function fnv1a(text: string): number {
  let hash = 2_166_136_261;
  for (const byte of Buffer.from(text, 'utf8')) {
    const mixed = (hash ^ byte) >>> 0;
    hash = (mixed * 403 + (mixed & 0xff) * 2 ** 24) % 2 ** 32;
  }
  return hash;
}

/** Truncation as amd64 does it: through int64, whose "out of range" has no low bits. */
function u32(value: number): number {
  if (Number.isNaN(value) || Math.abs(value) >= 2 ** 63) return 0;
  const low = BigInt(Math.trunc(value)) % 2n ** 32n;
  return Number(low < 0n ? low + 2n ** 32n : low);
}

function bucket(flagKey: string, key: string, modulus: number): number {
  return modulus === 0 ? 0 : fnv1a(flagKey + key) % modulus;
}

/** The variation for a user, or undefined for "impossible to find the variation". */
export type Splitter = (flagKey: string, key: string) => string | undefined;

export function splitter(percentage: Readonly<Record<string, number>>): Splitter {
  const { modulus, nameAt } = layOut(percentage);
  return (flagKey, key) => nameAt(bucket(flagKey, key, modulus));
}

/** The modulus of a percentage object, and the variation that each bucket gets. */
export function layOut(percentage: Readonly<Record<string, number>>) {
  const names = Object.keys(percentage).sort((a, b) => Buffer.compare(Buffer.from(b), Buffer.from(a)));
  const modulus = u32(names.reduce((sum, name) => sum + (percentage[name] as number), 0) * 1000);
  let start = 0;
  const ranges = names.map((name) => {
    const range = { name, from: u32(start), end: u32(start + (percentage[name] as number) * 1000) };
    start += (percentage[name] as number) * 1000;
    return range;
  });
  return { modulus, nameAt: (h: number) => ranges.find(({ from, end }) => from <= h && h < end)?.name };
}

export interface ReferenceRollout {
  readonly initial: { readonly variation: string; readonly percentage?: number; readonly date: string };
  readonly end: { readonly variation: string; readonly percentage?: number; readonly date: string };
}

/** `now` and the dates to the millisecond. */
export function referenceProgress(
  flagKey: string,
  key: string,
  { initial, end }: ReferenceRollout,
  now: number,
): string {
  const from = Date.parse(initial.date);
  const to = Date.parse(end.date);
  const seconds = (ms: number) => Math.floor(ms / 1000);
  if (now < from) return initial.variation;
  const ip = (initial.percentage ?? 0) * 1000;
  let ep = end.percentage ?? 0;
  if (ep === 0 || ep > 100) ep = 100;
  ep *= 1000;
  const perSecond = (ep - ip) / (seconds(to) - seconds(from));
  const current = now >= to ? ep : (seconds(now) - seconds(from)) * perSecond + ip;
  return bucket(flagKey, key, 100_000) < u32(current) ? end.variation : initial.variation;
}
