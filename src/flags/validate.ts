/** Validates a flag as the relay does before it serves it (spec/flags.md §13.1). */

import type { JsonObject, JsonValue } from '../internal/json.ts';
import type { QueryProblem } from './check-query.ts';
import { checkQuery } from './check-query.ts';
import type { Finding, FlagPath } from './finding.ts';
import type { Flag, Rule } from './model.ts';
import { parseFlag } from './parse-flag.ts';
import { typeFindings } from './type-findings.ts';
import type { ReportRule } from './validate-rule.ts';
import { validateRule } from './validate-rule.ts';

/** Checks one query; the parsers of both languages stand behind the default. */
export type QueryCheck = (query: string) => QueryProblem | undefined;

/**
 * Everything that is wrong with a flag; none means that the relay would serve it. The first finding is the one the relay
 * logs when it drops the flag, the others are what would come next. Never throws.
 *
 * Scheduled steps, experimentation and the bucketing key are checked for their types only, as in the relay.
 */
export function validateFlag(key: string, raw: JsonValue, check: QueryCheck = checkQuery): Finding[] {
  const parsed = parseFlag(raw);
  if ('error' in parsed) return typeFindings(key, raw, parsed.error.details);
  return new FlagValidation(key, parsed.flag, check).findings();
}

class FlagValidation {
  readonly #key: string;
  readonly #flag: Flag;
  readonly #check: QueryCheck;
  readonly #findings: Finding[] = [];

  constructor(key: string, flag: Flag, check: QueryCheck) {
    this.#key = key;
    this.#flag = flag;
    this.#check = check;
  }

  findings(): Finding[] {
    const variations = this.#flag.variations ?? {};
    const names = Object.keys(variations);
    if (names.length === 0) {
      this.#report(['variations'], 'no variation available', 'give the flag at least one variation');
    } else {
      this.#checkValues(variations, names);
    }
    this.#checkRules(names.length === 0 ? undefined : variations);
    return this.#findings;
  }

  #checkValues(variations: Readonly<JsonObject>, names: readonly string[]): void {
    for (const name of names.filter((candidate) => variations[candidate] === null)) {
      this.#report(
        ['variations', name],
        `nil value for variation: ${name}`,
        'give the variation a value, or remove it',
      );
    }
    const [first, ...others] = names.filter((name) => variations[name] !== null);
    if (first === undefined) return;
    const kind = kindOf(variations[first]);
    const odd = others.find((name) => kindOf(variations[name]) !== kind);
    if (odd === undefined) return;
    this.#report(
      ['variations', odd],
      'all variations should have the same type',
      `${odd} is ${kindOf(variations[odd])}, ${first} is ${kind}; use one type for all`,
    );
  }

  #checkRules(variations: Readonly<JsonObject> | undefined): void {
    const { defaultRule, targeting } = this.#flag;
    if (defaultRule === undefined) {
      this.#report(
        ['defaultRule'],
        'missing default rule',
        'add `defaultRule` with `variation`, `percentage` or `progressiveRollout`',
      );
    } else {
      validateRule(defaultRule, variations, this.#ruleReport('defaultRule', ['defaultRule']));
    }
    const seen = new Set<string>();
    for (const [index, rule] of (targeting ?? []).entries()) {
      const report = this.#ruleReport(rule.name || `targeting[${index}]`, ['targeting', index]);
      if (rule.disable !== true) this.#checkTargeting(rule, variations, report);
      // A disabled rule is accepted unread, but its name is taken.
      if (rule.name === undefined || rule.name === '') continue;
      if (seen.has(rule.name)) {
        report('name', `duplicated rule name: ${rule.name}`, 'give each rule of the flag a name of its own');
      }
      seen.add(rule.name);
    }
  }

  #checkTargeting(rule: Rule, variations: Readonly<JsonObject> | undefined, report: ReportRule): void {
    validateRule(rule, variations, report, () => {
      if (rule.query === undefined) {
        report(
          'query',
          'each targeting should have a query',
          'add a `query`; what everybody gets belongs into `defaultRule`',
        );
        return;
      }
      const problem = this.#check(rule.query);
      if (problem !== undefined) report('query', problem.message, problem.remedy);
    });
  }

  #ruleReport(rule: string, path: FlagPath): ReportRule {
    return (field, message, remedy, inside = []) => {
      const whole = [...path, ...(field === '' ? [] : [field]), ...inside];
      this.#findings.push({
        flag: this.#key,
        rule,
        ...(field === '' ? {} : { field }),
        message,
        path: whole,
        remedy,
      });
    };
  }

  #report(path: readonly [string, ...(string | number)[]], message: string, remedy: string): void {
    this.#findings.push({ flag: this.#key, field: path[0], message, path, remedy });
  }
}

function kindOf(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}
