/**
 * remove-headers: takes headers out, the same for every exchange.
 *
 *   requestHeaders, responseHeaders: lists of { name }
 */

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
  RESPONSE_HEADERS,
} from '../../policy';

class RemoveHeaders extends Policy {
  constructor(
    private request: PreparedAction | null,
    private response: PreparedAction | null,
  ) {
    super((request != null ? REQUEST_HEADERS : 0) | (response != null ? RESPONSE_HEADERS : 0));
  }

  onRequestHeaders(_input: Input): Answer | null {
    return this.request;
  }

  onResponseHeaders(_input: Input): Answer | null {
    return this.response;
  }

  onDestroy(): void {
    const request = this.request;
    const response = this.response;
    if (request != null) request.drop();
    if (response != null) response.drop();
  }
}

/** Null where there is nothing to do, or something is wrong with the list. */
function prepared(list: Json, path: string): PreparedAction | null {
  if (!list.isList || list.length == 0) return null;
  const action = change();
  for (let i = 0; i < list.length; i++) {
    const name = list.at(i).get('name').asText();
    const wrong = name == '' ? 'the name is missing' : isToken(name) ? '' : 'the name is no header name';
    if (wrong != '') {
      rejectParams(path + '/' + i.toString() + ': ' + wrong);
      return null;
    }
    action.removeHeader(name);
  }
  return action.prepare();
}

/** RFC 9110. */
function isToken(name: string): bool {
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    const letter = unit | 32;
    if ((letter >= 0x61 && letter <= 0x7a) || (unit >= 0x30 && unit <= 0x39)) continue;
    if ("!#$%&'*+-.^_`|~".indexOf(String.fromCharCode(unit)) < 0) return false;
  }
  return true;
}

register((info: PolicyInfo, params: Json): Policy | null => {
  const request = prepared(params.get('requestHeaders'), '/requestHeaders');
  const response = prepared(params.get('responseHeaders'), '/responseHeaders');
  if (request == null && response == null) {
    rejectParams('give at least one of requestHeaders and responseHeaders');
    return null;
  }
  return new RemoveHeaders(request, response);
});

export * from '../../policy/exports';
