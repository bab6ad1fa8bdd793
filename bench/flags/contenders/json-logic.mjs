/**
 * json-logic-engine with compiled rules: a rule engine, not a flag SDK. Only the least of a flag evaluator is put around
 * it: find the compiled rule by key, run it, take the value of the variation that it names.
 */

import { LogicEngine } from 'json-logic-engine';
import { anyCondition, hasSplit, isProgressive, isScheduled } from '../model.mjs';
import { jsonLogic } from './edict.mjs';

const comparesVersions = (flag) => anyCondition(flag, ([operator]) => operator === 'newer' || operator === 'older');

export const jsonLogicEngine = {
  name: 'json-logic-engine',
  package: 'json-logic-engine',
  isRuleEngine: true,
  lacks(flag) {
    if (hasSplit(flag) || isProgressive(flag)) return 'percentages';
    if (comparesVersions(flag)) return 'semantic versions';
    return isScheduled(flag) ? 'schedules' : undefined;
  },
  write: (flags) =>
    JSON.stringify(
      flags.map(({ key, variations, rules, otherwise }) => {
        const branches = rules.flatMap((rule) => [jsonLogic(rule.when), rule.serve]);
        return {
          key,
          variations,
          logic: branches.length === 0 ? otherwise.serve : { if: [...branches, otherwise.serve] },
        };
      }),
    ),
  async load(text) {
    const engine = new LogicEngine();
    const flags = new Map();
    for (const { key, variations, logic } of JSON.parse(text)) flags.set(key, { variations, run: engine.build(logic) });
    const evaluate = (key, context) => {
      const flag = flags.get(key);
      return flag.variations[flag.run(context)];
    };
    return {
      context: (context) => context,
      bind:
        ({ key }) =>
        (context) =>
          evaluate(key, context),
      valueOf: (value) => value,
      close() {},
    };
  },
};
