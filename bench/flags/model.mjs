/**
 * The neutral flag model of the benchmark, and its plain interpretation: the answers every contender is held to.
 *
 * A flag is
 *   { key, type, variations: {name: value}, rules: [{ when, serve | split }], otherwise: { serve | split | progressive },
 *     schedule?: { date, serve }, dialect: 'query' | 'jsonlogic', version, metadata }
 * and a condition is an array: ['eq' | 'ew' | 'sw' | 'ge' | 'lt' | 'in' | 'newer' | 'older', attribute, operand] or
 * ['and' | 'or', ...conditions]. 'newer' and 'older' compare semantic versions; a dot in an attribute is a nested member.
 */

/** The value at a dotted path, or undefined. */
export function attributeOf(context, path) {
  let value = context;
  for (const part of path.split('.')) value = value?.[part];
  return value;
}

function compareVersions(a, b) {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** Text comparisons fold case, as in GO Feature Flag; membership of a list does not. */
export function holds(condition, context) {
  const [operator, ...operands] = condition;
  if (operator === 'and') return operands.every((each) => holds(each, context));
  if (operator === 'or') return operands.some((each) => holds(each, context));
  const [path, operand] = operands;
  const value = attributeOf(context, path);
  switch (operator) {
    case 'eq':
      return typeof operand === 'string' ? value.toLowerCase() === operand.toLowerCase() : value === operand;
    case 'ew':
      return value.toLowerCase().endsWith(operand.toLowerCase());
    case 'sw':
      return value.toLowerCase().startsWith(operand.toLowerCase());
    case 'ge':
      return value >= operand;
    case 'lt':
      return value < operand;
    case 'in':
      return operand.includes(value);
    case 'newer':
      return compareVersions(value, operand) > 0;
    case 'older':
      return compareVersions(value, operand) < 0;
    default:
      throw new Error(`unknown operator ${operator}`);
  }
}

/** The outcome that decides for this context at this instant: `{ serve }`, `{ split }` or `{ progressive }`. */
export function outcomeOf(flag, context, now = Date.now()) {
  for (const rule of flag.rules) if (holds(rule.when, context)) return rule;
  if (flag.schedule !== undefined && now >= Date.parse(flag.schedule.date)) return flag.schedule;
  return flag.otherwise;
}

/** The variation names that are right answers: one, or several where a hash of the user decides. */
export function rightVariations(flag, context, now = Date.now()) {
  const outcome = outcomeOf(flag, context, now);
  if (outcome.serve !== undefined) return [outcome.serve];
  if (outcome.split !== undefined) return outcome.split.map(([name]) => name);
  const { from, to, initial, end } = outcome.progressive;
  if (now < Date.parse(from)) return [initial];
  return now >= Date.parse(to) ? [end] : [initial, end];
}

/** Disjunctive normal form, for rule languages that only know "any of these lists of clauses". */
export function alternativesOf(condition) {
  const [operator, ...operands] = condition;
  if (operator === 'or') return operands.flatMap(alternativesOf);
  if (operator !== 'and') return [[condition]];
  return operands.map(alternativesOf).reduce((left, right) => left.flatMap((a) => right.map((b) => [...a, ...b])));
}

/** Whether any condition of the flag satisfies the predicate. */
export function anyCondition(flag, predicate) {
  const visit = (condition) =>
    condition[0] === 'and' || condition[0] === 'or' ? condition.slice(1).some(visit) : predicate(condition);
  return flag.rules.some((rule) => visit(rule.when));
}

export const readsNested = (flag) => anyCondition(flag, ([, path]) => path.includes('.'));
export const isProgressive = (flag) => flag.otherwise.progressive !== undefined;
export const isScheduled = (flag) => flag.schedule !== undefined;
export const hasSplit = (flag) => [...flag.rules, flag.otherwise].some((outcome) => outcome.split !== undefined);
