import type { BeforeHookContext, EvaluationContext } from '@openfeature/server-sdk';
import { describe, expect, it } from 'vitest';
import { ContextHook } from '../../../src/provider/context-hook.ts';

function enrich(context: EvaluationContext, exporterMetadata = {}): EvaluationContext {
  return new ContextHook(exporterMetadata).before({ context } as BeforeHookContext);
}

const OURS = { provider: 'javascript', openfeature: true };

describe('the context hook', () => {
  it('nests the metadata under gofeatureflag.exporterMetadata, ours last (GOFF-CTX-007, GOFF-COLL-011, GOFF-COLL-012)', () => {
    expect(enrich({ targetingKey: 'u' }, { service: 'shop', provider: 'mine' })).toEqual({
      targetingKey: 'u',
      gofeatureflag: { exporterMetadata: { service: 'shop', ...OURS } },
    });
  });

  it("merges and keeps siblings, the caller's own reserved fields among them (D-79, GOFF-CTX-006, GOFF-CTX-009)", () => {
    const reserved = { flagList: ['a'], currentDateTime: '2026-01-01T00:00:00Z', exporterMetadata: { old: true } };
    expect(enrich({ gofeatureflag: reserved })).toEqual({
      gofeatureflag: { ...reserved, exporterMetadata: OURS },
    });
  });

  it('writes neither flagList nor currentDateTime itself (GOFF-CTX-009)', () => {
    expect(Object.keys(enrich({}).gofeatureflag as object)).toEqual(['exporterMetadata']);
  });

  it.each([
    ['a text', 'text'],
    ['a list', ['a']],
    ['null', null],
    ['a date', new Date(0)],
    ['a number', 7],
  ])('replaces a gofeatureflag that is %s (D-79, GOFF-CTX-008)', (_, given) => {
    expect(enrich({ gofeatureflag: given as never })).toEqual({ gofeatureflag: { exporterMetadata: OURS } });
  });

  it("gives a new context and leaves the caller's as it was, also when it is frozen (GOFF-HOOK-004)", () => {
    const siblings = Object.freeze({ flagList: ['a'] });
    const context = Object.freeze({ targetingKey: 'u', gofeatureflag: siblings });
    const enriched = enrich(context as unknown as EvaluationContext);
    expect(enriched).not.toBe(context);
    expect(enriched.gofeatureflag).not.toBe(siblings);
    expect(context).toEqual({ targetingKey: 'u', gofeatureflag: { flagList: ['a'] } });
  });

  it('has a before stage and no other (GOFF-HOOK-004)', () => {
    const hook = new ContextHook({}) as { before?: unknown; after?: unknown; error?: unknown; finally?: unknown };
    expect([hook.before, hook.after, hook.error, hook.finally].map((stage) => typeof stage)).toEqual([
      'function',
      'undefined',
      'undefined',
      'undefined',
    ]);
  });

  it('one evaluation that changes what it was given changes nothing for the next', () => {
    const hook = new ContextHook({ service: 'shop' });
    const first = hook.before({ context: {} } as BeforeHookContext) as { gofeatureflag: { exporterMetadata: object } };
    Object.assign(first.gofeatureflag.exporterMetadata, { service: 'other' });
    expect(hook.before({ context: {} } as BeforeHookContext)).toEqual({
      gofeatureflag: { exporterMetadata: { service: 'shop', ...OURS } },
    });
  });
});
