/**
 * set-headers: sets, appends and removes headers, the same for every exchange.
 *
 *   requestHeaders, responseHeaders: lists of { name, value, action }, action `set` (default), `append` or `remove`
 *
 * Both answers are put together once, when an instance is made.
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

const MAX_VALUE_LENGTH = 8_192;

class SetHeaders extends Policy {
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
    const entry = list.at(i);
    const name = entry.get('name').asText();
    const value = entry.get('value').asText();
    const what = entry.get('action').asText('set');
    const wrong = faultOf(name, value, what);
    if (wrong != '') {
      rejectParams(path + '/' + i.toString() + ': ' + wrong);
      return null;
    }
    if (what == 'append') action.appendHeader(name, value);
    else if (what == 'remove') action.removeHeader(name);
    else action.setHeader(name, value);
  }
  return action.prepare();
}

function faultOf(name: string, value: string, what: string): string {
  if (what != 'set' && what != 'append' && what != 'remove') return 'the action is set, append or remove';
  if (name.length == 0) return 'the name is missing';
  for (let i = 0; i < name.length; i++) {
    if (!isToken(name.charCodeAt(i))) return 'the name is no header name';
  }
  if (value.length > MAX_VALUE_LENGTH) return 'the value is longer than 8192 bytes';
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit == 0 || unit == 10 || unit == 13) return 'the value holds CR, LF or NUL';
    if (unit > 0xff) return 'the value holds a character of more than one byte';
  }
  return '';
}

/** RFC 9110. */
function isToken(unit: i32): bool {
  const letter = unit | 32;
  if ((letter >= 0x61 && letter <= 0x7a) || (unit >= 0x30 && unit <= 0x39)) return true;
  return "!#$%&'*+-.^_`|~".indexOf(String.fromCharCode(unit)) >= 0;
}

register((info: PolicyInfo, params: Json): Policy | null => {
  const request = prepared(params.get('requestHeaders'), '/requestHeaders');
  const response = prepared(params.get('responseHeaders'), '/responseHeaders');
  if (request == null && response == null) {
    rejectParams('give at least one of requestHeaders and responseHeaders');
    return null;
  }
  return new SetHeaders(request, response);
});

export * from '../../policy/exports';
