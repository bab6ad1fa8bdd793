/** The application that installs the package and evaluates one flag, as an ES module and as CommonJS. */

/** The body; `InProcessEvaluator` is in scope. Prints one line of JSON. */
const EVALUATE = `
  const rule = { name: 'staff', query: 'email ew "@example.com"', variation: 'on' };
  const flag = { variations: { on: true, off: false }, targeting: [rule], defaultRule: { variation: 'off' } };
  const evaluator = new InProcessEvaluator({ bootstrap: { flags: { 'new-checkout': flag } } });
  async function main() {
    await evaluator.initialize();
    const subjects = ['ann@example.com', 'bob@elsewhere.org'];
    const answers = subjects.map((email) => evaluator.evaluate('new-checkout', { targetingKey: email, email }, false));
    await evaluator.close();
    console.log(JSON.stringify(answers.map(({ value, variant, reason, ruleName }) => [value, variant, reason, ruleName ?? null])));
  }
`;

export const ES_MODULE = `import { InProcessEvaluator } from 'edict';\n${EVALUATE}\nawait main();\n`;
export const COMMON_JS = `const { InProcessEvaluator } = require('edict');\n${EVALUATE}\nvoid main();\n`;
/** CommonJS where `require` of an ES module is not to be had. */
export const COMMON_JS_IMPORTING = `void import('edict').then(({ InProcessEvaluator }) => {\n${EVALUATE}\nreturn main();\n});\n`;

/** What each of them prints, parsed. */
export const ANSWERS = [
  [true, 'on', 'TARGETING_MATCH', 'staff'],
  [false, 'off', 'DEFAULT', null],
];

/** Node 20 and 22 print an ExperimentalWarning when a package is the first to be required as an ES module. */
export function withoutRequireWarning(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !/ExperimentalWarning: .*require|--trace-warnings/.test(line))
    .join('\n')
    .trim();
}
