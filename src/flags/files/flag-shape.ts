/** The shape of a flag in a file: which members a struct has and what type each one takes. */

/** `any` is free JSON; a list of structs or a struct says what stands inside. */
export type Shape =
  | { readonly kind: 'any' | 'string' | 'bool' | 'number' | 'date' }
  | { readonly kind: 'list' | 'map'; readonly of: Shape }
  | { readonly kind: 'struct'; readonly members: ReadonlyMap<string, Shape> };

export const ANY: Shape = { kind: 'any' };
const STRING: Shape = { kind: 'string' };
const BOOL: Shape = { kind: 'bool' };
const NUMBER: Shape = { kind: 'number' };
const DATE: Shape = { kind: 'date' };
const FREE_MAP: Shape = { kind: 'map', of: ANY };

const EDGE = struct({ variation: STRING, percentage: NUMBER, date: DATE });
const RULE = struct({
  name: STRING,
  query: STRING,
  variation: STRING,
  percentage: { kind: 'map', of: NUMBER },
  progressiveRollout: struct({ initial: EDGE, end: EDGE }),
  disable: BOOL,
});

/** A step holds steps, so its members are filled in below, once the shape exists. */
const STEP_MEMBERS = new Map<string, Shape>([['date', DATE]]);

export const FLAG = struct({
  variations: FREE_MAP,
  targeting: { kind: 'list', of: RULE },
  bucketingKey: STRING,
  defaultRule: RULE,
  experimentation: struct({ start: DATE, end: DATE }),
  scheduledRollout: { kind: 'list', of: { kind: 'struct', members: STEP_MEMBERS } },
  trackEvents: BOOL,
  disable: BOOL,
  version: STRING,
  metadata: FREE_MAP,
});

for (const [name, shape] of FLAG.members) STEP_MEMBERS.set(name, shape);

function struct(members: Record<string, Shape>): Shape & { readonly kind: 'struct' } {
  return { kind: 'struct', members: new Map(Object.entries(members)) };
}
