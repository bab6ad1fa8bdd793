/** When events leave the provider, in both answers to "who announces READY". */

import { describe, expect, it } from 'vitest';
import { EdictError } from '../../../src/errors.ts';
import { LifecycleEvents } from '../../../src/provider/lifecycle-events.ts';
import { settle } from '../relay/support/fake-clock.ts';

const TRAP = new EdictError('TRAP', 'scripted');
const REJECTED = { isServing: false, error: { code: 'PROVIDER_NOT_READY', message: 'no relay' } } as const;

function rig(ownsLifecycleEvents?: boolean) {
  const emitted: string[] = [];
  const events = new LifecycleEvents((type, context) => {
    const { errorCode, flagsChanged } = context as { errorCode?: string; flagsChanged?: string[] };
    emitted.push([type.replace('PROVIDER_', ''), errorCode, flagsChanged?.join()].filter(Boolean).join(' '));
  }, ownsLifecycleEvents);
  return { events, emitted };
}

describe('where the SDK announces READY and ERROR', () => {
  it('nothing leaves before the first macrotask after initialize settled, then all of it in order', async () => {
    const { events, emitted } = rig();
    const settled = events.begin();
    events.hear({ type: 'stale', message: 'early' });
    settled({ isServing: true });
    events.hear({ type: 'changed', flagsChanged: ['a', 'b'] });
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(emitted).toEqual([]);
    await settle();
    expect(emitted).toEqual(['STALE', 'CONFIGURATION_CHANGED a,b']);
  });

  it('no status is told twice in a row, and READY not at all when the SDK has told it', async () => {
    const { events, emitted } = rig();
    events.begin()({ isServing: true });
    await settle();
    events.hear({ type: 'ready' });
    for (let i = 0; i < 2; i++) events.hear({ type: 'stale', message: '' });
    for (let i = 0; i < 2; i++) events.hear({ type: 'error', error: TRAP });
    for (let i = 0; i < 2; i++) events.hear({ type: 'ready' });
    expect(emitted).toEqual(['STALE', 'ERROR GENERAL', 'READY']);
  });

  it('a change before anybody was told of a first configuration is none', async () => {
    const { events, emitted } = rig();
    events.hear({ type: 'changed', flagsChanged: ['a'] });
    const settled = events.begin();
    events.hear({ type: 'changed', flagsChanged: ['b'] });
    settled({ isServing: true });
    await settle();
    expect(emitted).toEqual([]);
  });

  it('an error before anything was served is PROVIDER_NOT_READY, later it has its own code', async () => {
    const { events, emitted } = rig();
    events.begin()({ isServing: false });
    await settle();
    events.hear({ type: 'error', error: TRAP });
    events.hear({ type: 'ready' });
    events.hear({ type: 'error', error: TRAP });
    expect(emitted).toEqual(['ERROR PROVIDER_NOT_READY', 'READY', 'ERROR GENERAL']);
  });

  it('READY is told after a start that failed', async () => {
    const { events, emitted } = rig();
    events.begin()(REJECTED);
    await settle();
    events.hear({ type: 'ready' });
    expect(emitted).toEqual(['READY']);
  });

  it('with two starts at once, all waits for the later one', async () => {
    const { events, emitted } = rig();
    const [first, second] = [events.begin(), events.begin()];
    first({ isServing: true });
    events.hear({ type: 'stale', message: '' });
    await settle();
    expect(emitted).toEqual([]);
    second({ isServing: true });
    await settle();
    expect(emitted).toEqual(['STALE']);
  });

  it('close forgets what waits, and the start that was under way', async () => {
    const { events, emitted } = rig();
    const settled = events.begin();
    events.hear({ type: 'stale', message: '' });
    events.close();
    settled({ isServing: true });
    await settle();
    expect(emitted).toEqual([]);
    events.begin()({ isServing: true });
    await settle();
    events.hear({ type: 'stale', message: '' });
    expect(emitted).toEqual(['STALE']);
  });
});

describe('where the provider owns its lifecycle events', () => {
  it('READY leaves before initialize settles, once', async () => {
    const { events, emitted } = rig(true);
    const settled = events.begin();
    events.hear({ type: 'ready' });
    settled({ isServing: true });
    expect(emitted).toEqual(['READY']);
    await settle();
    expect(emitted).toEqual(['READY']);
  });

  it('ERROR leaves before initialize rejects, with its code', async () => {
    const { events, emitted } = rig(true);
    events.begin()(REJECTED);
    expect(emitted).toEqual(['ERROR PROVIDER_NOT_READY']);
    await settle();
    events.hear({ type: 'ready' });
    expect(emitted).toEqual(['ERROR PROVIDER_NOT_READY', 'READY']);
  });
});
