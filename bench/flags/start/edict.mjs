/** Edict's in-process evaluator, from nothing to its first answer. */

import { answered, port, question } from './report.mjs';

const { InProcessEvaluator } = await import('../../../dist/index.js');
const imported = performance.now();
const evaluator = new InProcessEvaluator({ endpoint: `http://127.0.0.1:${port}` });
await evaluator.initialize();
const ready = performance.now();
answered(evaluator.evaluate(question.flag.key, question.context).value, { imported, ready });
