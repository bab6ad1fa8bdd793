/** The tracking event that stands for many evaluations: `edict.evaluation-summary`, made, cut to size and halved. */

import type { SummaryEvent } from '../internal/event-batch.ts';
import { jsonString } from '../internal/json-safe.ts';
import type { EventSubject } from './event-writer.ts';
import { trackingEvent, utf8Length } from './event-writer.ts';
import { NO_USER } from './user-keys.ts';

/** Evaluations of one flag that had the same outcome in the same minute. */
export interface SummaryCount {
  readonly key: string;
  readonly variation: string;
  readonly reason: string;
  /** Epoch seconds at which the minute began. */
  readonly minute: number;
  readonly count: number;
}

/** Epoch seconds of the first and the last evaluation that was counted. */
export interface SummaryPeriod {
  readonly from: number;
  readonly to: number;
}

export const SUMMARY_KEY = 'edict.evaluation-summary';

/** More than the longest event without counts. */
const FRAME_BYTES = 320;

/** One event, or several where one would be larger than `maxBytes`. */
export function summaryEvents(
  counts: Iterable<SummaryCount>,
  period: SummaryPeriod,
  creationDate: number,
  maxBytes: number,
): SummaryEvent[] {
  const events: SummaryEvent[] = [];
  let texts: string[] = [];
  let weight = 0;
  let bytes = FRAME_BYTES;
  const finish = (): void => {
    if (texts.length > 0) events.push(summaryEvent(texts, weight, period, creationDate));
    texts = [];
    weight = 0;
    bytes = FRAME_BYTES;
  };
  for (const count of counts) {
    const text = countText(count);
    const size = utf8Length(text) + 1;
    if (bytes + size > maxBytes) finish();
    texts.push(text);
    weight += count.count;
    bytes += size;
  }
  finish();
  return events;
}

/** Two events with half the counts each; none when there is only one count. The text is one of ours. */
export function splitSummaryEvent(text: string): SummaryEvent[] {
  const { creationDate, trackingEventDetails } = JSON.parse(text) as {
    creationDate: number;
    trackingEventDetails: SummaryPeriod & { counts: SummaryCount[] };
  };
  const { from, to, counts } = trackingEventDetails;
  if (counts.length < 2) return [];
  const middle = counts.length >> 1;
  return [counts.slice(0, middle), counts.slice(middle)].map((half) => {
    const weight = half.reduce((sum, { count }) => sum + count, 0);
    return summaryEvent(half.map(countText), weight, { from, to }, creationDate);
  });
}

function summaryEvent(
  counts: readonly string[],
  weight: number,
  { from, to }: SummaryPeriod,
  creationDate: number,
): SummaryEvent {
  const subject: EventSubject = { userKey: NO_USER, isAnonymous: false, creationDate };
  const details = `{"from":${from},"to":${to},"counts":[${counts.join(',')}]}`;
  const text = trackingEvent(subject, SUMMARY_KEY, '{}', details);
  return { text, weight };
}

function countText({ key, variation, reason, minute, count }: SummaryCount): string {
  return (
    `{"key":${jsonString(key)},"variation":${jsonString(variation)},"reason":${jsonString(reason)}` +
    `,"minute":${minute},"count":${count}}`
  );
}
