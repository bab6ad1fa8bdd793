/** Switches that change headers: validators against content, `Retry-After`, `Last-Modified`; and the slow collector. */

import { randomBytes } from 'node:crypto';
import type { Answer } from '../answer.ts';
import { lastModified } from '../last-modified.ts';
import { CONDITIONAL_ROUTES, FAULT_ROUTES } from './fault-routes.ts';
import { MAX_HOLD_MS } from './holds.ts';
import type { SwitchRow } from './switch-row.ts';
import { wholeNumber } from './switch-row.ts';

const HUGE_LENGTH = 65_536;
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
/** Ten years: further away than any test needs, and far from where dates end. */
const MAX_OFFSET_SECONDS = 315_360_000;

function validator(effect: string, make: (answer: Answer) => string | undefined): SwitchRow {
  return { routes: CONDITIONAL_ROUTES, effect, needsBody: true, make: () => ({ stage: 'validator', act: make }) };
}

export const HEADER_SWITCHES = {
  'weak-etag': {
    routes: CONDITIONAL_ROUTES,
    effect: 'the ETag of a 200 is weakened (`W/"…"`), that of a 304 is strong, as behind a compressing proxy',
    make: () => ({ stage: 'validator', act: ({ headers }) => weakened(headers?.ETag) }),
  },
  'no-etag': validator('200 without ETag', () => undefined),
  'huge-etag': validator(`200 with an ETag of ${HUGE_LENGTH} characters`, () => `"${'e'.repeat(HUGE_LENGTH - 2)}"`),
  'etag-frozen': validator('200 with the ETag `"frozen"`, whatever the content', () => '"frozen"'),
  'etag-random': validator('200 with another ETag each time', () => `"${randomBytes(16).toString('hex')}"`),
  'retry-after': {
    routes: FAULT_ROUTES,
    parameter: { form: '<when>', rule: 'seconds, `date:<seconds from now>`, an HTTP date, or `garbage`' },
    effect: 'a `Retry-After`; `date:` sends a date, in the past with a minus sign, and `garbage` no date at all',
    make: (parameter) => {
      const value = retryAfter(parameter);
      return value === undefined
        ? undefined
        : { stage: 'headers', act: () => ({ 'Retry-After': typeof value === 'string' ? value : value() }) };
    },
  },
  'last-modified': {
    routes: ['configuration'],
    parameter: {
      form: '<offset>,<zone>',
      rule: 'seconds from now (or with the unit s, m, h or d) and an IANA time zone, UTC where there is none; `none`, or `garbage`',
    },
    effect:
      'a `Last-Modified` that far from now on the clock of that zone; `none` sends none, `garbage` no date at all',
    make: (parameter) => {
      const value = lastModifiedValue(parameter);
      return value === undefined
        ? undefined
        : { stage: 'headers', act: () => ({ 'Last-Modified': value === null ? undefined : value() }) };
    },
  },
  'collector-slow': {
    routes: ['collector'],
    parameter: { form: '<ms>', rule: `a whole number from 1 to ${MAX_HOLD_MS}` },
    effect: 'the events are taken, and the answer comes that much later',
    make: (parameter) => {
      const ms = wholeNumber(parameter, 1, MAX_HOLD_MS);
      return ms === undefined ? undefined : { stage: 'delay', act: () => ms };
    },
  },
} as const satisfies Readonly<Record<string, SwitchRow>>;

function weakened(etag: string | undefined): string | undefined {
  return etag === undefined || etag.startsWith('W/') ? etag : `W/${etag}`;
}

/** The text, or a function for what depends on the time of the answer. */
function retryAfter(parameter: string): string | (() => string) | undefined {
  if (parameter === 'garbage') return 'soon';
  if (/^\d{1,10}$/.test(parameter)) return parameter;
  const [, relative] = /^date:(-?\d{1,9})$/.exec(parameter) ?? [];
  if (relative !== undefined) {
    const seconds = Number(relative);
    return Math.abs(seconds) > MAX_OFFSET_SECONDS
      ? undefined
      : () => new Date(Date.now() + seconds * 1_000).toUTCString();
  }
  const date = new Date(parameter);
  return !Number.isNaN(date.getTime()) && date.toUTCString() === parameter ? parameter : undefined;
}

/** `null`: no header. */
function lastModifiedValue(parameter: string): (() => string) | null | undefined {
  if (parameter === 'none') return null;
  if (parameter === 'garbage') return () => 'the day before yesterday';
  const [, digits, unit = 's', zone = 'UTC'] = /^(-?\d{1,9})([smhd])?(?:,(.+))?$/.exec(parameter) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (!(Math.abs(seconds) <= MAX_OFFSET_SECONDS)) return undefined;
  try {
    lastModified(new Date(0), zone);
  } catch {
    return undefined;
  }
  return () => lastModified(new Date(Date.now() + seconds * 1_000), zone);
}
