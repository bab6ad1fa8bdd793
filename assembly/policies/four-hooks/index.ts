/**
 * four-hooks: one small change in each hook, what benchmarks of policy engines have in common. Each header hook looks at a
 * header and sets one, each body hook puts a prefix before the body.
 *
 *   prefix   text before bodies; default `[seen] `
 */

import {
  Answer,
  change,
  Input,
  Json,
  Policy,
  PolicyInfo,
  register,
  REQUEST_BODY,
  REQUEST_HEADERS,
  RESPONSE_BODY,
  RESPONSE_HEADERS,
} from '../../policy';

class FourHooks extends Policy {
  constructor(private prefix: string) {
    super(REQUEST_HEADERS | REQUEST_BODY | RESPONSE_HEADERS | RESPONSE_BODY);
  }

  onRequestHeaders(input: Input): Answer | null {
    const agent = input.headers.bytes('user-agent');
    return agent == null ? null : change().setHeaderBytes('x-seen-agent', agent);
  }

  onRequestBody(input: Input): Answer | null {
    const agent = input.headers.bytes('user-agent');
    const length = input.body.length;
    const answer = change().addText(this.prefix).partOfBody(0, length);
    return agent == null ? answer : answer.setHeaderBytes('x-seen-agent', agent);
  }

  onResponseHeaders(input: Input): Answer | null {
    const type = input.responseHeaders.bytes('content-type');
    return type == null ? null : change().setHeaderBytes('x-seen-type', type);
  }

  onResponseBody(input: Input): Answer | null {
    return change().addText(this.prefix).partOfBody(0, input.responseBody.length);
  }
}

register((info: PolicyInfo, params: Json): Policy | null => new FourHooks(params.get('prefix').asText('[seen] ')));

export * from '../../policy/exports';
