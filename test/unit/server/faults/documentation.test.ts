import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ANSWERING_ROUTES,
  CONDITIONAL_ROUTES,
  FAULT_ROUTES,
  STREAM_ROUTES,
} from '../../../../src/server/faults/fault-routes.ts';
import { MAX_HOLD_MS } from '../../../../src/server/faults/holds.ts';
import { parseFault } from '../../../../src/server/faults/parse-fault.ts';
import { formOf, SWITCHES } from '../../../../src/server/faults/switches.ts';

/** What the document calls the sets of routes that many switches have. */
const GROUPS = new Map([
  [FAULT_ROUTES.join(), 'all'],
  [ANSWERING_ROUTES.join(), 'all but streams'],
  [STREAM_ROUTES.join(), 'streams'],
  [CONDITIONAL_ROUTES.join(), 'conditional'],
]);
const text = readFileSync(new URL('../../../../docs/relay-faults.md', import.meta.url), 'utf8');

describe('docs/relay-faults.md', () => {
  it('lists exactly the switches there are, with their effects and routes (D-93)', () => {
    const rows = [...text.matchAll(/^\| `([^`]+)` \| (.*) \| ([^|]*) \|$/gm)].map(([, form, effect, routes]) => ({
      form,
      effect,
      routes,
    }));
    const byForm = (left: { form?: string | undefined }, right: { form?: string | undefined }): number =>
      String(left.form) < String(right.form) ? -1 : 1;
    const table = [...SWITCHES].map(([name, row]) => ({
      form: formOf(name, row),
      effect: row.effect,
      routes: GROUPS.get(row.routes.join()) ?? row.routes.join(', '),
    }));
    expect(rows.sort(byForm)).toEqual(table.sort(byForm));
  });

  it('gives examples that are accepted', () => {
    const examples = [...text.matchAll(/faults\.set\('(\w+)', '([^']+)'/g)];
    expect(examples.length).toBeGreaterThan(2);
    for (const [, route, fault] of examples) expect(parseFault(String(fault), route as 'bulk').text).toBe(fault);
  });

  it('tells the longest hold', () => {
    expect(text).toContain(`${MAX_HOLD_MS / 60_000} minutes`);
  });
});
