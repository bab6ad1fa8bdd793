import { describe, expect, it } from 'vitest';
import type { FlagFile } from '../../../src/flags/files/flag-file.ts';
import type { Finding } from '../../../src/flags/finding.ts';
import type { JsonValue } from '../../../src/internal/json.ts';
import type { FlagDocument } from '../../../src/server/flag-set.ts';
import type { FlagSource, SourceFailure } from '../../../src/server/flag-source.ts';
import type { FlagStoreOptions, StoreEvent } from '../../../src/server/flag-store.ts';
import { FlagStore } from '../../../src/server/flag-store.ts';
import { DefaultRuleEvaluator } from './test-relay.ts';

const GOOD = { variations: { on: true }, defaultRule: { variation: 'on' } };

/** A source whose next content or failure the test sets. */
class ScriptedSource implements FlagSource {
  readonly name: string;
  content: FlagFile | undefined;
  failure: SourceFailure | undefined;
  isClosed = false;
  #listener: () => void = () => {};

  constructor(name: string, flags: Record<string, JsonValue>, findings: Finding[] = []) {
    this.name = name;
    this.put(flags, findings);
  }

  put(flags: Record<string, JsonValue>, findings: Finding[] = []): void {
    this.content = { flags: new Map(Object.entries(flags)), findings, isReadable: true, positions: () => undefined };
    this.failure = undefined;
    this.#listener();
  }

  fail(message: string): void {
    this.failure = { message, since: new Date() };
    this.#listener();
  }

  read(): Promise<void> {
    return Promise.resolve();
  }

  watch(listener: () => void): Promise<void> {
    this.#listener = listener;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

interface Bench {
  readonly store: FlagStore;
  readonly events: StoreEvent[];
  readonly loads: FlagDocument[];
  keys(): string[];
}

function bench(sources: FlagSource[], overrides: Partial<FlagStoreOptions> = {}): Bench {
  const events: StoreEvent[] = [];
  const loads: FlagDocument[] = [];
  const store = new FlagStore({
    sources,
    enrichment: {},
    createEvaluator: (document) => {
      loads.push(document);
      const evaluator = new DefaultRuleEvaluator(document);
      const load = evaluator.load.bind(evaluator);
      evaluator.load = (next) => {
        loads.push(next);
        return load(next);
      };
      return Promise.resolve(evaluator);
    },
    listener: (event) => events.push(event),
    ...overrides,
  });
  return { store, events, loads, keys: () => [...store.current.flags.keys()] };
}

describe('FlagStore', () => {
  it('leaves a bad flag out, tells why, and serves the others', async () => {
    const { store, events, keys } = bench([new ScriptedSource('one', { good: GOOD, bad: { variations: {} } })]);
    await store.start();
    expect([keys(), store.invalidFlags.map(({ flagKey }) => flagKey)]).toEqual([['good'], ['bad']]);
    const message = expect.stringContaining('flag "bad", field variations: no variation available');
    expect(events).toEqual([{ type: 'invalid-flag', flagKey: 'bad', message }]);
  });

  it('tells of a bad flag once, not on every reading', async () => {
    const source = new ScriptedSource('one', { bad: 1 });
    const { store, events } = bench([source]);
    await store.start();
    await store.reload();
    source.put({ bad: 1, good: GOOD });
    await store.reload();
    expect(events.map(({ type }) => type)).toEqual(['invalid-flag', 'changed']);
  });

  it('gives the evaluator what it serves: the internal form and the enrichment', async () => {
    const source = new ScriptedSource('one', { a: { ...GOOD, owner: 'dropped', version: null } });
    const { store, loads } = bench([source], { enrichment: { env: 'test' } });
    await store.start();
    expect(loads).toEqual([{ flags: { a: GOOD }, evaluationContextEnrichment: { env: 'test' } }]);
    expect(Object.getPrototypeOf(loads[0]?.flags)).toBeNull();
  });

  it('changes evaluator and served set together, and neither when nothing changed', async () => {
    const source = new ScriptedSource('one', { a: GOOD });
    const { store, events, loads, keys } = bench([source]);
    await store.start();
    source.put({ a: { ...GOOD, unknown: 1 } });
    await store.reload();
    expect([loads.length, events.length]).toEqual([1, 0]);
    source.put({ b: GOOD });
    await store.reload();
    expect([loads.length, keys()]).toEqual([2, ['b']]);
    expect(events).toMatchObject([{ type: 'changed', change: { added: new Map([['b', { value: GOOD }]]) } }]);
  });

  it('keeps the set in use when the evaluator refuses the next one, and shows it as a failure until it is mended', async () => {
    const source = new ScriptedSource('one', { a: GOOD });
    let refuses = true;
    const { store, events, keys } = bench([source], {
      createEvaluator: (document) => {
        const evaluator = new DefaultRuleEvaluator(document);
        evaluator.load = () => (refuses ? Promise.reject(new Error('too large')) : Promise.resolve());
        return Promise.resolve(evaluator);
      },
    });
    await store.start();
    source.put({ b: GOOD });
    await store.reload();
    expect(keys()).toEqual(['a']);
    expect(store.failures.get('configuration')?.message).toContain('too large');
    refuses = false;
    await store.reload();
    expect([keys(), store.failures.size]).toEqual([['b'], 0]);
    expect(events.map(({ type }) => type)).toEqual(['source-failed', 'source-recovered', 'changed']);
  });

  it('tells once that a source failed and once that it recovered', async () => {
    const source = new ScriptedSource('one', { a: GOOD });
    const { store, events, keys } = bench([source]);
    await store.start();
    source.fail('the file is empty');
    source.fail('the file is empty');
    await store.reload();
    expect(keys()).toEqual(['a']);
    source.put({ a: GOOD });
    await store.reload();
    expect(events).toEqual([
      { type: 'source-failed', source: 'one', message: 'the file is empty' },
      { type: 'source-recovered', source: 'one' },
    ]);
  });

  it('does not start on a source that cannot be read', async () => {
    const source = new ScriptedSource('flags.yaml', {});
    source.fail('the file cannot be read (ENOENT)');
    const { store } = bench([source]);
    await expect(store.start()).rejects.toThrow('INVALID_FLAG_FILE: flags.yaml: the file cannot be read (ENOENT)');
    expect(() => store.current).toThrow('NOT_STARTED');
    expect(() => store.evaluator).toThrow('NOT_STARTED');
  });

  it('closes sources and evaluator', async () => {
    const source = new ScriptedSource('one', {});
    const { store, events } = bench([source]);
    await store.start();
    const { evaluator } = store;
    await store.close();
    source.put({ a: GOOD });
    await store.reload();
    expect([source.isClosed, (evaluator as DefaultRuleEvaluator).isClosed, events]).toEqual([true, true, []]);
  });
});
