import { describe, expect, it, onTestFinished } from 'vitest';
import { InProcessEvaluator } from '../../../src/evaluator/in-process-evaluator.ts';
import { definePolicy } from '../../../src/policy-engine/index.ts';
import { FolderRig, marking, serve } from './support/folder-rig.ts';

async function evaluatorOf(flags: object): Promise<InProcessEvaluator> {
  const evaluator = new InProcessEvaluator({ bootstrap: { flags } });
  await evaluator.initialize();
  onTestFinished(() => evaluator.close());
  return evaluator;
}

const share = (percentage: number) => ({
  variations: { on: true, off: false },
  defaultRule: { percentage: { on: percentage, off: 100 - percentage } },
});

describe('the flag of a position', () => {
  it('switches a policy on for a percentage of visitors, the same ones each time (P-61)', async () => {
    const rig = await FolderRig.create();
    const flags = await evaluatorOf({ 'new-auth': share(30) });
    const engine = rig.engine({ policies: [marking('mark')], flags, targetingKeyHeader: 'x-user' });
    await engine.load({ routes: [{ key: '*|/a|*', policies: [{ use: 'mark', flag: 'new-auth' }] }] });
    const ask = await serve(engine);
    const marked = async (user: string): Promise<boolean> => {
      const { body } = await ask('/a', { headers: { 'x-user': user } });
      return 'x-mark' in (JSON.parse(body) as object);
    };
    let on = 0;
    for (let i = 0; i < 100; i++) {
      const { value } = flags.evaluate('new-auth', { targetingKey: `user-${i}` });
      expect(await marked(`user-${i}`), `user-${i}`).toBe(value);
      if (value === true) on++;
    }
    expect(on).toBeGreaterThan(15);
    expect(on).toBeLessThan(45);
  });

  it('joins the condition of the position', async () => {
    const rig = await FolderRig.create();
    const flags = await evaluatorOf({ on: share(100), off: share(0) });
    const condition = 'request.Path == "/a/1" // only there';
    const engine = rig.engine({ policies: [marking('mark'), marking('other')], flags, targetingKeyHeader: 'x-user' });
    await engine.load({
      routes: [
        {
          key: '*|/a/{n}|*',
          policies: [
            { use: 'mark', flag: 'on', condition },
            { use: 'other', flag: 'off' },
          ],
        },
      ],
    });
    const ask = await serve(engine);
    const seen = async (path: string) => JSON.parse((await ask(path, { headers: { 'x-user': 'ana' } })).body) as object;
    expect(await seen('/a/1')).toHaveProperty('x-mark');
    expect(await seen('/a/1')).not.toHaveProperty('x-other');
    expect(await seen('/a/2')).not.toHaveProperty('x-mark');
  });

  it('that cannot be decided lets the policy run, unless its default says otherwise', async () => {
    const rig = await FolderRig.create();
    const engine = rig.engine({ policies: [marking('mark'), marking('other')], flags: await evaluatorOf({}) });
    await engine.load({
      routes: [
        {
          key: '*|/a|*',
          policies: [
            { use: 'mark', flag: 'missing' },
            { use: 'other', flag: { key: 'missing', default: false } },
          ],
        },
      ],
    });
    const seen = JSON.parse((await (await serve(engine))('/a')).body) as object;
    expect(seen).toHaveProperty('x-mark');
    expect(seen).not.toHaveProperty('x-other');
  });

  it('is a mistake where the engine has no flags, and where it is none', async () => {
    const rig = await FolderRig.create();
    const load = (flag: string | number, options = {}) =>
      rig.engine({ policies: [marking('mark')], ...options }).load({
        routes: [{ key: '*|/a|*', policies: [{ use: 'mark', flag }] }],
      });
    await expect(load('on')).rejects.toThrow('/routes/0/policies/0/flag needs flags');
    await expect(load(7, { flags: await evaluatorOf({}) })).rejects.toThrow('must be the key of a flag');
  });
});

describe('a native policy', () => {
  it('is refused with everything that is wrong about it', () => {
    expect(() => definePolicy({ name: 'Not A Name', hooks: {} })).toThrow(/name/);
    expect(() => definePolicy({ name: 'x', hooks: () => ({}) })).toThrow('processing must say');
    expect(() => definePolicy({ name: 'x', hooks: {}, parameters: { type: 'nonsense' } })).toThrow(/parameters/);
  });

  it('is made anew for each set of parameters, which were checked by its schema before it served', async () => {
    const rig = await FolderRig.create();
    const tag = definePolicy({
      name: 'tag',
      parameters: { type: 'object', required: ['value'], properties: { value: { type: 'string' } } },
      processing: { requestHeaders: 'process' },
      hooks: ({ value }) => ({
        onRequestHeaders: () => ({ kind: 'request-changes', headers: { set: [['x-tag', value as string]] } }),
      }),
    });
    const engine = rig.engine({ policies: [tag] });
    const { problems } = await engine.load({
      routes: [
        { key: '*|/a|*', policies: [{ use: 'tag', params: { value: 'a' } }] },
        { key: '*|/b|*', policies: [{ use: 'tag', params: { value: 'b' } }] },
        { key: '*|/c|*', policies: [{ use: 'tag', params: { value: 3 } }] },
      ],
    });
    expect(problems).toMatchObject([{ path: '/routes/2/policies/0/params/value', code: 'PARAMS_INVALID' }]);
    const ask = await serve(engine);
    expect(JSON.parse((await ask('/a')).body)).toMatchObject({ 'x-tag': 'a' });
    expect(JSON.parse((await ask('/b')).body)).toMatchObject({ 'x-tag': 'b' });
    expect((await ask('/c')).status).toBe(503);
  });
});
