/** The example of docs/policy-abi.md; a test holds the two equal. */

import { Answer, change, Input, Json, Policy, PolicyInfo, register, REQUEST_HEADERS } from '../../../../assembly/policy/index';

class Greet extends Policy {
  constructor(private text: string) {
    super(REQUEST_HEADERS);
  }

  onRequestHeaders(input: Input): Answer | null {
    if (input.headers.has('x-greeting')) return null;
    return change().setHeader('x-greeting', this.text + ' ' + input.tenant);
  }
}

register((info: PolicyInfo, params: Json): Policy | null => new Greet(params.get('text').asText('hello')));

export * from '../../../../assembly/policy/exports';
