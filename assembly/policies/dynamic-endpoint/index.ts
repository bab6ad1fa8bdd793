/** dynamic-endpoint: names the upstream a request goes to, `targetUpstream`. */

import {
  Answer,
  change,
  Input,
  Json,
  Policy,
  PolicyInfo,
  PreparedAction,
  register,
  rejectParams,
  REQUEST_HEADERS,
} from '../../policy';

class DynamicEndpoint extends Policy {
  constructor(private answer: PreparedAction) {
    super(REQUEST_HEADERS);
  }

  onRequestHeaders(_input: Input): Answer | null {
    return this.answer;
  }

  onDestroy(): void {
    this.answer.drop();
  }
}

register((info: PolicyInfo, params: Json): Policy | null => {
  const target = params.get('targetUpstream').asText();
  if (target == '') {
    rejectParams('/targetUpstream: is missing');
    return null;
  }
  return new DynamicEndpoint(change().upstream(target).prepare());
});

export * from '../../policy/exports';
