/** How a hook says that it waits for an operation of the host and goes on in `onResume`. */

import { Answer } from './action';

let waits: bool = false;

class Waiting extends Answer {
  finish(): u32 {
    return 0;
  }
}

const waiting = new Waiting();

/** `return wait();` after `http.start` gave a token. Keep what you need in the policy: the input is gone afterwards. */
export function wait(): Answer {
  waits = true;
  return waiting;
}

export function takeWaiting(): bool {
  const was = waits;
  waits = false;
  return was;
}
