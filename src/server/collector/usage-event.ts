/** Usage events as the collector takes them: types checked field by field, and written as one line of JSON. */

import { canonicalJson } from '../../internal/canonical-json.ts';
import type { JsonObject, JsonValue } from '../../internal/json.ts';
import { hasOwn, isJsonObject } from '../../internal/json.ts';

/** A flag was evaluated. */
export interface FeatureEvent {
  readonly kind: 'feature';
  /** `user` or `anonymousUser`; "" when the sender left it out. */
  readonly contextKind: string;
  readonly userKey: string;
  /** Seconds since the epoch. */
  readonly creationDate: number;
  /** The flag's key. */
  readonly key: string;
  readonly variation: string;
  readonly value: JsonValue;
  /** True when the evaluation failed and the caller got its own default. */
  readonly default: boolean;
  readonly version: string;
  /** `SERVER` for what this relay evaluated, `PROVIDER_CACHE` when the sender does not say, otherwise the sender's word. */
  readonly source: string;
  readonly metadata: JsonObject | undefined;
}

/** An application told what a user did. */
export interface TrackingEvent {
  readonly kind: 'tracking';
  readonly contextKind: string;
  readonly userKey: string;
  /** Seconds since the epoch. */
  readonly creationDate: number;
  /** The name of what was tracked. */
  readonly key: string;
  readonly evaluationContext: JsonObject | null;
  readonly trackingEventDetails: JsonObject | null;
}

/** What the collector stores and exports. */
export type UsageEvent = FeatureEvent | TrackingEvent;

/** An event, or the name of the field whose type is wrong and what it should be. Never its value: that is somebody's data. */
export type ReadEvent =
  | { readonly event: UsageEvent; readonly wasMilliseconds: boolean }
  | { readonly problem: string };

/** The source of a feature event that names none. */
const DEFAULT_SOURCE = 'PROVIDER_CACHE';
/** A larger number is no time in seconds but one in milliseconds: this one is in the year 2286. */
const MAX_SECONDS = 9_999_999_999;
const SECONDS_DIGITS = String(MAX_SECONDS).length;

class WrongType extends Error {}

/**
 * Reads one event of a request. Every `kind` but `tracking` is a feature event. Absent fields and `null` are the zero of
 * their type. The request's `meta` takes the place of a feature event's own metadata; tracking events never get it.
 */
export function readUsageEvent(raw: JsonObject, meta: JsonObject | undefined): ReadEvent {
  try {
    const wasMilliseconds = integer(raw, 'creationDate') > MAX_SECONDS;
    return { event: raw.kind === 'tracking' ? trackingEvent(raw) : featureEvent(raw, meta), wasMilliseconds };
  } catch (caught) {
    if (caught instanceof WrongType) return { problem: caught.message };
    throw caught;
  }
}

function featureEvent(raw: JsonObject, meta: JsonObject | undefined): FeatureEvent {
  // Read for its type only: whatever the word, it is a feature event.
  text(raw, 'kind');
  const metadata = object(raw, 'metadata');
  return {
    kind: 'feature',
    ...commonFields(raw),
    variation: text(raw, 'variation'),
    value: raw.value ?? null,
    default: flag(raw, 'default'),
    version: text(raw, 'version'),
    source: text(raw, 'source') || DEFAULT_SOURCE,
    metadata: meta ?? metadata ?? undefined,
  };
}

function trackingEvent(raw: JsonObject): TrackingEvent {
  return {
    kind: 'tracking',
    ...commonFields(raw),
    evaluationContext: object(raw, 'evaluationContext'),
    trackingEventDetails: object(raw, 'trackingEventDetails'),
  };
}

function commonFields(raw: JsonObject): Pick<UsageEvent, 'contextKind' | 'userKey' | 'creationDate' | 'key'> {
  return {
    contextKind: text(raw, 'contextKind'),
    userKey: text(raw, 'userKey'),
    creationDate: seconds(integer(raw, 'creationDate')),
    key: text(raw, 'key'),
  };
}

/** Milliseconds lose their last digits, as a relay cuts them: the first ten stay. */
function seconds(time: number): number {
  return time > MAX_SECONDS ? Number(BigInt(time).toString().slice(0, SECONDS_DIGITS)) : time;
}

function text(raw: JsonObject, field: string): string {
  const value = own(raw, field) ?? '';
  if (typeof value !== 'string') throw new WrongType(`"${field}" is not a string`);
  return value;
}

function flag(raw: JsonObject, field: string): boolean {
  const value = own(raw, field) ?? false;
  if (typeof value !== 'boolean') throw new WrongType(`"${field}" is not a boolean`);
  return value;
}

function integer(raw: JsonObject, field: string): number {
  const value = own(raw, field) ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new WrongType(`"${field}" is not an integer`);
  return value;
}

function object(raw: JsonObject, field: string): JsonObject | null {
  const value = own(raw, field) ?? null;
  if (value !== null && !isJsonObject(value)) throw new WrongType(`"${field}" is not an object`);
  return value;
}

function own(raw: JsonObject, field: string): JsonValue | undefined {
  return hasOwn(raw, field) ? raw[field] : undefined;
}

/**
 * The event as GO Feature Flag's exporters write it in JSON: fields in their order, `contextKind` and `metadata` left out
 * when empty, members of values sorted. No line feed at the end.
 */
export function usageEventText(event: UsageEvent): string {
  const members: [name: string, value: JsonValue][] = [['kind', event.kind]];
  if (event.contextKind !== '') members.push(['contextKind', event.contextKind]);
  members.push(['userKey', event.userKey], ['creationDate', event.creationDate], ['key', event.key]);
  if (event.kind === 'tracking') {
    members.push(['evaluationContext', event.evaluationContext], ['trackingEventDetails', event.trackingEventDetails]);
  } else {
    members.push(['variation', event.variation], ['value', event.value], ['default', event.default]);
    members.push(['version', event.version], ['source', event.source]);
    const { metadata } = event;
    if (metadata !== undefined && Object.keys(metadata).length > 0) members.push(['metadata', metadata]);
  }
  return `{${members.map(([name, value]) => `"${name}":${canonicalJson(value)}`).join(',')}}`;
}
