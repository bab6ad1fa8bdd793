/** loop-forever: what a policy with a bug does. It is here to be stopped. */

import { Answer, Input, Json, Policy, PolicyInfo, register, REQUEST_HEADERS } from '../../policy';

class LoopForever extends Policy {
  constructor() {
    super(REQUEST_HEADERS);
  }

  onRequestHeaders(input: Input): Answer | null {
    let turns: u64 = 0;
    // Asks the input each time, so that the compiler cannot see that nothing comes of it.
    while (input.status != 1) turns++;
    return turns == 0 ? null : null;
  }
}

register((info: PolicyInfo, params: Json): Policy | null => new LoopForever());

export * from '../../policy/exports';
