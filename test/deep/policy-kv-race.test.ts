/** The sum of P-69 at its full size. */

import { expect, it } from 'vitest';
import { race } from '../unit/policy-host/support/race.ts';

it('P-69 sums 8 slots and 4 workers of 100,000 increments each exactly', async () => {
  expect(await race(8, 4, 100_000)).toEqual({ total: 1_200_000, failed: 0 });
}, 180_000);
