import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Holds, MAX_HOLD_MS } from '../../../../src/server/faults/holds.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function response(): ServerResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}

/** What the server does when the client leaves. */
function leave(one: ServerResponse): void {
  one.destroyed = true;
  one.emit('close');
}

describe('held responses', () => {
  it('are cut when the time is over', () => {
    const holds = new Holds();
    const one = response();
    holds.keep(one);
    vi.advanceTimersByTime(MAX_HOLD_MS - 1);
    expect(one.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(one.destroyed).toBe(true);
  });

  it('leave no timer behind when the client goes', async () => {
    const holds = new Holds();
    const [kept, ticking, waiting] = [response(), response(), response()];
    let ticks = 0;
    holds.keep(kept);
    holds.every(ticking, 10, () => {
      ticks += 1;
    });
    const waited = holds.wait(waiting, 1_000);
    vi.advanceTimersByTime(35);
    expect([holds.size, ticks]).toEqual([3, 3]);
    for (const one of [kept, ticking, waiting]) leave(one);
    expect(await waited).toBe(false);
    expect([holds.size, vi.getTimerCount()]).toEqual([0, 0]);
    vi.advanceTimersByTime(100);
    expect(ticks).toBe(3);
  });

  it('are cut by closing, and so is whatever comes later', async () => {
    const holds = new Holds();
    const [early, late, gone] = [response(), response(), response()];
    holds.keep(early);
    holds.close();
    expect(early.destroyed).toBe(true);
    holds.keep(late);
    expect(late.destroyed).toBe(true);
    leave(gone);
    expect(await holds.wait(gone, 1_000)).toBe(false);
  });

  it('wait as long as they were told', async () => {
    const holds = new Holds();
    const waited = holds.wait(response(), 1_000);
    vi.advanceTimersByTime(1_000);
    expect(await waited).toBe(true);
  });
});
