/** New configurations one after the other while clients ask. */

import { definePolicy } from '../../../../src/policy-engine/index.ts';
import { ask, engineOf, shops } from './tenant-asks.ts';

/** Answers 599 where the hooks of one exchange are of two revisions. */
const both = definePolicy({
  name: 'both',
  processing: { requestHeaders: 'process', responseHeaders: 'process' },
  hooks: ({ text }) => ({
    onRequestHeaders: () => ({ kind: 'request-changes', headers: { append: [['x-seen', String(text)]] } }),
    onResponseHeaders: ({ request }) =>
      request.headers.first('x-seen') === String(text) ? undefined : { kind: 'immediate', status: 599 },
  }),
});

export interface Swapped {
  /** Every status that a client saw. */
  readonly statuses: readonly number[];
  /** By the last revision. */
  readonly seen: readonly string[];
  readonly live: number;
  readonly referenced: number;
}

export async function swapUnderLoad(times: number): Promise<Swapped> {
  const engine = engineOf({ policies: [both] });
  const document = (text: string) =>
    shops({ a: [{ use: 'both', params: { text } }], b: [{ use: 'both', params: { text: 'b' } }] });
  await engine.load(document('0'));
  let isOver = false;
  const statuses = new Set<number>();
  const client = async (path: string): Promise<void> => {
    while (!isOver) {
      statuses.add((await ask(engine, path)).status);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const clients = [client('/a'), client('/a'), client('/b')];
  for (let i = 1; i <= times; i++) await engine.load(document(String(i)));
  isOver = true;
  await Promise.all(clients);
  const { live, referenced } = engine.describe().instances;
  return { statuses: [...statuses], seen: (await ask(engine, '/a')).seen, live, referenced };
}
