/**
 * set-headers as a native policy, the twin of assembly/policies/set-headers: sets, appends and removes headers, the same for
 * every exchange. `requestHeaders` and `responseHeaders` are lists of `{ name, value, action }`, the action being `set` (when
 * not given), `append` or `remove`.
 */

import { isJsonObject, type JsonValue } from '../../internal/json.ts';
import type { HeaderChanges, HeaderPair } from '../model/headers.ts';
import { type NativeHooks, NativePolicy, RefusedParams } from '../native/native-policy.ts';

const MAX_VALUE_LENGTH = 8_192;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LINE_END = /[\0\r\n]/;
const BEYOND_A_BYTE = /[^\0-\u00ff]/;

export const setHeaders = new NativePolicy(
  'set-headers',
  'v1.0.0',
  ({ requestHeaders, responseHeaders }): NativeHooks => {
    const request = prepared(requestHeaders, '/requestHeaders');
    const response = prepared(responseHeaders, '/responseHeaders');
    if (request === undefined && response === undefined) {
      throw new RefusedParams('give at least one of requestHeaders and responseHeaders');
    }
    const onRequest = Object.freeze({ kind: 'request-changes' as const, headers: request ?? {} });
    const onResponse = Object.freeze({ kind: 'response-changes' as const, headers: response ?? {} });
    return {
      modes: {
        requestHeaders: request === undefined ? 'skip' : 'process',
        responseHeaders: response === undefined ? 'skip' : 'process',
      },
      ...(request === undefined ? {} : { onRequestHeaders: () => onRequest }),
      ...(response === undefined ? {} : { onResponseHeaders: () => onResponse }),
    };
  },
);

/** Undefined where there is nothing to do. Names come out in lower case, as they do from a guest. */
function prepared(list: JsonValue | undefined, path: string): HeaderChanges | undefined {
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const set: HeaderPair[] = [];
  const append: HeaderPair[] = [];
  const remove: string[] = [];
  for (const [index, item] of list.entries()) {
    const entry = isJsonObject(item) ? item : {};
    const name = textOf(entry.name, '');
    const value = textOf(entry.value, '');
    const action = textOf(entry.action, 'set');
    const fault = faultOf(name, value, action);
    if (fault !== undefined) throw new RefusedParams(`${path}/${index}: ${fault}`);
    if (action === 'remove') remove.push(name.toLowerCase());
    else (action === 'append' ? append : set).push([name.toLowerCase(), value]);
  }
  return {
    ...(set.length === 0 ? {} : { set }),
    ...(append.length === 0 ? {} : { append }),
    ...(remove.length === 0 ? {} : { remove }),
  };
}

function textOf(value: JsonValue | undefined, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function faultOf(name: string, value: string, action: string): string | undefined {
  if (action !== 'set' && action !== 'append' && action !== 'remove') return 'the action is set, append or remove';
  if (name === '') return 'the name is missing';
  if (!TOKEN.test(name)) return 'the name is no header name';
  if (value.length > MAX_VALUE_LENGTH) return 'the value is longer than 8192 bytes';
  if (LINE_END.test(value)) return 'the value holds CR, LF or NUL';
  if (BEYOND_A_BYTE.test(value)) return 'the value holds a character of more than one byte';
  return undefined;
}
