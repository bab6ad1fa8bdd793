/** The JSON of feature and tracking events, member by member in the order and with the types the relay expects. */

import { jsonString, safeJson } from '../internal/json-safe.ts';

/** What both kinds of event say about the user and the moment. */
export interface EventSubject {
  readonly userKey: string;
  readonly isAnonymous: boolean;
  /** Epoch seconds. */
  readonly creationDate: number;
}

/** One evaluation. */
export interface FeatureFacts {
  readonly flagKey: string;
  readonly variation: string;
  readonly value: unknown;
  readonly isDefault: boolean;
  readonly version: string | undefined;
  readonly source: string;
}

/** The variation of evaluations that gave none. */
export const DEFAULT_VARIATION = 'SdkDefault';

/** Above this a relay takes a date for milliseconds, and says so for each event. */
const MAX_EPOCH_SECONDS = 9_999_999_999;

/** A clock of the caller's may give anything. */
export function epochSeconds(nowMs: number): number {
  const seconds = Math.floor(nowMs / 1_000);
  return seconds >= 0 ? Math.min(seconds, MAX_EPOCH_SECONDS) : 0;
}

/** `undefined` when the value cannot be written as JSON. */
export function featureEvent(subject: EventSubject, feature: FeatureFacts): string | undefined {
  const value = valueJson(feature.value);
  if (value === undefined) return undefined;
  const version = typeof feature.version === 'string' ? `,"version":${jsonString(feature.version)}` : '';
  return (
    `{"kind":"feature",${subjectMembers(subject)},"key":${jsonString(feature.flagKey)}` +
    `,"variation":${jsonString(feature.variation || DEFAULT_VARIATION)},"value":${value}` +
    `,"default":${feature.isDefault === true}${version},"source":${jsonString(feature.source)}}`
  );
}

/** `context` and `details` are JSON texts of objects. */
export function trackingEvent(subject: EventSubject, name: string, context: string, details: string): string {
  return (
    `{"kind":"tracking",${subjectMembers(subject)},"key":${jsonString(name)}` +
    `,"evaluationContext":${context},"trackingEventDetails":${details}}`
  );
}

/** Bytes of a text as UTF-8. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}

function subjectMembers({ userKey, isAnonymous, creationDate }: EventSubject): string {
  const kind = isAnonymous === true ? 'anonymousUser' : 'user';
  return `"contextKind":"${kind}","userKey":${jsonString(userKey)},"creationDate":${creationDate}`;
}

/** Texts of values that can never change, which is what the in-process evaluator answers with. */
const frozenTexts = new WeakMap<object, string>();

function valueJson(value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value !== 'object' || value === null) return written(value);
  const known = frozenTexts.get(value);
  if (known !== undefined) return known;
  const text = written(value);
  if (text !== undefined && isDeepFrozen(value, 0)) frozenTexts.set(value, text);
  return text;
}

function written(value: unknown): string | undefined {
  const json = safeJson(value);
  return 'text' in json ? json.text : undefined;
}

/** True only for plain data: what has an accessor, or is of another class, may say something else tomorrow. */
function isDeepFrozen(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  // A text was made of it, so it is no deeper than this.
  if (depth > 64 || !Object.isFrozen(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return false;
  return Object.values(Object.getOwnPropertyDescriptors(value)).every(
    (member) => 'value' in member && isDeepFrozen(member.value, depth + 1),
  );
}
