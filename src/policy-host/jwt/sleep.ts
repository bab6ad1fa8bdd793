/** A pause on the clock of the caller. */

import { type Clock, startTimer } from '../../options/clock.ts';

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    startTimer(clock, resolve, ms);
  });
}
