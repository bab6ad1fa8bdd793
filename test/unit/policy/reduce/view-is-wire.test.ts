import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RequestView, ResponseView } from '../../../../src/policy/model/views.ts';
import { applyRequest, applyResponse } from '../../../../src/policy/reduce/apply.ts';
import { actionFault } from '../../../../src/policy/reduce/check-action.ts';
import { deriveRequest, deriveResponse, isEmptyMutation, settleHeaders } from '../../../../src/policy/reduce/derive.ts';
import { foldRequest, foldResponse } from '../../../../src/policy/reduce/fold.ts';
import { requestBase, requestChanges, responseBase, responseChanges } from '../support/arbitrary.ts';

const RUNS = 10_000;

/** Everything of a message that a peer can see, in a form that can be compared. */
function wire(view: RequestView | ResponseView): unknown {
  const { headers, body, ...rest } = view;
  const lines = [...headers.entries()].map(([name, values]) => [name, [...values]] as const);
  return { ...rest, headers: Object.fromEntries(lines), body: Buffer.from(body.content).toString('latin1') };
}

describe('what policies see is what the wire gets', () => {
  it('request: applying the mutation to the message gives the view, and a second mutation is empty (P-47)', () => {
    fc.assert(
      fc.property(requestBase, fc.array(requestChanges, { maxLength: 5 }), (base, actions) => {
        for (const action of actions) expect(actionFault(action, 2)).toBeUndefined();
        const view = actions.reduce(foldRequest, base);
        const settled = { ...view, headers: settleHeaders(base, view) };
        const received = applyRequest(base, deriveRequest(base, view));
        expect(wire(received)).toEqual(wire(settled));
        expect(isEmptyMutation(deriveRequest(settled, settled))).toBe(true);
        expect(isEmptyMutation(deriveRequest(received, received))).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('response: the same (P-47)', () => {
    fc.assert(
      fc.property(responseBase, fc.array(responseChanges, { maxLength: 5 }), (base, actions) => {
        for (const action of actions) expect(actionFault(action, 4)).toBeUndefined();
        const view = actions.reduce(foldResponse, base);
        const settled = { ...view, headers: settleHeaders(base, view) };
        expect(wire(applyResponse(base, deriveResponse(base, view)))).toEqual(wire(settled));
        expect(isEmptyMutation(deriveResponse(settled, settled))).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  it('folding changes nothing it was given (P-47)', () => {
    fc.assert(
      fc.property(requestBase, requestChanges, (base, action) => {
        const before = JSON.stringify([wire(base), action, [...base.body.content]]);
        foldRequest(Object.freeze(base), Object.freeze(action));
        expect(JSON.stringify([wire(base), action, [...base.body.content]])).toBe(before);
      }),
      { numRuns: 2_000 },
    );
  });

  it('equal views give byte-equal mutations, whatever order their headers were written in', () => {
    const base: RequestView = fc.sample(requestBase, 1)[0] as RequestView;
    const one = foldRequest(base, {
      kind: 'request-changes',
      headers: {
        set: [
          ['x-1', 'a'],
          ['x-2', 'b'],
        ],
      },
    });
    const other = foldRequest(base, {
      kind: 'request-changes',
      headers: {
        set: [
          ['X-2', 'b'],
          ['X-1', 'a'],
        ],
      },
    });
    expect(JSON.stringify(deriveRequest(base, one))).toBe(JSON.stringify(deriveRequest(base, other)));
  });
});
