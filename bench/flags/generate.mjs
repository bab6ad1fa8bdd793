/**
 * Seeded generator of realistic flag sets and users. The same seed gives the same flags, whatever the machine.
 * Run by itself it prints what a set holds: node generate.mjs [count]
 */

const COUNTRIES = ['de', 'fr', 'us', 'nl', 'es', 'it', 'jp', 'br', 'in', 'gb'];
const PLANS = ['free', 'starter', 'pro', 'enterprise'];
const PLATFORMS = ['ios', 'android', 'web'];
const DOMAINS = ['@example.com', '@shop.example', '@partner.example', '@mail.example', '@staff.example'];
const ROLES = ['viewer', 'editor', 'admin', 'owner'];
const AREAS = ['checkout', 'search', 'catalog', 'payments', 'delivery', 'account', 'pricing', 'reviews'];
const TEAMS = ['team-orbit', 'team-harbor', 'team-meadow', 'team-quartz'];

/** mulberry32: 32 bits of state, good enough to choose test data with. */
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit) => Math.floor(next() * limit);
  const pick = (list) => list[below(list.length)];
  const some = (list, count) => [...list].sort(() => next() - 0.5).slice(0, count);
  /** `table` is [[name, weight], …]. */
  const weighted = (table) => {
    let left = next() * table.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of table) {
      left -= weight;
      if (left < 0) return name;
    }
    return table[0][0];
  };
  return { next, below, pick, some, weighted };
}

/** Kinds every flag SDK among the peers can express, with their share. */
const COMMON_KINDS = [
  ['static', 25],
  ['eq', 12],
  ['ew', 10],
  ['in', 10],
  ['numeric', 10],
  ['semver', 5],
  ['split', 12],
  ['and', 8],
  ['or', 5],
  ['several', 3],
];
const FULL_KINDS = [...COMMON_KINDS, ['jsonlogic', 5], ['nested', 3], ['schedule', 1], ['progressive', 1]];

const LEAVES = {
  eq: (r) =>
    r.pick([
      ['eq', 'plan', r.pick(PLANS)],
      ['eq', 'beta', true],
      ['eq', 'role', r.pick(ROLES)],
    ]),
  ew: (r) => ['ew', 'email', r.pick(DOMAINS)],
  in: (r) => ['in', 'country', r.some(COUNTRIES, 2 + r.below(4))],
  numeric: (r) =>
    r.pick([
      ['ge', 'age', 18 + r.below(50)],
      ['lt', 'orders', 1 + r.below(40)],
      ['ge', 'cartValue', 10 + r.below(300)],
    ]),
  semver: (r) => [r.pick(['newer', 'older']), 'appVersion', `${1 + r.below(5)}.${r.below(10)}.${r.below(10)}`],
  nested: (r) =>
    r.pick([
      ['ge', 'company.seats', 5 + r.below(200)],
      ['eq', 'company.tier', r.pick(['gold', 'silver', 'bronze'])],
    ]),
};
const anyLeaf = (r) => LEAVES[r.pick(['eq', 'ew', 'in', 'numeric', 'semver'])](r);

const TYPES = {
  boolean: { on: true, off: false },
  string: { treatment: 'compact-layout', control: 'classic-layout' },
  number: { raised: 48, usual: 24 },
  object: { next: { columns: 3, theme: 'dusk', eager: true }, current: { columns: 2, theme: 'day', eager: false } },
};

