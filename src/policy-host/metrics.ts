/** The series a policy declares, and what keeps their number bounded whatever values labels take. */

import type { HookInput } from '../policy/model/inputs.ts';

/** Facts of an exchange that a series may be split by; a guest gives numbers, never labels. */
export const SERIES_LABELS = ['route', 'api', 'method', 'status'] as const;
export type SeriesLabel = (typeof SERIES_LABELS)[number];

/** One entry of the manifest's `metrics`; guests name a series by its place in the list. */
export interface SeriesDeclaration {
  readonly name: string;
  readonly kind: 'counter' | 'histogram';
  readonly description?: string;
  readonly labels?: readonly SeriesLabel[];
}

/** Where values go. `tenant` and `policy` are labels of every series. Must not throw; what throws is ignored. */
export interface MetricsSink {
  record(
    series: SeriesDeclaration,
    value: number,
    labels: Readonly<Record<string, string>>,
    owner: { readonly tenant: string; readonly policy: string },
  ): void;
}

export const MAX_SERIES = 20;
/** Values of one label that are told apart. */
export const MAX_LABEL_VALUES = 100;
export const OTHER = 'other';

const SERIES_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;

/** All that is wrong with the declared series. */
export function seriesProblems(series: readonly SeriesDeclaration[]): string[] {
  const problems: string[] = [];
  if (series.length > MAX_SERIES) problems.push(`at most ${MAX_SERIES} series can be declared, not ${series.length}`);
  const names = new Set<string>();
  for (const [index, { name, kind, labels = [] }] of series.entries()) {
    if (!SERIES_NAME.test(name)) problems.push(`/metrics/${index}/name must be a letter, then letters, digits and _`);
    if (names.has(name)) problems.push(`/metrics/${index}/name is there twice`);
    names.add(name);
    if (kind !== 'counter' && kind !== 'histogram')
      problems.push(`/metrics/${index}/kind must be counter or histogram`);
    const unknown = labels.filter((label) => !SERIES_LABELS.includes(label));
    if (unknown.length > 0) problems.push(`/metrics/${index}/labels must be of ${SERIES_LABELS.join(', ')}`);
  }
  return problems;
}

/** For one policy of one tenant. */
export class PolicyMetrics {
  /** Values that were thrown away: of no declared series, or no number a series can take. */
  refused = 0;
  readonly #series: readonly SeriesDeclaration[];
  readonly #sink: MetricsSink;
  readonly #owner: { readonly tenant: string; readonly policy: string };
  readonly #seen: readonly ReadonlyMap<SeriesLabel, Set<string>>[];

  constructor(
    series: readonly SeriesDeclaration[],
    sink: MetricsSink,
    owner: { readonly tenant: string; readonly policy: string },
  ) {
    this.#series = series.slice(0, MAX_SERIES);
    this.#sink = sink;
    this.#owner = owner;
    this.#seen = this.#series.map(({ labels = [] }) => new Map(labels.map((label) => [label, new Set<string>()])));
  }

  record(kind: SeriesDeclaration['kind'], id: number, value: number, input: HookInput | undefined): void {
    const series = this.#series[id];
    if (series === undefined || series.kind !== kind || !isValue(kind, value)) {
      this.refused++;
      return;
    }
    const labels: Record<string, string> = {};
    for (const [label, seen] of this.#seen[id] as ReadonlyMap<SeriesLabel, Set<string>>) {
      labels[label] = capped(seen, labelValue(label, input));
    }
    try {
      this.#sink.record(series, value, labels, this.#owner);
    } catch {
      this.refused++;
    }
  }
}

/** Counters only grow. */
function isValue(kind: SeriesDeclaration['kind'], value: number): boolean {
  return Number.isFinite(value) && (kind === 'histogram' || value >= 0);
}

function capped(seen: Set<string>, value: string): string {
  if (seen.has(value)) return value;
  if (seen.size >= MAX_LABEL_VALUES) return OTHER;
  seen.add(value);
  return value;
}

function labelValue(label: SeriesLabel, input: HookInput | undefined): string {
  switch (label) {
    case 'route':
      return input?.exchange.routeName ?? '';
    case 'api':
      return input?.exchange.api.name ?? '';
    case 'method':
      return input?.request.method.slice(0, 32) ?? '';
    case 'status':
      return String(input?.response?.status ?? '');
  }
}