/** A flag of the given kind; a rule serves the first variation, the default is the second. */
function flagOf(r, index, kind, objects) {
  const type = r.weighted([
    ['boolean', 60],
    ['string', 27],
    ['number', 9],
    ['object', objects ? 4 : 0],
  ]);
  const variations = TYPES[type];
  const [first, second] = Object.keys(variations);
  const flag = {
    key: `${r.pick(AREAS)}-${r.pick(['rollout', 'banner', 'limit', 'layout', 'retry', 'cache'])}-${index}`,
    type,
    variations,
    rules: [],
    otherwise: { serve: second },
    dialect: 'query',
    version: `1.${r.below(9)}.${r.below(9)}`,
    metadata: { owner: r.pick(TEAMS), jira: `SHOP-${1000 + r.below(9000)}` },
  };
  const rule = (when) => flag.rules.push({ when, serve: first });
  const leaves = (count) => Array.from({ length: count }, () => anyLeaf(r));
  switch (kind) {
    case 'static':
      flag.otherwise = { serve: r.pick([first, second]) };
      break;
    case 'split': {
      const share = r.pick([5, 10, 25, 50, 50, 75]);
      flag.otherwise = {
        split: [
          [first, share],
          [second, 100 - share],
        ],
      };
      if (r.below(2) === 0) rule(anyLeaf(r));
      break;
    }
    case 'and':
      rule(['and', ...leaves(2 + r.below(3))]);
      break;
    case 'or':
      rule(['or', ['and', ...leaves(2)], ...leaves(1 + r.below(2))]);
      break;
    case 'several':
      for (let i = 3 + r.below(4); i > 0; i--) rule(anyLeaf(r));
      break;
    case 'jsonlogic':
      flag.dialect = 'jsonlogic';
      rule(['and', LEAVES.eq(r), r.pick([LEAVES.in, LEAVES.numeric, LEAVES.ew])(r)]);
      break;
    case 'schedule':
      flag.schedule = { date: r.pick(['2024-03-01T08:00:00Z', '2090-01-01T00:00:00Z']), serve: first };
      rule(anyLeaf(r));
      break;
    case 'progressive': {
      const to = r.pick(['2024-06-01T00:00:00Z', '2060-01-01T00:00:00Z']);
      flag.otherwise = { progressive: { from: '2024-01-01T00:00:00Z', to, initial: second, end: first } };
      break;
    }
    default:
      rule(LEAVES[kind](r));
  }
  return flag;
}

/**
 * `count` flags. `full` adds the kinds that only some peers know (JSONLogic, nested attributes, schedules, progressive
 * rollouts); `objects` adds object values. Keys are unique; the order is not sorted.
 */
export function flagSet(count, { seed = 1, full = false, objects = full } = {}) {
  const r = randomOf(seed);
  const kinds = full ? FULL_KINDS : COMMON_KINDS;
  return Array.from({ length: count }, (_, index) => flagOf(r, index, r.weighted(kinds), objects));
}

/** `count` users with 20 attributes each beside the targeting key, as a JSON parser would have made them. */
export function users(count, { seed = 2 } = {}) {
  const r = randomOf(seed);
  const one = (index) => ({
    targetingKey: `user-${index}-${r.below(1e6)}`,
    email: `person.${index}${r.pick(DOMAINS)}`,
    plan: r.pick(PLANS),
    country: r.pick(COUNTRIES),
    platform: r.pick(PLATFORMS),
    role: r.pick(ROLES),
    appVersion: `${1 + r.below(5)}.${r.below(10)}.${r.below(10)}`,
    age: 16 + r.below(60),
    orders: r.below(60),
    cartValue: r.below(400),
    beta: r.below(4) === 0,
    company: { seats: 1 + r.below(400), tier: r.pick(['gold', 'silver', 'bronze']) },
    language: r.pick(['de', 'fr', 'en', 'nl']),
    currency: r.pick(['EUR', 'USD', 'GBP']),
    device: r.pick(['phone', 'tablet', 'desktop']),
    browser: r.pick(['firefox', 'chrome', 'safari']),
    timezone: r.pick(['Europe/Berlin', 'America/New_York', 'Asia/Tokyo']),
    newsletter: r.below(2) === 0,
    visits: r.below(1000),
    signupYear: 2012 + r.below(14),
    session: `s-${r.below(1e9).toString(36)}`,
  });
  return JSON.parse(JSON.stringify(Array.from({ length: count }, (_, index) => one(index))));
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const { edict } = await import('./contenders/edict.mjs');
  const count = Number(process.argv[2] ?? 1000);
  const flags = flagSet(count, { full: true });
  const bytes = Buffer.byteLength(edict.write(flags));
  console.log(`${count} flags, ${(bytes / count).toFixed(0)} bytes of relay JSON a flag; the first:`);
  console.log(edict.write(flags.slice(0, 1)));
}
